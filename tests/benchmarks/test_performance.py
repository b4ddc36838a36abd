"""The page of performance, and the form in which benchmarks hand over what they found."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from goals import Report, at_least, at_most, load
from performance import SCRIPTS, Kept, Script, noted, page, result_of, run

from bench.quality.clips import Score
from devices.host import instruction_sets


@pytest.fixture
def report():
    rows = [{"what": "a|b", "ms": 1234.5}, {"what": "nothing", "ms": float("nan"), "more": 1}]
    goals = [at_least("fast", 0.5, 1.0, "x", "so"), at_most("small", None, 2.0, "MB")]
    return Report("Something", rows, goals)


def test_a_report_comes_back_as_it_was_saved(tmp_path, report):
    report.save(tmp_path / "deep" / "report.json")
    found = load(tmp_path / "deep" / "report.json")
    assert found.goals == report.goals
    assert found.rows == [report.rows[0], {"what": "nothing", "ms": None, "more": 1}]


def test_a_table_has_every_column_and_no_cell_breaks_it(report):
    lines = report.markdown().splitlines()
    assert lines[2] == "| what | ms | more |"
    assert "| a\\|b | 1,234 |  |" in lines


@pytest.mark.parametrize(("measured", "met"), [(1.0, True), (0.99, False), (None, None)])
def test_a_goal_is_met_at_its_limit_missed_below_and_open_unmeasured(measured, met):
    assert at_least("fast", measured, 1.0, "x").met is met


def test_what_was_tried_is_told_of_missed_goals_only(report):
    told = noted(report.goals, {"fas": "Much.", "small": "Nothing."})
    assert told == "- **fast.** Much."
    assert "Nothing was tried yet" in noted(report.goals, {})


def test_a_page_has_all_goals_and_counts_them(report):
    kept = Kept("abc", "2000-01-01", 1.0, 0.0)
    written = page({"some": report}, {"some": kept})
    assert "0 met, 1 not met, 1 without a verdict" in written
    assert "| Something | fast | 0.5 x | **not met** | so |" in written


def test_a_script_that_fails_is_a_reason_and_not_the_end(tmp_path):
    missing = Script("missing", "no_such_script.py", 20)
    kept = run(missing, tmp_path, quick=False)
    assert "no_such_script.py" in kept.reason
    (goal,) = result_of(missing, tmp_path, kept).goals
    assert goal.met is None
    assert goal.remark == kept.reason


def test_the_page_says_which_instruction_sets_the_machine_has():
    assert f"| instruction sets | {', '.join(instruction_sets()) or 'none'}" in page({}, {})


def test_every_script_has_a_name_of_its_own():
    names = [script.name for script in SCRIPTS]
    assert len(set(names)) == len(names)


def test_memory_that_grows_is_told_from_memory_that_does_not():
    from memory_slope import slope_of

    syntheses, spoken_s = 1000, 10.0
    times = np.linspace(0, spoken_s, 500)
    noise = np.random.default_rng(0).normal(0, 1e4, len(times))
    for grown in (0, 4096):
        seen = [(t, 50e6 + n + grown * 100 * t) for t, n in zip(times, noise, strict=True)]
        slope = slope_of(seen, syntheses, spoken_s, report_bytes=0)
        assert slope.low < grown < slope.high
        assert slope.high - slope.low < 1000


def test_the_knee_is_the_fewest_passes_that_are_not_shown_to_cost_words_or_voice():
    from schedules import SCHEDULES, knee_of, passes_of

    noise = np.random.default_rng(0).normal(0, 0.02, (len(SCHEDULES), 12, 2))
    worse = {name: (0.2, 0.0) for name in SCHEDULES if passes_of(name) < 9}
    worse["8 joint"] = (0.0, -0.2)
    scores = {
        name: [
            {"wer": Score(0.3 + wer + more, 9), "similarity": Score(0.5 + similarity + less)}
            for more, less in noise[number]
        ]
        for number, name in enumerate(SCHEDULES)
        for wer, similarity in [worse.get(name, (0.0, 0.0))]
    }
    knee = knee_of("8da8w", scores)
    assert knee.measured == 9
    assert knee.remark.startswith("2+7x1; default 1+7x1")


def test_without_scorers_there_is_no_knee():
    from schedules import SCHEDULES, knee_of, quality_cells

    nothing = {name: [{}] for name in SCHEDULES}
    assert knee_of("8da8w", nothing).measured is None
    assert quality_cells("8 joint", nothing) == {}
