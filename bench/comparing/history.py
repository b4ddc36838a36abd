"""The history of numbers over many runs: which series there are, and what changed when."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.comparing.changes import Drift, Step, find_changes
from bench.metrics import METRICS, Better
from bench.stores.store import Archive, FailureLine, RunLine, SeriesLine
from bench.warnings import FEWEST_REPEATS
from model.errors import ConfigError, ResultError


@dataclass(frozen=True)
class Wanted:
    """What to look at.

    Attributes:
        cases: Patterns, each a part of `SCHEME x BACKEND · UTTERANCE` or with `*`; none for all.
        metrics: Entries of `METRICS`; none for all.
        device: Name of the device; empty for all.
        all_commands: Whether runs of `bench ab`, `calibrate` and `search` count too.
    """

    cases: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("rtf",)
    device: str = ""
    all_commands: bool = False

    def takes(self, line: SeriesLine) -> bool:
        """Whether a series is wanted."""
        return (
            self.device in ("", line.device)
            and (not self.metrics or line.metric in self.metrics)
            and (not self.cases or any(fits(title(line), pattern) for pattern in self.cases))
        )


@dataclass(frozen=True, eq=False)
class Series:
    """One series and what was found in it.

    Attributes:
        line: What it is of.
        runs: (N,) places in `History.runs`, oldest first.
        median: (N,)
        low: (N,) lower ends of intervals.
        high: (N,) upper ends.
        samples: In all.
        judged: (N,) which points steps and drifts are looked for in: of a metric that repeats vary,
            those of at least `FEWEST_REPEATS` repeats.
        steps: Oldest first.
        drift: Of the last level.
    """

    line: SeriesLine
    runs: NDArray[np.int64]
    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    samples: int
    judged: NDArray[np.bool_]
    steps: tuple[Step, ...]
    drift: Drift | None

    def last_before(self, step: Step) -> int:
        """Return the place of the last point that was judged before a step."""
        return int(np.flatnonzero(self.judged[: step.place])[-1])


@dataclass(frozen=True, eq=False)
class History:
    """What many runs say.

    Attributes:
        runs: Oldest first.
        series: By device and case.
        failures: Of the newest run of each device.
        problems: Runs that could not be read.
    """

    runs: Sequence[RunLine]
    series: Sequence[Series]
    failures: Sequence[FailureLine]
    problems: Sequence[str]


def title(line: SeriesLine) -> str:
    """Name the case of a series."""
    return f"{line.scheme} x {line.backend} · {line.utterance}"


def fits(text: str, pattern: str) -> bool:
    """Whether a pattern is part of a text, or fits all of it where it has a `*`."""
    return fnmatch.fnmatchcase(text, pattern) if "*" in pattern else pattern in text


def nothing_for(wanted: Wanted, lines: Sequence[SeriesLine]) -> str:
    """Say which wish no series meets, and what there is in its place."""
    devices = sorted({line.device for line in lines})
    if not lines:
        return "there are no runs: `bench run` makes one"
    if wanted.device and wanted.device not in devices:
        return f"no run of the device {wanted.device!r}; there are runs of: {', '.join(devices)}"
    of_device = [line for line in lines if wanted.device in ("", line.device)]
    cases = sorted({title(line) for line in of_device})
    for pattern in wanted.cases:
        if not any(fits(case, pattern) for case in cases):
            few = ", ".join(cases[:3]) + (", ..." if len(cases) > 3 else "")
            return f"no case fits {pattern!r}; there are: {few}"
    return f"no run has measured {', '.join(wanted.metrics)} of these cases"


def read_history(archive: Archive, wanted: Wanted) -> History:
    """Read series, and find what changed in each.

    Raises:
        ConfigError: There is no such metric, or no run has what is wanted.
        ResultError: No run can be read.
    """
    lines = archive.series()
    known = {line.metric for line in lines}
    for name in wanted.metrics:
        if name not in known:
            METRICS[name]  # an unknown name is an error that suggests the nearest
    everything = archive.runs()
    runs = [run for run in everything if wanted.all_commands or not run.made_by]
    chosen = {line.id: line for line in lines if wanted.takes(line)}
    if not everything and archive.problems:
        raise ResultError(f"no run can be read: {archive.problems[0]}")
    if not chosen:
        raise ConfigError(nothing_for(wanted, lines))
    points = archive.points(None if len(chosen) == len(lines) else list(chosen))
    if len(runs) < len(everything):
        points = points.of_runs([run.id for run in runs])
    if not len(points.run_id):
        raise ConfigError(
            "no run of `bench run` has what is wanted: --all counts those of bench ab, calibrate"
            " and search, too"
        )
    places = np.zeros(max((run.id for run in runs), default=0) + 1, np.int64)
    places[[run.id for run in runs]] = np.arange(len(runs))
    starts = np.flatnonzero(np.diff(points.series_id, prepend=-1))
    series = []
    for start, stop in zip(starts, [*starts[1:], len(points.series_id)], strict=True):
        part = slice(start, stop)
        line = chosen[int(points.series_id[start])]
        judged = enough_repeats(line.metric, points.samples[part])
        steps, drift = changes_among(points.median[part], judged)
        series.append(
            Series(
                line,
                places[points.run_id[part]],
                points.median[part],
                points.low[part],
                points.high[part],
                int(points.samples[part].sum()),
                judged,
                tuple(steps),
                drift,
            )
        )
    series.sort(key=lambda one: (one.line.device, one.line.model, one.line.metric, one.line.id))
    newest = {run.device: run.id for run in runs}
    failures = [
        failure
        for failure in archive.failures()
        if failure.run_id in newest.values() and wanted.device in ("", device_of(failure, runs))
    ]
    return History(runs, series, failures, archive.problems)


def enough_repeats(metric: str, samples: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which points have the repeats that a claim needs, (N,) of as many counts of samples."""
    if metric in METRICS and (METRICS[metric].exact or METRICS[metric].once):
        return np.ones(len(samples), np.bool_)
    return samples >= FEWEST_REPEATS


def changes_among(
    medians: NDArray[np.float64], judged: NDArray[np.bool_]
) -> tuple[list[Step], Drift | None]:
    """Find steps and drift among the points that are judged; places are those among all points."""
    places = np.flatnonzero(judged)
    steps, drift = find_changes(medians[judged])
    moved = [replace(step, place=int(places[step.place])) for step in steps]
    return moved, drift and replace(drift, place=int(places[drift.place]))


def device_of(failure: FailureLine, runs: Sequence[RunLine]) -> str:
    """Name the device of a failure."""
    return failure.device or next(run.device for run in runs if run.id == failure.run_id)


def verdict(metric: str, before: float, after: float) -> str:
    """Say which way a change went: better, worse, or neither."""
    better: Better = METRICS[metric].better if metric in METRICS else "neither"
    if better == "neither" or before == after:
        return "changed"
    return "better" if (after < before) == (better == "lower") else "worse"
