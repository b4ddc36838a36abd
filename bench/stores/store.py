"""Where runs are kept: a folder of files, or a team's database. The one place that opens either."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.results import Header, Row, Run, decode_parts, decode_run, encode_run, read_result
from bench.stores.journal import JOURNAL_SUFFIX, FileJournal, Journal
from model.errors import ConfigError

Place = Path | str  # what `--results` takes: a folder, or postgresql://...
LATEST = "latest"
FILES = Path("results")  # where the speech of runs goes that a database keeps


@dataclass(frozen=True)
class Kept:
    """A run that was found.

    Attributes:
        content: Of its file.
        name: What messages call it.
        folder: What the names of its files are relative to.
    """

    content: bytes
    name: str
    folder: Path

    @cached_property
    def run(self) -> Run:
        """Read the run.

        Raises:
            ResultError: It cannot be read.
        """
        return decode_run(self.content, self.name)

    def parts(self) -> tuple[Header, Iterator[Row]]:
        """Read its conditions, and its rows one by one.

        Raises:
            ResultError: It cannot be read.
        """
        return decode_parts(self.content, self.name)


@dataclass(frozen=True)
class RunLine:
    """One finished run, in the order in which runs were started.

    Attributes:
        id: Number within the store.
        device: Name of the device.
        run: Name of the run.
        started_at: ISO 8601, UTC.
        commit: Of the project.
        system: What may change under a device: its system's build.
        trained: False where weights were random.
        made_by: As in `Header`.
    """

    id: int
    device: str
    run: str
    started_at: str
    commit: str
    system: str
    trained: bool
    made_by: str = ""


@dataclass(frozen=True)
class SeriesLine:
    """One metric of one case on one device, which many runs have measured alike.

    Attributes:
        id: Number within the store.
        device: Name of the device.
        scheme: Of the case.
        backend: Of the case.
        utterance: Of the case.
        model: Of the case.
        conditions: What else must agree: threads, passes, words, prompt, codec.
        metric: Entry of `METRICS`.
        unit: Of the metric.
    """

    id: int
    device: str
    scheme: str
    backend: str
    utterance: str
    model: str
    conditions: str
    metric: str
    unit: str


@dataclass(frozen=True)
class FailureLine:
    """One case that did not end well in one run; `device` as in `Case`."""

    run_id: int
    scheme: str
    backend: str
    utterance: str
    model: str
    device: str
    outcome: str
    reason: str


@dataclass(frozen=True, eq=False)
class Points:
    """Medians of many runs, ordered by series and within a series by the start of the run.

    Attributes:
        series_id: (N,)
        run_id: (N,)
        median: (N,)
        low: (N,) lower ends of intervals.
        high: (N,) upper ends.
        samples: (N,) how many samples each median is of.
    """

    series_id: NDArray[np.int64]
    run_id: NDArray[np.int64]
    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    samples: NDArray[np.int64]

    def of_runs(self, runs: Sequence[int]) -> "Points":
        """Keep the points of some runs."""
        kept = np.isin(self.run_id, runs)
        return Points(*(getattr(self, spec.name)[kept] for spec in fields(self)))


class Archive(Protocol):
    """The finished runs of a store, for questions over many of them.

    Attributes:
        problems: Runs that cannot be read, one line each.
    """

    problems: Sequence[str]

    def runs(self) -> list[RunLine]:
        """List runs, oldest first."""

    def series(self) -> list[SeriesLine]:
        """List series."""

    def failures(self) -> list[FailureLine]:
        """List what failed."""

    def points(self, series: Sequence[int] | None = None) -> Points:
        """Read the points of some series, or of all."""


class Store(Protocol):
    """Keeps runs. Any number of processes may write at once."""

    def begin(self, header: Header, tag: str) -> Journal:
        """Start a run, give it its name, and write down its conditions."""

    def resume(
        self, device: str, fits: Callable[[Journal], bool] = lambda _: True, name: str = ""
    ) -> Journal | None:
        """Find the device's newest unfinished run that no other process writes.

        Args:
            device: Name of the device.
            fits: Whether a run can be gone on with; older ones are asked for where it cannot.
            name: Of the only run to ask for: its number, its name, or DEVICE/NAME.
        """

    def finish(self, journal: Journal, run: Run) -> None:
        """Keep a finished run in place of its journal; doing so twice changes nothing."""

    def find(self, name: str) -> Kept:
        """Find a run by number, by name, by DEVICE/NAME, or as `latest`.

        The latest is the finished run of `bench run` that was started last, on any device.

        Raises:
            ConfigError: There is none, or several are called so.
            ResultError: It cannot be read.
        """

    def names(self) -> Iterator[tuple[str, bool]]:
        """List runs as DEVICE/NAME, oldest first, with whether they are finished."""

    def archive(self) -> AbstractContextManager[Archive]:
        """Open the finished runs for questions over many of them.

        Raises:
            ConfigError: A package that this needs is not installed.
        """


def open_store(place: Place) -> Store:
    """Open the store at a folder or a URL.

    Raises:
        ConfigError: It is no URL of ours.
    """
    if "://" not in str(place):
        from bench.stores.folder import FolderStore

        return FolderStore(Path(place))
    if str(place).startswith(("postgresql://", "postgresql+psycopg://")):
        from bench.stores.postgres import PostgresStore

        return PostgresStore(str(place), FILES)
    scheme = str(place).partition("://")[0]
    raise ConfigError(f"results are kept in a folder or at postgresql://..., not {scheme!r:.40}")


def find_kept(name: str, place: Place) -> Kept:
    """Find a run by the path of its file or of its journal, or by name in a store.

    Raises:
        ConfigError: There is none.
        ResultError: It cannot be read.
    """
    path = Path(name)
    with contextlib.suppress(OSError):  # a name may be longer than those of files
        if path.is_file() and path.suffix == JOURNAL_SUFFIX:
            return Kept(encode_run(run_so_far(path)), str(path), path.parent)
        if path.is_file():
            return Kept(read_result(path), str(path), path.parent)
    return open_store(place).find(name)


def run_so_far(path: Path) -> Run:
    """Read what an unfinished run has measured.

    Raises:
        ResultError: The journal cannot be read.
    """
    from bench.rows import assemble

    return assemble(FileJournal(path).entries())


def is_called(name: str, device: str, run: str) -> bool:
    """Whether a name is a run's: its number, its own name, or DEVICE/ and either."""
    wanted, _, rest = name.rpartition("/")
    return rest in (run, run.split("_", maxsplit=1)[0]) and wanted in ("", device)


def choose(name: str, runs: Sequence[tuple[str, str]], where: str) -> int:
    """Find a run by number, by name, or by DEVICE/NAME.

    Args:
        name: What the user called it.
        runs: Device and name of every run.
        where: The store, for messages.

    Returns:
        Its place in `runs`.

    Raises:
        ConfigError: There is none, or several are called so.
    """
    found = [place for place, run in enumerate(runs) if is_called(name, *run)]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join("/".join(runs[place]) for place in found)
        raise ConfigError(f"several runs are called {name!r}: {listed}; give one of these")
    raise ConfigError(
        f"no run {name!r:.100} in {where:.200}: `bench list runs` names those there are"
    )


def no_latest(where: str) -> ConfigError:
    """Say that there is no latest run."""
    return ConfigError(
        f"no finished run of `bench run` in {where:.200}, so none is the latest;"
        " runs of bench ab, calibrate and search are called by name: `bench list runs`"
    )
