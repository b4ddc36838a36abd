"""Two runs in, a verdict out; what cannot be compared is told before any arithmetic."""

import json
from dataclasses import replace

import numpy as np
import pytest
from run_builder import DEVICE, make_case, make_failure, make_row, make_run

from bench.comparing.compare import compare
from bench.comparing.power import Rule
from bench.comparing.terms import Terms
from bench.comparing.verdicts import Verdict, comparison_document
from bench.results import Outcome
from devices.schedule import Schedule

TERMS = Terms()
STEADY = 1 + 0.002 * np.array([0, 1, -1, 2, -2, 3, -3, 1.5])


def pair(base, candidate, **metrics):
    """Compare two runs of one case each, by their RTF."""
    rows = [make_row(rtf=samples, **metrics) for samples in (base, candidate)]
    return compare(make_run(rows[0]), make_run(rows[1]), TERMS)


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [
        (1.0, Verdict.SAME),
        (1.06, Verdict.REGRESSED),
        (0.94, Verdict.IMPROVED),
        (1.005, Verdict.SAME),
    ],
)
def test_a_clear_change_is_found_and_none_is_same(factor, verdict):
    found = pair(STEADY, STEADY[::-1] * factor)
    (change,) = found.changes
    assert change.verdict is found.verdict is verdict
    assert change.effect == pytest.approx(factor - 1)
    assert change.low <= change.effect <= change.high


def test_same_has_to_be_earned():
    noisy = 1 + 0.05 * np.array([0, 1, -1, 2, -2, 3, -3, 1.5])
    found = pair(noisy, noisy[::-1])
    assert found.verdict is Verdict.INCONCLUSIVE
    (change,) = found.changes
    assert change.repeats_needed > 8
    assert f"{change.repeats_needed} repeats" in change.reason
    assert change.detectable > 0.05


def test_few_repeats_claim_nothing_and_say_how_many_can():
    found = pair(STEADY[:4], 2 * STEADY[:4])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "5 can" in found.changes[0].reason


def test_one_repeat_claims_nothing():
    assert pair([1.0], [2.0]).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("session", ["", "one"])
@pytest.mark.parametrize("sizes", [(2, 20), (20, 2), (4, 60), (60, 4)])
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_a_side_of_fewer_than_five_repeats_claims_nothing_however_many_the_other_has(
    factor, sizes, session
):
    base, candidate = (1 + 1e-4 * np.arange(size) / size for size in sizes)
    runs = [
        make_run(make_row(rtf=samples), session=session) for samples in (base, factor * candidate)
    ]
    found = compare(*runs, TERMS)
    assert found.verdict is Verdict.INCONCLUSIVE
    fewest, most = sorted(sizes)
    assert found.changes[0].reason.startswith(f"{fewest} against {most} repeats cannot prove")


def test_unequal_sides_claim_what_their_exact_test_can():
    def found(sizes):
        rows = [
            [
                make_row(make_case(f"s{n}"), rtf=factor * (1 + 1e-4 * np.arange(size)))
                for n in range(20)
            ]
            for size, factor in zip(sizes, (1, 1.5), strict=True)
        ]
        return compare(*(make_run(*side) for side in rows), TERMS)

    assert found((5, 5)).verdict is Verdict.INCONCLUSIVE
    assert found((5, 20)).verdict is Verdict.REGRESSED


def test_many_gating_tests_need_more_repeats_than_one():
    rows = [
        [make_row(make_case(f"s{n}"), rtf=STEADY[:5] * factor) for n in range(20)]
        for factor in (1, 1.5)
    ]
    found = compare(*(make_run(*side) for side in rows), TERMS)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "among 20 gating tests: 7 can" in found.changes[0].reason


@pytest.mark.parametrize(
    ("condition", "changes"),
    [
        ("device", {"device": replace(DEVICE, model="Pixel 9")}),
        ("os", {"device": replace(DEVICE, os="Android 16")}),
        ("os", {"device": replace(DEVICE, fingerprint="another build")}),
        ("runner", {"device": replace(DEVICE, kind="linux")}),
        ("emulated", {"device": replace(DEVICE, emulated=True)}),
        ("pins", {"versions": {"executorch": "1.6.0"}}),
        ("threads", {"schedule": Schedule(threads=4)}),
        ("schedule", {"schedule": Schedule(warmup=9)}),
        ("model", {"model": {"weights": "trained"}}),
        ("passes", {"passes": (16,)}),
        ("utterances", {"utterances": {"short": {"text": "Ho.", "prompt": "heart"}}}),
    ],
)
def test_unlike_conditions_are_refused_by_name_unless_allowed(condition, changes):
    base, candidate = make_run(make_row(rtf=STEADY)), make_run(make_row(rtf=STEADY), **changes)
    found = compare(base, candidate, TERMS)
    assert found.verdict is Verdict.INCOMPARABLE
    assert condition in found.reason
    assert not found.changes
    assert [m.condition for m in found.mismatches] == [condition]
    assert found.mismatches[0].base != found.mismatches[0].candidate
    allowed = compare(base, candidate, Terms(allowed=frozenset({condition})))
    assert allowed.verdict is Verdict.SAME
    assert allowed.mismatches[0].allowed


@pytest.mark.parametrize("changes", [{"affinity": ("f0",)}, {"warnings": ("CLOCKS_PINNED",)}])
def test_rows_on_other_cores_or_clocks_compare_size_and_not_time(changes):
    row = make_row(rtf=STEADY, pte_bytes=1000)
    found = compare(make_run(row), make_run(replace(row, **changes)), TERMS)
    verdicts = {change.metric: change.verdict for change in found.changes}
    assert verdicts == {"rtf": Verdict.INCOMPARABLE, "pte_bytes": Verdict.SAME}
    assert found.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("taint", ["HOT", "THROTTLED", "SLOWED"])
def test_a_hot_device_proves_nothing_about_times(taint):
    found = compare(
        make_run(make_row(rtf=STEADY)), make_run(make_row(rtf=2 * STEADY, warnings=[taint])), TERMS
    )
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.changes[0].reason.startswith(f"{taint} in the candidate")


def test_other_load_beside_one_of_two_separate_runs_proves_nothing():
    base = make_run(make_row(rtf=STEADY, warnings=["OTHER_LOAD"]))
    candidate = make_run(make_row(rtf=2 * STEADY))
    assert compare(base, candidate, TERMS).verdict is Verdict.INCONCLUSIVE
    assert compare(base, base, TERMS).verdict is Verdict.SAME


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (Outcome.OK, Outcome.RUN, Verdict.REGRESSED),
        (Outcome.OK, Outcome.LOWER, Verdict.REGRESSED),
        (Outcome.RUN, Outcome.OK, Verdict.IMPROVED),
        (Outcome.RUN, Outcome.RUN, Verdict.SAME),
        (Outcome.OK, Outcome.SKIPPED, Verdict.INCONCLUSIVE),
        (Outcome.OK, Outcome.LOST, Verdict.INCONCLUSIVE),
    ],
)
def test_failures_are_compared_as_outcomes(before, after, verdict):
    steady = make_row(make_case("8da8w"), rtf=STEADY)

    def run_with(outcome):
        row = make_row(rtf=STEADY) if outcome is Outcome.OK else make_failure(outcome=outcome)
        return make_run(row, steady)

    found = compare(run_with(before), run_with(after), TERMS)
    (outcome,) = found.outcomes
    assert (outcome.base, outcome.candidate, outcome.verdict) == (before, after, verdict)
    assert found.verdict is verdict


def test_missing_and_new_cases_are_listed_and_a_missing_one_is_inconclusive():
    both, old, new = (make_row(make_case(name), rtf=STEADY) for name in ("a", "b", "c"))
    found = compare(make_run(both, old), make_run(both, new), TERMS)
    assert [case.scheme for case in found.missing] == ["b"]
    assert [case.scheme for case in found.new] == ["c"]
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "1 missing" in found.reason


def test_exact_metrics_are_compared_without_repeats():
    found = pair(STEADY, STEADY, pte_bytes=1000, token_agreement=0.99)
    assert {change.verdict for change in found.changes} == {Verdict.SAME}
    base = make_row(rtf=STEADY, pte_bytes=1000, token_agreement=0.99)
    worse = make_row(rtf=STEADY, pte_bytes=1010, token_agreement=0.90)
    found = compare(make_run(base), make_run(worse), TERMS)
    verdicts = {change.metric: change.verdict for change in found.changes}
    assert verdicts["pte_bytes"] is verdicts["token_agreement"] is Verdict.REGRESSED


def test_milliseconds_of_speeches_of_other_lengths_say_nothing():
    rows = [make_row(rtf=STEADY, smd_ms=STEADY, audio_frames=n) for n in (100, 120)]
    terms = Terms(metrics=("smd_ms", "rtf"))
    found = compare(make_run(rows[0]), make_run(rows[1]), terms)
    verdicts = {change.metric: change.verdict for change in found.changes}
    assert verdicts == {"smd_ms": Verdict.INCOMPARABLE, "rtf": Verdict.SAME}


def test_what_does_not_gate_only_informs():
    rows = [make_row(rtf=STEADY, smd_ms=STEADY * factor) for factor in (1, 2)]
    found = compare(make_run(rows[0]), make_run(rows[1]), TERMS)
    assert found.verdict is Verdict.SAME
    informing = [change for change in found.changes if not change.gates]
    assert [(c.metric, c.verdict) for c in informing] == [("smd_ms", Verdict.REGRESSED)]


def test_a_limit_replaces_what_gates_and_how_much_is_tolerated():
    rows = [make_row(rtf=STEADY * factor, pte_bytes=1000 * factor) for factor in (1, 1.06)]
    runs = [make_run(row) for row in rows]
    assert compare(*runs, Terms(limits={"rtf": 0.05})).verdict is Verdict.REGRESSED
    assert compare(*runs, Terms(limits={"rtf": 0.10})).verdict is Verdict.SAME


def test_a_device_s_noise_floor_keeps_a_shift_of_that_size_from_being_a_regression():
    runs = [make_run(make_row(rtf=STEADY * factor)) for factor in (1, 1.06)]
    assert compare(*runs, TERMS).verdict is Verdict.REGRESSED
    found = compare(*runs, Terms(floors={"rtf": 0.08}))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.changes[0].repeats_needed is None


def drifting(factor, shift):
    """Repeats on a device that grows slower by half from the first round to the last."""
    return (1 + 0.05 * np.arange(10) + 0.002 * shift) * factor


def test_rounds_of_one_session_are_compared_round_by_round_so_that_drift_cancels():
    base, candidate = (
        make_row(rtf=drifting(factor, shift))
        for factor, shift in ((1, 0), (1.05, np.arange(10) % 2))
    )
    apart = compare(make_run(base), make_run(candidate), TERMS)
    assert apart.verdict is Verdict.INCONCLUSIVE
    together = compare(make_run(base, session="s"), make_run(candidate, session="s"), TERMS)
    assert together.interleaved
    assert together.verdict is Verdict.REGRESSED
    assert together.changes[0].effect == pytest.approx(0.05, abs=0.005)


def test_schemes_are_compared_across_case_names():
    base = make_run(make_row(make_case("fp32"), rtf=STEADY))
    candidate = make_run(make_row(make_case("8da8w"), rtf=STEADY * 0.5))
    assert compare(base, candidate, TERMS).verdict is Verdict.INCOMPARABLE
    found = compare(base, candidate, Terms(across=frozenset({"scheme"})))
    assert found.verdict is Verdict.IMPROVED


def test_a_comparison_is_a_json_document():
    found = pair(STEADY, STEADY * 1.1, pte_bytes=1000)
    document = json.loads(json.dumps(comparison_document(found), allow_nan=False))
    assert document["verdict"] == "regressed"
    assert document["changes"][0]["case"]["scheme"] == "fp32"


def test_a_stricter_rule_claims_less():
    found = [
        compare(
            make_run(make_row(rtf=STEADY)),
            make_run(make_row(rtf=STEADY * 1.1)),
            Terms(rule=Rule(alpha=alpha)),
        ).verdict
        for alpha in (0.01, 1e-6)
    ]
    assert found == [Verdict.REGRESSED, Verdict.INCONCLUSIVE]


@pytest.mark.parametrize(
    ("base", "candidate"),
    [
        ([1e-308] * 7, [1e308] * 7),
        ([1e308] * 7, [1e-308] * 7),
        ([0.0] * 6, [1.0] * 6),
        ([-1.0] * 6, [1.0] * 6),
        ([5e-324] * 6 + [1e308], [1e308] * 7),
    ],
)
def test_extreme_values_make_finite_numbers_or_no_claim(base, candidate):
    found = pair(base, candidate, pte_bytes=1)
    json.dumps(comparison_document(found), allow_nan=False)
    sizes = [make_run(make_row(rtf=STEADY, pte_bytes=n)) for n in (0, 1e308)]
    json.dumps(comparison_document(compare(*sizes, TERMS)), allow_nan=False)


def test_runs_without_a_case_in_common_cannot_be_compared():
    runs = [make_run(make_row(make_case(name), rtf=STEADY)) for name in ("a", "b")]
    assert compare(*runs, TERMS).verdict is Verdict.INCOMPARABLE
    assert compare(make_run(), make_run(), TERMS).verdict is Verdict.INCOMPARABLE


def test_scores_of_sentences_are_compared_sentence_by_sentence():
    sentences = np.linspace(0, 0.6, 20)  # some are hard, whoever speaks
    rows = [make_row(rtf=STEADY, wer=sentences + more) for more in (0, 0.05)]
    found = compare(make_run(rows[0]), make_run(rows[1]), TERMS)
    (change,) = [change for change in found.changes if change.metric == "wer"]
    assert change.verdict is Verdict.REGRESSED
    assert change.absolute
    assert change.effect == pytest.approx(0.05)


def test_sentences_that_break_are_not_hidden_by_more_that_score_as_before():
    before, after = np.zeros(20), np.zeros(20)
    after[:4] = 1.0  # every word of four sentences is wrong
    rows = [make_row(rtf=STEADY, wer=scores) for scores in (before, after)]
    found = compare(make_run(rows[0]), make_run(rows[1]), Terms(limits={"wer": 0.02}))
    (change,) = found.changes
    assert change.verdict is Verdict.INCONCLUSIVE
    assert change.effect == pytest.approx(0.2)
    assert change.low < 0.2 < change.high


def test_a_value_that_is_no_number_is_no_improvement():
    for broken in (np.nan, np.inf, -np.inf):
        rows = [make_row(rtf=STEADY, lsd_db=value) for value in (1.0, broken)]
        found = compare(make_run(rows[0]), make_run(rows[1]), Terms(limits={"lsd_db": 0.1}))
        assert found.verdict is Verdict.INCONCLUSIVE
        assert "not a number" in found.changes[0].reason
    (change,) = pair(STEADY, [*STEADY[:-1], np.inf]).changes
    assert change.verdict is Verdict.INCONCLUSIVE
    assert "not a number" in change.reason


def test_where_nothing_can_be_found_no_size_is_said_to_be():
    runs = [
        make_run(*(make_row(make_case(f"text {n}"), rtf=STEADY[:5] * times) for n in range(40)))
        for times in (1, 1.5)
    ]
    found = compare(*runs, TERMS)
    assert {change.detectable for change in found.changes} == {None}
    assert "8 can" in found.changes[0].reason


@pytest.mark.parametrize("factor", [1.02, 1 / 1.02])
def test_a_change_of_just_the_tolerance_is_within_it(factor):
    assert pair(np.ones(6), np.full(6, factor)).verdict is Verdict.SAME


def test_labs_of_other_phones_are_refused():
    base = make_run(make_row(rtf=STEADY), members={"left": DEVICE})
    candidate = make_run(make_row(rtf=STEADY), members={"left": replace(DEVICE, model="Pixel 9")})
    assert [m.condition for m in compare(base, candidate, TERMS).mismatches] == ["members"]
