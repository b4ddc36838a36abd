"""A search proposes, prunes, remembers, and says whether a mixed scheme won."""

import math
from pathlib import Path
from statistics import median

import pytest

from bench.results import Case, Measurement, Outcome, Row, Run
from bench.search.finals import Verdict, finalists, in_order, results_of, verdicts, write_finalists
from bench.search.space import Cost, Space, make_space, stage_of, stage_times
from bench.search.study import Bounds, Found, open_study, pareto, search
from model.errors import ConfigError, ResultError
from model.generate import STAGES
from quantization.distance import End
from quantization.scheme_files import adopt, find_scheme, read_scheme
from quantization.sensitivity import Damage

optuna = pytest.importorskip("optuna")

# Quantizing b saves as much as quantizing a, and does a hundred times the damage.
SPACE = Space(
    {
        "smd.a": {"fp32": Cost(), "8da8w": Cost(30, 1e-6), "8da4w": Cost(35, 1e-3)},
        "smd.b": {"fp32": Cost(), "8da8w": Cost(30, 1e-4), "8da4w": Cost(32, 1e-2)},
        "smd.c": {"fp32": Cost(), "8da8w": Cost(-5, 1e-5)},
    },
    float_ms=200,
    audio_ms=1000,
)
BOUNDS = Bounds(ms=200, distance=0.011)


def judge(candidate):
    return SPACE.predicted_distance(candidate)


def test_times_and_distances_of_parts_add_up():
    uniform = SPACE.uniform("8da4w")
    assert uniform == {"smd.a": "8da4w", "smd.b": "8da4w", "smd.c": "fp32"}
    assert SPACE.predicted_ms(uniform) == 133
    assert SPACE.predicted_distance(uniform) == pytest.approx(math.sqrt(0.011))


def test_seeds_walk_from_the_fastest_towards_fp32_and_none_is_beaten_by_another():
    seeds = list(SPACE.seeds(10))
    assert seeds[0] == {"smd.a": "8da4w", "smd.b": "8da4w", "smd.c": "fp32"}
    times = [SPACE.predicted_ms(seed) for seed in seeds]
    distances = [SPACE.predicted_distance(seed) for seed in seeds]
    assert times == sorted(times)
    assert distances == sorted(distances, reverse=True)
    assert {"smd.a": "8da8w", "smd.b": "fp32", "smd.c": "fp32"} in seeds


def test_what_a_stage_saves_is_shared_out_by_multiply_adds():
    noise = {"8da8w": {End.LOGITS: 1e-4, End.DURATIONS: 1e-5}}
    damages = [Damage(name, noise, 0.1, share) for name, share in (("smd.a", 0.3), ("smd.b", 0.1))]
    damages.append(Damage("head_0", noise, 0.1, 0.2))
    flat = dict.fromkeys(STAGES, 10.0)
    times = {"fp32": flat, "8da8w": {**flat, "smd": 6.0, "head": 9.0}}
    space = make_space(damages, times, audio_ms=500)
    saved = {part: ways["8da8w"].saved_ms for part, ways in space.parts.items()}
    assert saved == pytest.approx({"smd.a": 3.0, "smd.b": 1.0, "head_0": 1.0})
    assert space.parts["smd.a"]["8da8w"].noise == pytest.approx(1.1e-4)
    assert space.float_ms == 10 * len(STAGES)
    assert space.predicted_ms(space.uniform("8da8w")) == sum(times["8da8w"].values())


@pytest.mark.parametrize(
    ("part", "stage"),
    [("head_3", "head"), ("codec_decoder.stem", "codec"), ("smd.blocks.0.feed_forward", "smd")],
)
def test_every_part_works_in_a_stage(part, stage):
    assert stage_of(part) == stage
    assert stage in STAGES


def test_a_search_finds_the_front_and_evaluates_nothing_that_predictions_rule_out(tmp_path):
    asked = []
    study = open_study(tmp_path / "journal", seed=1)
    found = search(
        study, SPACE, BOUNDS, lambda c: asked.append(c) or judge(c), trials=60, limit_s=60
    )
    assert found.trials == 60
    assert found.pruned > 0
    assert len(asked) == len({tuple(c.items()) for c in asked}) < len(found.found)
    assert all(judge(c) <= 1.3 * BOUNDS.distance for c in asked)
    best = {"smd.a": "8da8w", "smd.b": "8da8w", "smd.c": "fp32"}
    assert dict(found.front[0].candidate) == best


def test_a_search_that_was_killed_goes_on_where_it_was(tmp_path):
    def killed(candidate):
        if len(asked) == 3:
            raise KeyboardInterrupt
        asked.append(candidate)
        return judge(candidate)

    asked = []
    path = tmp_path / "journal"
    with pytest.raises(KeyboardInterrupt):
        search(open_study(path, 1), SPACE, BOUNDS, killed, trials=40, limit_s=60)
    again = []
    found = search(
        open_study(path, 1),
        SPACE,
        BOUNDS,
        lambda c: again.append(c) or judge(c),
        trials=40,
        limit_s=60,
    )
    assert found.trials == 40
    assert not [c for c in again if c in asked]
    same = search(open_study(path, 1), SPACE, BOUNDS, killed, trials=40, limit_s=60)
    assert same == found


def test_the_front_has_no_candidate_that_another_beats():
    points = [(3, 1), (1, 3), (2, 2), (2, 3), (3, 1)]
    found = [Found(number, {}, *point) for number, point in enumerate(points)]
    assert [one.number for one in pareto(found)] == [1, 2, 0]


def test_finalists_are_near_enough_and_fast_enough_first():
    front = [Found(i, {}, ms, d) for i, (ms, d) in enumerate([(80, 9), (85, 4), (95, 2), (120, 1)])]
    uniform = Found(-1, {}, 100, 10)
    assert [one.number for one in finalists(front, uniform, 3)] == [1, 2, 3]
    assert [one.number for one in finalists(front[:1], uniform, 3)] == [0]
    assert finalists(front, uniform, 0) == []


def test_finalists_are_files_that_name_the_worst_part_first(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path))
    damages = [Damage(part, {}, 0, 0) for part in ("smd.b", "smd.a", "smd.c")]
    held = {"smd.a": "8da4w", "smd.b": "8da8w", "smd.c": "fp32"}
    assert list(in_order(held, damages).items()) == [("smd.b", "8da8w"), ("smd.a", "8da4w")]
    (file,) = write_finalists([Found(7, held, 80, 0.01)], damages, tmp_path / "schemes")
    assert read_scheme(tmp_path / "schemes" / "mixed-7.toml").parts == ("smd.b", "smd.a")
    assert "trial 7: 80 ms and 1.00%" in find_scheme(adopt(Path(file))).summary


def row(scheme, samples, outcome=Outcome.OK, reason=""):
    if outcome is not Outcome.OK:
        return Row(Case(scheme, "xnnpack", "short", "tiny"), outcome, reason)
    metrics = {
        "rtf": Measurement(median(samples), min(samples), max(samples), "", samples),
        "pte_bytes": Measurement(100, 100, 100, "bytes", (100,)),
        **{f"{stage}_ms": Measurement(10, 10, 10, "ms", (10,)) for stage in STAGES},
    }
    return Row(Case(scheme, "xnnpack", "short", "tiny"), outcome, reason, metrics)


def test_the_fastest_uniform_int8_scheme_is_what_a_mixed_one_must_beat():
    run = Run(
        None,
        (
            row("8da8w", (0.5, 0.6, 0.4, 0.5, 0.5)),
            row("int8-static", (0.9, 0.9, 0.9, 0.9, 0.9)),
            row("mixed-1", (0.49, 0.59, 0.4, 0.5, 0.5)),
            row("mixed-2", (0.7, 0.8, 0.6, 0.7, 0.7)),
            row("mixed-3", (), Outcome.LOWER, "too hard"),
        ),
    )
    distances = {"8da8w": 0.02, "int8-static": 0.01, "mixed-1": 0.005, "mixed-2": 0.001}
    uniform = ("8da8w", "int8-static")
    results = results_of(run, distances, uniform)
    assert [result.scheme for result in results][-1] == "mixed-3"
    assert results[-1].reason == "too hard"
    won = {verdict.mixed: verdict for verdict in verdicts(run, results, uniform)}
    assert set(won) == {"mixed-1", "mixed-2"}
    assert won["mixed-1"].uniform == "8da8w"
    assert won["mixed-1"].wins
    assert won["mixed-1"].distance_ratio == 0.25
    assert not won["mixed-2"].as_fast


@pytest.mark.parametrize(
    ("ratio", "distance_ratio", "rounds", "wins"),
    [
        ((0.9, 0.8, 1.0), 0.4, 5, True),
        ((0.9, 0.8, 1.0), 0.6, 5, False),  # no nearer
        ((1.01, 0.99, 1.02), 0.4, 5, True),
        ((0.9, 0.7, 1.1), 0.4, 5, False),  # too noisy to tell
        ((0.9, 0.8, 1.0), 0.4, 4, False),  # too few rounds to tell
    ],
)
def test_a_scheme_wins_that_is_surely_as_fast_at_less_than_half_the_distance(
    ratio, distance_ratio, rounds, wins
):
    assert Verdict("m", "u", ratio, distance_ratio, rounds).wins == wins


def test_times_are_read_off_a_run_and_a_scheme_without_them_is_named():
    times, audio_ms = stage_times(Run(None, (row("fp32", (0.5, 0.5, 0.5)),)))
    assert times == {"fp32": dict.fromkeys(STAGES, 10)}
    assert audio_ms == 10 * len(STAGES) / 0.5
    failed = Run(None, (row("fp32", (), Outcome.RUN, "it crashed"),))
    with pytest.raises(ResultError, match="it crashed"):
        stage_times(failed)


def test_without_optuna_the_remedy_is_given(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"\[search\]"):
        open_study(tmp_path / "journal", 0)
