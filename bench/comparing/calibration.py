"""The noise floor of a device: what identical programs differ by from session to session.

Repeats of one run tell how much repeats differ; they cannot tell how much the device differs from
one session to the next. `bench calibrate` measures the same thing in several sessions and keeps
what remains in `calibration.toml` of the device's folder of results, where `bench compare` looks.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log, sqrt
from pathlib import Path
from statistics import mean, median, variance

import numpy as np

from bench.comparing.comparable import OF_RUNS
from bench.comparing.judging import NORMAL
from bench.comparing.resampling import intervals
from bench.metrics import METRICS
from bench.results import Case, Header, Outcome, Run
from devices.tables import from_table
from model.errors import ConfigError
from model.toml_files import read_toml

NAME = "calibration.toml"
FEWEST_SESSIONS = 3
# The conditions that a floor holds under.
HOLDS_FOR = ("device", "os", "runner", "emulated")
# Student's 99.5 % quantiles by degrees of freedom; few sessions know their own spread badly.
STUDENT = (63.7, 9.92, 5.84, 4.60, 4.03, 3.71, 3.50, 3.36, 3.25, 3.17, 3.11, 3.05, 3.01, 2.98)


@dataclass(frozen=True)
class Floor:
    """The noise floor of one metric.

    Attributes:
        floor: What intervals are widened by, in quadrature, so that they hold all but one in 100
            of the differences between two sessions of the same program (`floor_from`); of
            logarithms, so nearly relative, or in the metric's unit where it changes by differences.
        repeat_spread: Standard deviation from repeat to repeat, on the same scale.
        cases: As many cases it was taken from.
    """

    floor: float
    repeat_spread: float
    cases: int


@dataclass(frozen=True)
class Calibration:
    """What is known of a device's noise.

    Attributes:
        sessions: As many were measured.
        started_at: When the first began.
        conditions: What the floors hold for, by name of condition.
        metrics: Floors by metric.
    """

    sessions: int
    started_at: str
    conditions: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Floor] = field(default_factory=dict)

    def holds_for(self, header: Header) -> bool:
        """Whether a run was measured under the conditions of the calibration."""
        return dict(self.conditions) == conditions_of(header)

    def floors(self) -> dict[str, float]:
        """Return the floor of each metric."""
        return {name: found.floor for name, found in self.metrics.items()}


def conditions_of(header: Header) -> dict[str, str]:
    """Write down the conditions of a run that a floor depends on."""
    return {name: str(OF_RUNS[name](header)) for name in HOLDS_FOR}


def calibrate(runs: Sequence[Run]) -> Calibration:
    """Learn a device's noise floor from runs of the same plan.

    Raises:
        ConfigError: There are too few of them, one is there twice, or they were not measured alike.
    """
    if len(runs) < FEWEST_SESSIONS:
        raise ConfigError(
            f"a calibration takes {FEWEST_SESSIONS} sessions or more, not {len(runs)}"
        )
    for number, run in enumerate(runs):
        if run in runs[:number]:
            raise ConfigError(f"{run.header.run} is named twice: a session says nothing of itself")
        if conditions_of(run.header) != conditions_of(runs[0].header):
            raise ConfigError(
                f"{run.header.run} and {runs[0].header.run} are of another device or system"
            )
    floors = {name: floor for name in METRICS if (floor := floor_of(name, runs))}
    header = runs[0].header
    return Calibration(len(runs), header.started_at, conditions_of(header), floors)


def floor_of(name: str, runs: Sequence[Run]) -> Floor | None:
    """Learn the floor of one metric, the mean over cases; None where there is none to learn."""
    metric = METRICS[name]
    if metric.exact or metric.better == "neither":
        return None
    by_case: dict[Case, list[Sequence[float]]] = {}
    for run in runs:
        for row in run.rows:
            if row.outcome is Outcome.OK and name in row.metrics:
                samples = row.metrics[name].samples
                scaled = (
                    samples if metric.absolute else [log(value) for value in samples if value > 0]
                )
                by_case.setdefault(row.case, []).append(scaled)
    sessions = [
        lists
        for lists in by_case.values()
        if len(lists) == len(runs) and all(len(samples) > 1 for samples in lists)
    ]
    if not sessions:
        return None
    between = mean(variance(map(median, lists)) for lists in sessions)
    explained = mean(
        float(intervals(None, np.array([samples]))[2][0]) ** 2
        for lists in sessions
        for samples in lists
    )
    spread = mean(variance(samples) for lists in sessions for samples in lists)
    return Floor(floor_from(between, explained, len(runs)), sqrt(spread), len(sessions))


def floor_from(between: float, explained: float, sessions: int) -> float:
    """Return what to widen intervals by, in quadrature.

    Two sessions differ by more than Student's quantile times their standard deviation in one of 100
    cases. An interval over repeats already has its share of that, which is taken off the square of
    the whole width. Taken off the variance, before the quantile, it would leave no floor in a third
    of calibrations where repeats explain half of the variance.

    Args:
        between: Variance of the medians of sessions.
        explained: Variance of a median that the spread of its repeats explains.
        sessions: As many were measured.
    """
    student = STUDENT[min(sessions - 2, len(STUDENT) - 1)]
    return sqrt(2 * max(0.0, student**2 * between - NORMAL**2 * explained))


def to_toml(calibration: Calibration) -> str:
    """Write a calibration as the content of its file."""
    lines = [
        "# The device's noise floor, written by `bench calibrate`; `bench compare` reads it.",
        f"sessions = {calibration.sessions}",
        f"started_at = {json.dumps(calibration.started_at)}",
        "",
        "[conditions]",
        *(f"{name} = {json.dumps(value)}" for name, value in calibration.conditions.items()),
    ]
    for name, floor in calibration.metrics.items():
        lines += [
            "",
            f"[metrics.{name}]",
            *(f"{key} = {value!r}" for key, value in vars(floor).items()),
        ]
    return "\n".join(lines) + "\n"


def read_calibration(path: Path) -> Calibration | None:
    """Read a calibration; None where there is none.

    Raises:
        ConfigError: The file is no calibration.
    """
    if not path.exists():
        return None
    calibration = from_table(Calibration, read_toml(path), str(path))
    for name, found in calibration.metrics.items():
        METRICS[name]  # an unknown name is an error that suggests the nearest
        if found.floor < 0:
            raise ConfigError(f"{path} [metrics.{name}]: a floor is no negative number")
    return calibration
