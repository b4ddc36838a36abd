"""What a run is, and how it is kept: raw samples, versioned, written as they come.

A run under way is a journal: one JSON object per line, appended and flushed as soon as something is
finished, so that a kill loses at most what was under way. A finished run is one JSON document of
format 1, `NNNN_COMMIT[_TAG].json`, made from the journal by the same function that shows an
unfinished one.

Format history:
    1: first.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from devices.base import DeviceInfo, Schedule
from model.errors import ResultError

FORMAT = 1


class Outcome(StrEnum):
    """How a case ended; every failure is named after the stage it happened in."""

    OK = "ok"
    SKIPPED = "skipped"
    LOWER = "lowering failed"
    RUN = "run failed"
    LOST = "device lost"
    UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Case:
    """What was measured: a model under a scheme on a backend, saying an utterance."""

    scheme: str
    backend: str
    utterance: str
    model: str

    def __str__(self) -> str:
        return f"{self.scheme} x {self.backend} · {self.utterance}"


@dataclass(frozen=True)
class Measurement:
    """One metric of one case.

    Attributes:
        median: Over repeats.
        low: Lower end of the 95 % interval of the median; the median where there is one sample.
        high: Upper end.
        unit: As registered with the metric.
        samples: One value per repeat.
    """

    median: float
    low: float
    high: float
    unit: str
    samples: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """One case and what came of it.

    Attributes:
        case: What was measured.
        outcome: How it ended.
        reason: Why it did not end well, in one line.
        metrics: By name.
        warnings: Named doubts (`bench.warnings`).
        operators: The profile's costliest operators: method, name, delegate, calls, total_ms.
        left_out: (module, reason) of what the scheme left in float.
        methods: Facts per method of the .pte.
        audio: File with the speech, relative to the run's folder; empty where there is none.
    """

    case: Case
    outcome: Outcome
    reason: str = ""
    metrics: Mapping[str, Measurement] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    operators: tuple[Mapping[str, Any], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    audio: str = ""


@dataclass(frozen=True)
class Header:
    """The conditions of a run.

    Attributes:
        run: Its name, which `bench show`, `compare` and `report` accept.
        started_at: ISO 8601, UTC.
        commit: Of the project, with `+` where the tree was changed; empty outside a checkout.
        device: What the device said of itself.
        schedule: How often was measured.
        versions: Pins.
        model: Identity of model and codec (`ModelChoice.identity`).
        trained: False where weights are random and the speech is noise.
        passes: Passes of the decoding plan.
        utterances: Text and prompt per utterance.
        cases: All cases that the run set out to measure.
    """

    run: str
    started_at: str
    commit: str
    device: DeviceInfo
    schedule: Schedule
    versions: Mapping[str, str]
    model: Mapping[str, str]
    trained: bool
    passes: tuple[int, ...]
    utterances: Mapping[str, Mapping[str, str]]
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Run:
    """A run's conditions and rows."""

    header: Header
    rows: tuple[Row, ...]

    @property
    def failed(self) -> bool:
        """Whether any case ended other than well or skipped."""
        return any(row.outcome not in (Outcome.OK, Outcome.SKIPPED) for row in self.rows)


def run_document(run: Run) -> dict[str, Any]:
    """Arrange a run as its JSON document."""
    header = asdict(run.header)
    return {"format": FORMAT, **header, "rows": [asdict(row) for row in run.rows]}


def save_run(path: Path, run: Run) -> None:
    """Write a finished run, whole or not at all."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(run_document(run), indent=1, default=str))
    temporary.rename(path)


def load_run(path: Path) -> Run:
    """Read a finished run.

    Raises:
        ResultError: The file is missing, damaged or of another format.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_text())
        if document.pop("format") != FORMAT:
            raise ResultError(f"{path} is not of format {FORMAT}: update this project to read it")
        rows = tuple(read_row(row) for row in document.pop("rows"))
        return Run(read_header(document), rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultError(f"{path} is not a run that can be read: {error}") from error


def read_header(document: Mapping[str, Any]) -> Header:
    """Read the conditions of a run from JSON."""
    return Header(
        **{
            **document,
            "device": DeviceInfo(**document["device"]),
            "schedule": Schedule(**document["schedule"]),
            "passes": tuple(document["passes"]),
            "cases": tuple(Case(**case) for case in document["cases"]),
        }
    )


def read_row(document: Mapping[str, Any]) -> Row:
    """Read a row from JSON."""
    metrics = {
        name: Measurement(**{**metric, "samples": tuple(metric["samples"])})
        for name, metric in document["metrics"].items()
    }
    return Row(
        **{
            **document,
            "case": Case(**document["case"]),
            "outcome": Outcome(document["outcome"]),
            "metrics": metrics,
            "warnings": tuple(document["warnings"]),
            "operators": tuple(document["operators"]),
            "left_out": tuple((name, why) for name, why in document["left_out"]),
        }
    )


class Journal:
    """The append-only file of a run under way.

    Args:
        path: `RUN.journal`; created with its header, or continued.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, kind: str, entry: Mapping[str, Any]) -> None:
        """Add one entry, and make sure that it is on disk."""
        with self.path.open("a") as file:
            file.write(json.dumps({"kind": kind, **entry}, default=str) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def repair(self) -> None:
        """Take off a last line cut short by a kill, so that entries can be added again."""
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self.path.open("r+b") as file:
                file.truncate(whole)

    def entries(self) -> list[dict[str, Any]]:
        """Read all whole entries; a last line cut short by a kill is left out.

        Raises:
            ResultError: A line before the last is damaged.
        """
        lines = self.path.read_text().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        try:
            return [json.loads(line) for line in whole]
        except ValueError as error:
            raise ResultError(f"{self.path} is damaged: {error}") from error


def results_of(folder: Path) -> list[Path]:
    """List the finished runs of a folder, oldest first, in all its devices' folders."""
    return sorted(folder.glob("*/[0-9]*.json"), key=lambda path: path.stat().st_mtime)


def find_run(name: str, folder: Path) -> Path:
    """Find a run by path, by number or name, or as `latest`.

    Raises:
        ResultError: There is none, or several devices have one of that number.
    """
    if Path(name).is_file():
        return Path(name)
    runs = results_of(folder)
    if name == "latest" and runs:
        return runs[-1]
    found = [path for path in runs if path.stem == name or path.stem.split("_")[0] == name]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(str(path) for path in found)
        raise ResultError(f"several runs are called {name!r}: {listed}; give a path")
    raise ResultError(f"no run {name!r} in {folder}: `bench list runs` names those there are")


def next_name(folder: Path, commit: str, tag: str) -> str:
    """Name a new run of one device's folder: number, commit, tag."""
    numbers: Iterable[int] = (
        int(path.name.split("_")[0].split(".")[0]) for path in folder.glob("[0-9]*_*")
    )
    parts = [f"{max(numbers, default=0) + 1:04d}", commit.rstrip("+")[:7] or "untracked", tag]
    return "_".join(part for part in parts if part)
