"""How often a case is measured: until its interval is narrow, and again on a hot device."""

from dataclasses import replace

import numpy as np
import pytest

from bench.pipeline import REDONE_AT_MOST, run
from bench.results import Outcome
from bench.stopping import interval, looks
from devices.schedule import Schedule
from model.errors import DeviceUnavailableError

SCHEDULE = Schedule(repeats=5, until=0.02, most_repeats=12)


def nothing(_):
    """Show no progress."""


class Noisy:
    """A device on which one scheme's times are steady and the other's are not."""

    def __init__(self, device, noisy=()):
        self.device, self.noisy = device, noisy
        self.info, self.profile, self.claim = device.info, device.profile, device.claim
        self.rng = np.random.default_rng(1)

    def measure(self, job, schedule):
        repeat = self.device.measure(job, schedule)
        spread = 0.3 if job.pte.name in self.noisy else 0.001
        wall_ms = 100 * float(np.exp(spread * self.rng.standard_normal()))
        return replace(repeat, trials=tuple(replace(t, wall_ms=wall_ms) for t in repeat.trials))


@pytest.fixture
def adaptive(plan):
    return replace(plan, schedule=SCHEDULE, utterances=plan.utterances[:1])


def test_steady_cases_end_early_and_noisy_ones_at_the_bound(adaptive, device, tmp_path):
    rows = run(adaptive, Noisy(device, {"8da8w"}), tmp_path, nothing).rows
    counts = {row.case.scheme: len(row.metrics["rtf"].samples) for row in rows}
    assert counts == {"fp32": looks(5, 12)[0], "8da8w": 12}
    assert device.asked.count("fp32") == counts["fp32"]


def test_the_row_has_the_interval_that_ended_it(adaptive, device, tmp_path):
    (row, _) = run(adaptive, Noisy(device), tmp_path, nothing).rows
    rtf = row.metrics["rtf"]
    assert (rtf.low, rtf.high) == interval(rtf.samples, 5, 12)
    assert (rtf.high - rtf.low) / 2 <= 0.02 * rtf.median


def test_a_run_until_something_goes_on_where_it_was(adaptive, device, tmp_path):
    device.gone_after = 7
    with pytest.raises(DeviceUnavailableError):
        run(adaptive, Noisy(device), tmp_path, nothing)
    device.gone_after = None
    rows = run(adaptive, Noisy(device), tmp_path, nothing, resume="").rows
    assert {row.outcome for row in rows} == {Outcome.OK}
    assert all(len(row.metrics["rtf"].samples) == looks(5, 12)[0] for row in rows)


class Hot:
    """A device that is hot for some repeats."""

    def __init__(self, device, hot):
        self.device, self.hot = device, list(hot)
        self.info, self.profile, self.claim = device.info, device.profile, device.claim

    def measure(self, job, schedule):
        repeat = self.device.measure(job, schedule)
        return replace(repeat, warnings=("THROTTLED",)) if self.hot.pop(0) else repeat


def one_case(plan):
    return replace(plan, schemes=("fp32",), utterances=plan.utterances[:1])


def test_a_repeat_on_a_hot_device_is_measured_again_and_told(plan, device, tmp_path):
    (row,) = run(one_case(plan), Hot(device, [1, 0, 0, 0]), tmp_path, nothing).rows
    assert len(device.asked) == 4
    assert len(row.metrics["rtf"].samples) == 3
    assert "REDONE" in row.warnings
    assert "THROTTLED" not in row.warnings


def test_a_device_that_stays_hot_ends_the_trying_and_marks_the_row(plan, device, tmp_path):
    hot = [1] * (REDONE_AT_MOST + 1) + [0, 0]
    (row,) = run(one_case(plan), Hot(device, hot), tmp_path, nothing).rows
    assert len(row.metrics["rtf"].samples) == 3
    assert {"REDONE", "THROTTLED"} <= set(row.warnings)


def test_on_a_cool_device_nothing_is_measured_again(plan, device, tmp_path):
    (row,) = run(one_case(plan), Hot(device, [0] * 3), tmp_path, nothing).rows
    assert len(device.asked) == 3
    assert "REDONE" not in row.warnings
