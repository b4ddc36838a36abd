"""The rule of comparisons keeps its error rates, whichever side or unit comes first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.comparing.judging import (
    compare_rounds,
    compare_runs,
    compare_sentences,
    decide,
    reach,
)
from bench.comparing.power import Rule
from bench.comparing.verdicts import Verdict

RULE = Rule()
TOLERANCE = np.log1p(0.02)
MIRRORED = {
    Verdict.REGRESSED: Verdict.IMPROVED,
    Verdict.IMPROVED: Verdict.REGRESSED,
    Verdict.SAME: Verdict.SAME,
    Verdict.INCONCLUSIVE: Verdict.INCONCLUSIVE,
}
TIMES = st.floats(0.5, 2.0)
REPEATS = arrays(np.float64, st.tuples(st.just(1), st.integers(2, 12)), elements=TIMES)


def verdicts(base, candidate, floor=0.0):
    found = compare_runs(base, candidate, np.full(len(base), floor))
    return found, judge(found)


def judge(found):
    ones = np.ones(len(found.effect))
    return decide(found, ones, TOLERANCE * ones, (found.larger_p, found.smaller_p), RULE)


@settings(deadline=None)
@given(REPEATS, REPEATS)
def test_trading_the_sides_trades_the_verdicts(base, candidate):
    there, one = verdicts(np.log(base), np.log(candidate))
    back, other = verdicts(np.log(candidate), np.log(base))
    assert MIRRORED[one[0]] is other[0]
    np.testing.assert_allclose(
        [there.effect, there.low, there.high], [-back.effect, -back.high, -back.low], atol=1e-12
    )


@settings(deadline=None)
@given(REPEATS, REPEATS, st.sampled_from([1e-6, 1e-3, 1e3, 1e6]))
def test_units_do_not_matter(base, candidate, unit):
    one, other = (
        verdicts(np.log(base * factor), np.log(candidate * factor)) for factor in (1, unit)
    )
    assert one[1] == other[1]
    np.testing.assert_allclose(one[0].effect, other[0].effect, atol=1e-9)


@settings(deadline=None)
@given(REPEATS, REPEATS, st.randoms())
def test_the_order_of_repeats_of_separate_runs_does_not_matter(base, candidate, random):
    order = list(range(base.shape[1]))
    random.shuffle(order)
    assert verdicts(base, candidate)[1] == verdicts(base[:, order], candidate)[1]


@settings(deadline=None)
@given(REPEATS, REPEATS)
def test_a_noise_floor_only_ever_makes_a_verdict_weaker(base, candidate):
    (_, (bare,)), (_, (floored,)) = verdicts(base, candidate), verdicts(base, candidate, 0.1)
    assert floored in (bare, Verdict.INCONCLUSIVE)


def noise(kind, shape, rng):
    normal = rng.standard_normal(shape)
    return {
        "normal": 0.02 * normal,
        "heavy tails": 0.012 * rng.standard_t(3, shape),
        "two modes": 0.005 * normal + 0.04 * (rng.random(shape) < 0.2),
        "two modes far apart": 0.006 * normal + 0.06 * (rng.random(shape) < 0.2),
    }[kind]


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "two modes"])
@pytest.mark.parametrize("repeats", [(5, 5), (10, 10), (2, 20), (20, 4), (5, 20), (20, 5)])
def test_identical_programs_are_called_regressed_in_at_most_one_of_a_hundred(kind, repeats):
    rng = np.random.default_rng(5)
    base, candidate = (noise(kind, (3000, count), rng) for count in repeats)
    _, found = verdicts(base, candidate)
    assert np.mean([verdict is Verdict.REGRESSED for verdict in found]) <= 0.0135  # 1 % + 2 sigma


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "two modes", "two modes far apart"])
def test_the_repeats_it_names_find_the_wanted_change(kind):
    rng = np.random.default_rng(6)
    pilot, _ = verdicts(noise(kind, (100, 10), rng), noise(kind, (100, 10), rng))
    ones = np.ones(100)
    needed = reach(pilot, TOLERANCE * ones, np.log1p(0.05) * ones, RULE, 1).to_find
    found = []
    for repeats in needed:
        shape = 4, int(repeats)
        base, candidate = noise(kind, shape, rng), noise(kind, shape, rng) + np.log(1.05)
        found += verdicts(base, candidate)[1]
    assert np.mean([verdict is Verdict.REGRESSED for verdict in found]) >= 0.95


@pytest.mark.parametrize("sizes", [(6, 60), (60, 6)])
def test_the_repeats_named_by_unequal_runs_find_the_wanted_change(sizes):
    """They are those of two equal runs, not as few as the longer run would make them."""
    rng = np.random.default_rng(6)
    pilot, _ = verdicts(*(noise("normal", (200, size), rng) for size in sizes))
    ones = np.ones(200)
    needed = reach(pilot, TOLERANCE * ones, np.log1p(0.05) * ones, RULE, 1).to_find
    found = []
    for repeats in needed:
        shape = 4, int(repeats)
        base, candidate = noise("normal", shape, rng), noise("normal", shape, rng) + np.log(1.05)
        found += verdicts(base, candidate)[1]
    assert np.mean([verdict is Verdict.REGRESSED for verdict in found]) >= 0.95


def test_the_spread_of_a_short_run_is_known_as_badly_beside_a_long_one():
    rng = np.random.default_rng(6)
    equal, unequal = (
        compare_runs(*(noise("normal", (1, size), rng) for size in sizes), np.zeros(1))
        for sizes in ((10, 10), (5, 500))
    )
    assert (equal.freedom, equal.per_run) == (pytest.approx(18), pytest.approx(10))
    assert unequal.freedom == pytest.approx(4, abs=0.2)
    assert unequal.per_run == pytest.approx(10, abs=0.2)


def test_a_change_as_large_as_the_tolerance_is_hardly_ever_called_the_same():
    rng = np.random.default_rng(7)
    shape = 2000, 40
    base = 0.01 * rng.standard_normal(shape)
    candidate = 0.01 * rng.standard_normal(shape) + TOLERANCE
    assert np.mean([v is Verdict.SAME for v in verdicts(base, candidate)[1]]) < 0.035


@pytest.mark.parametrize("rounds", [6, 7, 8, 10, 20])
@pytest.mark.parametrize("kind", ["normal", "heavy tails", "two modes"])
def test_rounds_that_differ_by_the_tolerance_are_called_the_same_in_one_of_forty(kind, rounds):
    rng = np.random.default_rng(7)
    base, candidate = 0.1 * noise(kind, (2, 6000, rounds), rng)
    found = judge(compare_rounds(candidate - base + TOLERANCE))
    assert np.mean([v is Verdict.SAME for v in found]) <= 0.029  # 1 of 40 + 2 sigma


@pytest.mark.parametrize("sentences", [10, 20])
def test_sentences_that_differ_by_the_tolerance_are_called_the_same_in_one_of_forty(sentences):
    rng = np.random.default_rng(7)
    found = judge(compare_sentences(TOLERANCE + 0.004 * rng.standard_normal((6000, sentences))))
    assert np.mean([v is Verdict.SAME for v in found]) <= 0.031  # 1 of 40 + 3 sigma


def test_drift_that_both_share_cancels_round_by_round():
    rng = np.random.default_rng(8)
    drift = np.linspace(0, 0.3, 10)
    base, candidate = drift + 0.005 * rng.standard_normal((2, 200, 10))
    apart, _ = verdicts(base, candidate)
    together = compare_rounds(candidate - base)
    assert np.median(together.high - together.low) < 0.2 * np.median(apart.high - apart.low)
    assert judge(together).count(Verdict.REGRESSED) <= 4


def test_more_repeats_find_smaller_changes_and_more_tests_only_larger_ones():
    rng = np.random.default_rng(9)
    few, many = (
        compare_runs(*0.02 * rng.standard_normal((2, 50, repeats)), np.zeros(50))
        for repeats in (8, 32)
    )
    ones = np.ones(50)
    arguments = TOLERANCE * ones, np.log1p(0.05) * ones, RULE
    detected = [
        np.median(reach(found, *arguments, family).detectable)
        for found, family in ((few, 1), (many, 1), (many, 20))
    ]
    assert detected[1] < detected[0]
    assert detected[1] < detected[2]
    assert reach(few, *arguments, 20).to_claim > reach(few, *arguments, 1).to_claim


def test_a_change_as_large_as_a_second_mode_is_not_said_to_be_found_with_few_repeats():
    apart = 0.06 * (np.arange(25) % 5 == 0) + 0.0001 * np.arange(25)
    few, many = (
        reach(
            compare_rounds(np.tile(apart, (1, times))),
            np.array([TOLERANCE]),
            np.array([np.log1p(0.05)]),
            RULE,
            1,
        )
        for times in (1, 4)
    )
    assert few.detectable[0] > 0.05 > many.detectable[0]
    assert few.to_find[0] > 25
    assert many.to_find[0] < 100


def test_what_the_device_itself_does_no_number_of_repeats_can_tell():
    found = compare_runs(np.zeros((1, 8)), np.zeros((1, 8)), np.array([0.2]))
    told = reach(found, np.array([TOLERANCE]), np.array([0.05]), RULE, 1)
    assert told.to_find[0] == told.to_prove_same[0] == 0
