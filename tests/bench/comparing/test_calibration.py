"""A calibration tells what a device does to one and the same program from session to session."""

from dataclasses import replace

import numpy as np
import pytest
from run_builder import DEVICE, make_row, make_run

from bench.comparing.calibration import calibrate, read_calibration, to_toml
from bench.comparing.judging import compare_runs
from model.errors import ConfigError

RNG = np.random.default_rng(2)


def sessions(count, shift, spread=0.01, repeats=8):
    shifts = shift * RNG.standard_normal(count)
    return [
        make_run(make_row(rtf=np.exp(s + spread * RNG.standard_normal(repeats)), pte_bytes=1000))
        for s in shifts
    ]


def test_sessions_that_only_differ_as_repeats_do_have_a_floor_that_shrinks_with_their_number():
    """Three sessions cannot show that a device does not differ from session to session."""
    few, many = (
        np.median([calibrate(sessions(count, 0.0)).metrics["rtf"].floor for _ in range(20)])
        for count in (3, 16)
    )
    assert many < 0.5 * few


@pytest.mark.parametrize("count", [3, 6])
@pytest.mark.parametrize("shift", [0.01, 0.03])
def test_identical_programs_in_other_sessions_are_called_slower_in_one_of_a_hundred(count, shift):
    """Also where repeats explain much of what sessions differ by."""
    wrong = []
    for _ in range(600):
        floor = calibrate(sessions(count, shift, 0.02, 10)).metrics["rtf"].floor
        sides = np.log([run.rows[0].metrics["rtf"].samples for run in sessions(2, shift, 0.02, 10)])
        found = compare_runs(sides[:1], sides[1:], np.array([floor]))
        changed = found.larger_p[0] <= 0.01 and found.low[0] > 0
        wrong.append(changed and found.effect[0] > np.log(1.02))
    assert np.mean(wrong) <= 0.018  # 1 % + 2 sigma


def test_the_floor_covers_the_difference_of_two_more_sessions():
    covered = []
    for _ in range(100):
        floor = calibrate(sessions(8, 0.05)).metrics["rtf"].floor
        one, other = 0.05 * RNG.standard_normal(2)
        covered.append(abs(one - other) <= floor)
    assert np.mean(covered) >= 0.90


def test_exact_metrics_have_no_floor():
    assert set(calibrate(sessions(3, 0.01)).metrics) == {"rtf"}


def test_too_few_sessions_teach_nothing():
    with pytest.raises(ConfigError, match="3 sessions or more"):
        calibrate(sessions(2, 0.01))


def test_a_session_that_is_named_twice_and_one_of_another_device_are_refused():
    runs = sessions(3, 0.01)
    with pytest.raises(ConfigError, match="named twice"):
        calibrate([*runs, runs[0]])
    elsewhere = replace(runs[0].header, device=replace(DEVICE, os="Android 16"))
    with pytest.raises(ConfigError, match="another device or system"):
        calibrate([*runs, replace(runs[0], header=elsewhere)])


@pytest.mark.parametrize("between", ["T", " ", '"', "\\", "\x1b"])  # as fromisoformat takes them
def test_a_calibration_reads_back_as_written(tmp_path, between):
    runs = sessions(4, 0.02)
    header = replace(runs[0].header, started_at=f"2026-01-01{between}00:00:00")
    calibration = calibrate([replace(runs[0], header=header), *runs[1:]])
    path = tmp_path / "calibration.toml"
    path.write_text(to_toml(calibration))
    assert read_calibration(path) == calibration
    assert read_calibration(tmp_path / "none.toml") is None


def test_it_holds_for_the_device_and_system_it_was_made_on(tmp_path):
    calibration = calibrate(sessions(3, 0.02))
    header = make_run(make_row(rtf=[1, 2])).header
    assert calibration.holds_for(header)
    assert not calibration.holds_for(replace(header, device=replace(DEVICE, os="Android 16")))


@pytest.mark.parametrize(
    "content",
    [
        "", "sessions = 3", "no toml", 'sessions = 3\nstarted_at = ""\n[metrics.rtf]\nfloor = nan',
        'sessions = 3\nstarted_at = ""\n[metrics.x]\nfloor = 1\nrepeat_spread = 1\ncases = 1',
        'sessions = 3\nstarted_at = ""\n[metrics.rtf]\nfloor = -1\nrepeat_spread = 1\ncases = 1',
    ],
)  # fmt: skip
def test_what_is_no_calibration_is_refused(content, tmp_path):
    path = tmp_path / "calibration.toml"
    path.write_text(content)
    with pytest.raises(ConfigError):
        read_calibration(path)
