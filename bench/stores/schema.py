"""How runs lie in tables, and what is asked of them: the same SQL for DuckDB and PostgreSQL."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bench.results import Case, Header, Measurement, Outcome, Run
from bench.stores.store import FailureLine, Points, RunLine, SeriesLine

VERSION = 2  # of these tables

TABLES = """
CREATE SEQUENCE IF NOT EXISTS run_ids;
CREATE SEQUENCE IF NOT EXISTS series_ids;
CREATE TABLE IF NOT EXISTS runs (
    id BIGINT PRIMARY KEY DEFAULT nextval('run_ids'),
    device TEXT NOT NULL,
    run TEXT NOT NULL,
    started_at TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    system TEXT NOT NULL,
    trained BOOLEAN NOT NULL,
    made_by TEXT NOT NULL DEFAULT '',
    finished BOOLEAN NOT NULL,
    UNIQUE (device, run)
);
CREATE TABLE IF NOT EXISTS series (
    id BIGINT PRIMARY KEY DEFAULT nextval('series_ids'),
    device TEXT NOT NULL,
    scheme TEXT NOT NULL,
    backend TEXT NOT NULL,
    utterance TEXT NOT NULL,
    model TEXT NOT NULL,
    conditions TEXT NOT NULL,
    metric TEXT NOT NULL,
    unit TEXT NOT NULL,
    UNIQUE (device, scheme, backend, utterance, model, conditions, metric, unit)
);
CREATE TABLE IF NOT EXISTS points (
    series_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    median DOUBLE PRECISION NOT NULL,
    low DOUBLE PRECISION NOT NULL,
    high DOUBLE PRECISION NOT NULL,
    samples INTEGER NOT NULL,
    PRIMARY KEY (series_id, run_id)
);
CREATE TABLE IF NOT EXISTS failures (
    run_id BIGINT NOT NULL,
    scheme TEXT NOT NULL,
    backend TEXT NOT NULL,
    utterance TEXT NOT NULL,
    model TEXT NOT NULL,
    device TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (run_id, scheme, backend, utterance, model, device)
);
"""
SERIES = ("device", "scheme", "backend", "utterance", "model", "conditions", "metric", "unit")
POINT = ("series_id", "run_id", "median", "low", "high", "samples")
FAILURE = ("run_id", "scheme", "backend", "utterance", "model", "device", "outcome", "reason")

Rows = Callable[[str], Sequence[Sequence[Any]]]
Columns = Callable[[str], Mapping[str, Any]]


class SqlArchive:
    """Finished runs in tables.

    Args:
        rows: Runs a query, row by row.
        columns: Runs a query, column by column.
        problems: Runs that are missing, one line each.
    """

    def __init__(self, rows: Rows, columns: Columns, problems: Sequence[str] = ()) -> None:
        self._rows = rows
        self._columns = columns
        self.problems = problems

    def runs(self) -> list[RunLine]:
        """List runs, oldest first."""
        query = """
            SELECT id, device, run, started_at, commit_id, system, trained, made_by
            FROM runs WHERE finished ORDER BY started_at, id
        """
        return [RunLine(*row) for row in self._rows(query)]

    def series(self) -> list[SeriesLine]:
        """List series."""
        query = f"SELECT id, {', '.join(SERIES)} FROM series ORDER BY id"
        return [SeriesLine(*row) for row in self._rows(query)]

    def failures(self) -> list[FailureLine]:
        """List what failed."""
        query = f"SELECT {', '.join(FAILURE)} FROM failures ORDER BY run_id"
        return [FailureLine(*row) for row in self._rows(query)]

    def points(self, series: Sequence[int] | None = None) -> Points:
        """Read the points of some series, or of all."""
        numbers = ", ".join(str(int(number)) for number in series or ())
        chosen = "" if series is None else f"AND p.series_id IN ({numbers or 'NULL'})"
        query = f"""
            SELECT {", ".join(f"p.{name}" for name in POINT)}
            FROM points p JOIN runs r ON r.id = p.run_id
            WHERE r.finished {chosen} ORDER BY p.series_id, r.started_at, p.run_id
        """
        found = self._columns(query)
        return Points(
            series_id=np.asarray(found["series_id"], np.int64),
            run_id=np.asarray(found["run_id"], np.int64),
            median=np.asarray(found["median"], np.float64),
            low=np.asarray(found["low"], np.float64),
            high=np.asarray(found["high"], np.float64),
            samples=np.asarray(found["samples"], np.int64),
        )


def series_of(run: Run) -> Iterator[tuple[tuple[str, ...], Measurement]]:
    """Name the series that a run adds a point to, in the order of `SERIES`."""
    utterances = {row.case.utterance for row in run.rows}
    conditions = {utterance: conditions_of(run.header, utterance) for utterance in utterances}
    for row in run.rows:
        device = row.case.device or run.header.device.name
        key = (device, *place_of(row.case), conditions[row.case.utterance])
        for name, measurement in row.metrics.items():
            yield (*key, name, measurement.unit), measurement


def conditions_of(header: Header, utterance: str) -> str:
    """Say what must agree, beside device and case, for numbers to belong to one series."""
    said = json.dumps(header.utterances.get(utterance, {}), sort_keys=True)
    parts = [
        f"threads {header.schedule.threads}",
        f"passes {'-'.join(map(str, header.passes))}",
        f"codec {header.model.get('codec', '')}",
        f"words {hashlib.sha256(said.encode()).hexdigest()[:8]}",
    ]
    return ", ".join([*parts, *(["emulated"] if header.device.emulated else [])])


def run_fields(header: Header) -> dict[str, Any]:
    """Arrange the conditions of a run for the table `runs`."""
    return {
        "device": header.device.name,
        "run": header.run,
        "started_at": header.started_at,
        "commit_id": header.commit,
        "system": header.device.fingerprint or header.device.os,
        "trained": header.trained,
        "made_by": header.made_by,
    }


def failures_of(run: Run) -> Iterator[tuple[str, ...]]:
    """List what failed in a run, in the order of `FAILURE` but for the run's own number."""
    for row in run.rows:
        if row.outcome not in (Outcome.OK, Outcome.SKIPPED):
            yield (*place_of(row.case), row.case.device, str(row.outcome), row.reason)


def place_of(case: Case) -> tuple[str, str, str, str]:
    """Arrange a case, but for its device, in the order of the columns."""
    return case.scheme, case.backend, case.utterance, case.model
