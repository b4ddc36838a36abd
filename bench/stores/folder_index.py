"""An index over a folder of run files, in DuckDB: derived from them, and made anew when lost.

Reading a thousand files for one question takes seconds; reading a column of their medians does not.
The files stay what counts: whatever changed since the last question is read again, and an index
that is damaged, or of another version, is deleted.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.results import Run, load_run, no_garbage
from bench.stores.schema import (
    SERIES,
    TABLES,
    SqlArchive,
    failures_of,
    run_fields,
    series_of,
)
from bench.stores.store import Archive
from model.errors import ConfigError, ResultError
from model.files import locked

if TYPE_CHECKING:
    import duckdb

NAME = ".index-3.duckdb"  # another number with every change of what is read into it
MEMORY = "300MB"
FILES = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY,
    bytes BIGINT NOT NULL,
    modified_ns BIGINT NOT NULL,
    run_id BIGINT NOT NULL
)
"""


@contextlib.contextmanager
def open_index(folder: Path, paths: Sequence[Path]) -> Iterator[Archive]:
    """Open the index of a folder, brought up to date; one process at a time has it.

    Args:
        folder: Of results.
        paths: The run files in it.

    Raises:
        ConfigError: DuckDB is not installed.
    """
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(connect(folder, stack))
        problems = update(connection, folder, paths)
        yield SqlArchive(
            lambda query: connection.execute(query).fetchall(),
            lambda query: connection.execute(query).fetchnumpy(),
            problems,
        )


def connect(folder: Path, stack: contextlib.ExitStack) -> "duckdb.DuckDBPyConnection":
    """Open the index's file, or one in memory where the folder cannot be written."""
    try:
        import duckdb
    except ImportError:
        raise ConfigError(
            "questions over many runs need DuckDB: pip install 'mobilespeech-bench[store]'"
        ) from None
    path = folder / NAME
    options: dict[str, str | bool | int | float | list[str]] = {"memory_limit": MEMORY}
    try:
        stack.enter_context(locked(folder / ".index.lock"))
    except (OSError, ValueError):
        connection = duckdb.connect(":memory:", config=options)
    else:
        try:
            connection = duckdb.connect(str(path), config=options)
            connection.execute(TABLES + FILES)
        except duckdb.Error:  # damaged: nothing is lost with it
            path.unlink(missing_ok=True)
            path.with_suffix(".duckdb.wal").unlink(missing_ok=True)
            connection = duckdb.connect(str(path), config=options)
    connection.execute(TABLES + FILES)
    return connection


def update(
    connection: "duckdb.DuckDBPyConnection", folder: Path, paths: Sequence[Path]
) -> list[str]:
    """Take in what changed since the last question; return what could not be read."""
    known = {path: tuple(rest) for path, *rest in connection.execute("FROM files").fetchall()}
    states = {str(path.relative_to(folder)): state_of(path) for path in paths}
    gone = [number for name, (*state, number) in known.items() if states.get(name) != tuple(state)]
    fresh = [name for name in states if name not in known or known[name][2] in set(gone)]
    if not gone and not fresh:
        return []
    drop(connection, gone)  # on its own: DuckDB lets no key be deleted and inserted at once
    problems = []
    loader = Loader(connection)
    with no_garbage():
        for name in fresh:
            try:
                loader.add(name, states[name], load_run(folder / name))
            except ResultError as error:
                problems.append(str(error))
        loader.flush()
    return problems


def drop(connection: "duckdb.DuckDBPyConnection", runs: Sequence[int]) -> None:
    """Forget runs whose files changed or have gone."""
    tables = {"points": "run_id", "failures": "run_id", "runs": "id", "files": "run_id"}
    if runs:
        connection.begin()
        for table, key in tables.items():
            connection.execute(f"DELETE FROM {table} WHERE {key} IN (SELECT unnest(?))", [runs])
        connection.commit()


def state_of(path: Path) -> tuple[int, int]:
    """Return what tells a changed file: its size and time; zeros where it has gone."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return status.st_size, status.st_mtime_ns
    return 0, 0


class Loader:
    """Gathers the rows of all tables, and inserts them at once: DuckDB is slow row by row."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection
        self._series: dict[tuple[str, ...], int] = {
            tuple(key): number
            for number, *key in connection.execute(
                f"SELECT id, {', '.join(SERIES)} FROM series"
            ).fetchall()
        }
        self._known = len(self._series)
        self._next_run = one(connection, "SELECT coalesce(max(id), 0) + 1 FROM runs")
        self._next_series = one(connection, "SELECT coalesce(max(id), 0) + 1 FROM series")
        self._rows: dict[str, list[tuple[Any, ...]]] = {
            "files": [],
            "runs": [],
            "points": [],
            "failures": [],
        }
        self._names: set[tuple[str, str]] = set(
            connection.execute("SELECT device, run FROM runs").fetchall()
        )

    def add(self, path: str, state: tuple[int, int], run: Run) -> None:
        """Take one run.

        Raises:
            ResultError: Another file holds the same run.
        """
        fields = run_fields(run.header)
        name = fields["device"], fields["run"]
        if name in self._names:
            raise ResultError(
                f"{path} holds the run {'/'.join(name)}, which another file holds too"
            )
        self._names.add(name)
        number = self._next_run
        self._next_run += 1
        self._rows["files"].append((path, *state, number))
        self._rows["runs"].append((number, *fields.values(), True))
        for key, measured in series_of(run):
            series = self._series.setdefault(key, self._next_series)
            self._next_series = max(self._next_series, series + 1)
            self._rows["points"].append(
                (
                    series,
                    number,
                    measured.median,
                    measured.low,
                    measured.high,
                    len(measured.samples),
                )
            )
        self._rows["failures"] += [(number, *failure) for failure in failures_of(run)]

    def flush(self) -> None:
        """Insert everything."""
        new = list(self._series.items())[self._known :]
        self._rows["series"] = [(number, *key) for key, number in new]
        self._connection.begin()
        for table, rows in self._rows.items():
            if rows:
                self._connection.register("gathered", columns_of(rows))
                self._connection.execute(f"INSERT INTO {table} SELECT * FROM gathered")
                self._connection.unregister("gathered")
        self._connection.commit()


def columns_of(rows: Sequence[tuple[Any, ...]]) -> dict[str, NDArray[Any]]:
    """Turn rows into columns, as DuckDB takes them."""
    columns = zip(*rows, strict=True)
    return {
        f"column{number}": np.array(column, object if isinstance(column[0], str) else None)
        for number, column in enumerate(columns)
    }


def one(connection: "duckdb.DuckDBPyConnection", query: str) -> int:
    """Return the only value of a query."""
    found = connection.execute(query).fetchone()
    assert found is not None
    return int(found[0])
