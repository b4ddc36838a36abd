"""A team's store in PostgreSQL: many machines write at once, and ask the same questions.

A run under way is a row per journal entry, committed one by one; a finished one is the very file
that a folder would hold, and its points in the tables of `bench.stores.schema`.
"""

import contextlib
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.results import Header, Run, encode_run
from bench.stores.folder import next_name
from bench.stores.journal import Entry, Journal, from_lines, key_of, to_line
from bench.stores.schema import (
    FAILURE,
    POINT,
    SERIES,
    TABLES,
    VERSION,
    SqlArchive,
    failures_of,
    run_fields,
    series_of,
)
from bench.stores.store import LATEST, Archive, Kept, choose, is_called, no_latest
from model.errors import ConfigError, ResultError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

OWN_TABLES = """
CREATE TABLE IF NOT EXISTS versions (version INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS entries (
    run_id BIGINT NOT NULL,
    number INTEGER NOT NULL,
    line BYTEA NOT NULL,
    PRIMARY KEY (run_id, number)
);
CREATE TABLE IF NOT EXISTS contents (run_id BIGINT PRIMARY KEY, content BYTEA NOT NULL);
"""
# First keys of our advisory locks: for making tables, for naming a device's runs, for writing one.
MAKING, NAMING, WRITING = 0x6D6F6273, 0x6D6F6274, 0x6D6F6275
WAITS_S = (0.5, 2, 8, 30)  # before trying again to write down what a server did not take


class PostgresStore:
    """Keeps runs in PostgreSQL.

    Args:
        url: `postgresql://user:password@host/database`.
        files: Folder for the speech of runs, which stays on the machine that measured.

    Raises:
        ConfigError: A package that this needs is not installed, or it is no such URL.
        ResultError: The server cannot be reached, or its tables are another version's.
    """

    def __init__(self, url: str, files: Path) -> None:
        self._files = files
        self._engine, self.name = connect(url)
        weakref.finalize(self, self._engine.dispose)  # ends the connections that wait in its pool
        with self._transaction() as connection:
            execute(connection, "SELECT pg_advisory_xact_lock(:lock, 0)", lock=MAKING)
            execute(connection, TABLES + OWN_TABLES)
            add_made_by(connection)
            insert = """
                INSERT INTO versions SELECT :version WHERE NOT EXISTS (SELECT 1 FROM versions)
            """
            execute(connection, insert, version=VERSION)
            ((version,),) = execute(connection, "SELECT version FROM versions")
        if version != VERSION:
            raise ResultError(
                f"{self.name} was made by another version of this project (tables of version"
                f" {version}, not {VERSION}): use that one, or another database"
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator["Connection"]:
        """Do all or nothing; what goes wrong is one line."""
        with told(self.name), self._engine.begin() as connection:
            yield connection

    def begin(self, header: Header, tag: str) -> Journal:
        """Start a run under the device's next number."""
        with self._transaction() as connection:
            lock = "SELECT pg_advisory_xact_lock(:lock, hashtext(:device))"
            execute(connection, lock, lock=NAMING, device=header.device.name)
            query = "SELECT run FROM runs WHERE device = :device"
            names = [name for (name,) in execute(connection, query, device=header.device.name)]
            header = replace(header, run=next_name(names, header.commit, tag))
            fields = run_fields(header)
            insert = (
                f"INSERT INTO runs ({', '.join(fields)}, finished)"
                f" VALUES ({', '.join(f':{name}' for name in fields)}, FALSE) RETURNING id"
            )
            ((number,),) = execute(connection, insert, **fields)
            line = to_line("header", asdict(header), 1, "")
            add = "INSERT INTO entries VALUES (:run_id, 0, :line)"
            execute(connection, add, run_id=number, line=line)
            journal = self._journal(number, header.device.name, header.run)
            journal.claim()  # before others can see it
        return journal

    def _journal(self, number: int, device: str, run: str) -> "PostgresJournal":
        return PostgresJournal(self._engine, self.name, number, run, self._files / device / run)

    def resume(
        self, device: str, fits: Callable[[Journal], bool] = lambda _: True, name: str = ""
    ) -> Journal | None:
        """Find the newest unfinished run that fits and that no other process writes."""
        query = "SELECT id, run FROM runs WHERE device = :device AND NOT finished ORDER BY id DESC"
        with self._transaction() as connection:
            unfinished = execute(connection, query, device=device)
        still = "SELECT run FROM runs WHERE id = :id AND NOT finished"
        for number, run in unfinished:
            journal = self._journal(number, device, run)
            if (name and not is_called(name, device, run)) or not journal.claim():
                continue
            with contextlib.ExitStack() as unless_taken:
                unless_taken.callback(journal.close)
                with self._transaction() as connection:
                    under_way = execute(connection, still, id=number)
                if under_way and fits(journal):  # else its writer has finished it meanwhile
                    unless_taken.pop_all()
                    return journal
        return None

    def finish(self, journal: Journal, run: Run) -> None:
        """Put the finished run in place of its entries."""
        assert isinstance(journal, PostgresJournal)
        number = journal.number
        with self._transaction() as connection:
            query = "SELECT finished FROM runs WHERE id = :id FOR UPDATE"
            if execute(connection, query, id=number) != [(False,)]:
                return
            content = "INSERT INTO contents VALUES (:id, :content)"
            execute(connection, content, id=number, content=encode_run(run))
            add_points(connection, number, run)
            execute(connection, "UPDATE runs SET finished = TRUE WHERE id = :id", id=number)
            execute(connection, "DELETE FROM entries WHERE run_id = :id", id=number)

    def find(self, name: str) -> Kept:
        """Find a run by number, name, DEVICE/NAME, or as `latest`."""
        query = "SELECT id, device, run, made_by FROM runs WHERE finished ORDER BY started_at, id"
        with self._transaction() as connection:
            runs = execute(connection, query)
            if name == LATEST:
                runs = [run for run in runs if not run[-1]][-1:]
                if not runs:
                    raise no_latest(self.name)
                place = 0
            else:
                place = choose(name, [(device, run) for _, device, run, _ in runs], self.name)
            number, device, run, _ = runs[place]
            query = "SELECT content FROM contents WHERE run_id = :id"
            ((content,),) = execute(connection, query, id=number)
        return Kept(bytes(content), f"{device}/{run}", self._files / device)

    def names(self) -> Iterator[tuple[str, bool]]:
        """List runs, oldest first."""
        query = "SELECT device, run, finished FROM runs ORDER BY started_at, id"
        with self._transaction() as connection:
            runs = execute(connection, query)
        for device, run, finished in runs:
            yield f"{device}/{run}", finished

    @contextlib.contextmanager
    def archive(self) -> Iterator[Archive]:
        """Open the finished runs, as they are at one moment, for questions over many of them."""
        with told(self.name), self._engine.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ")

            def columns(query: str) -> Mapping[str, Any]:
                rows = np.asarray(execute(connection, query), np.float64).reshape(-1, len(POINT))
                return dict(zip(POINT, rows.T, strict=True))

            yield SqlArchive(lambda query: execute(connection, query), columns)


def add_made_by(connection: "Connection") -> None:
    """Add the column `made_by` to the tables of a database that is older than it.

    Older runs do not name the command that made them, but only those of `bench ab` have a session.
    """
    known = """
        SELECT 1 FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = 'runs' AND column_name = 'made_by'
    """
    if execute(connection, known):
        return
    execute(connection, "ALTER TABLE runs ADD COLUMN made_by TEXT NOT NULL DEFAULT ''")
    update = """
        UPDATE runs SET made_by = 'ab' FROM contents
        WHERE run_id = id AND position(CAST(:some AS BYTEA) IN content) > 0
        AND position(CAST(:none AS BYTEA) IN content) = 0
    """
    execute(connection, update, some=b'"session":"', none=b'"session":""')


def add_points(connection: "Connection", number: int, run: Run) -> None:
    """Add what a run has to say to series, which are made where they are new, and its failures."""
    points = sorted(series_of(run), key=lambda point: point[0])  # one order: no deadlock
    keys = {name: [key[place] for key, _ in points] for place, name in enumerate(SERIES)}
    names = ", ".join(SERIES)
    texts = ", ".join(f"CAST(:{name} AS TEXT[])" for name in SERIES)
    if points:
        add = f"INSERT INTO series ({names}) SELECT * FROM unnest({texts}) ON CONFLICT DO NOTHING"
        execute(connection, add, **keys)
        add = f"""
            INSERT INTO points ({", ".join(POINT)})
            SELECT id, :run_id, median, low, high, samples
            FROM unnest(
                {texts}, CAST(:median AS DOUBLE PRECISION[]), CAST(:low AS DOUBLE PRECISION[]),
                CAST(:high AS DOUBLE PRECISION[]), CAST(:samples AS INTEGER[])
            ) AS given ({names}, median, low, high, samples) JOIN series USING ({names})
        """
        measured = {
            "median": [point.median for _, point in points],
            "low": [point.low for _, point in points],
            "high": [point.high for _, point in points],
            "samples": [len(point.samples) for _, point in points],
        }
        execute(connection, add, run_id=number, **keys, **measured)
    add = f"INSERT INTO failures VALUES ({', '.join(f':{name}' for name in FAILURE)})"
    for failure in failures_of(run):
        execute(connection, add, **dict(zip(FAILURE, (number, *failure), strict=True)))


class PostgresJournal:
    """The entries of a run under way.

    Args:
        engine: Of the store.
        store: Its name, for messages.
        number: Of the run, in the table `runs`.
        run: Name of the run.
        files: Folder of its own files.
    """

    def __init__(self, engine: "Engine", store: str, number: int, run: str, files: Path) -> None:
        self._engine = engine
        self._store = store
        self._lock: Connection | None = None
        self._count: int | None = None  # entries; not known until the first is added
        self._key = ""  # of the first; likewise
        self.number = number
        self.run = run
        self.files = files

    def claim(self) -> bool:
        """Keep other processes from writing it, as long as this one lives; False if one does."""
        with told(self._store):
            lock = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            query = "SELECT pg_try_advisory_lock(:lock, :number)"
            if execute(lock, query, lock=WRITING, number=self.number) != [(True,)]:
                lock.close()
                return False
        self._lock = lock
        return True

    def append(self, kind: str, entry: Mapping[str, Any]) -> None:
        """Add one entry, however often it takes; a server that restarts loses nothing.

        Raises:
            ResultError: The server stays away, or another process writes this run.
        """
        for wait_s in (*WAITS_S, None):
            try:
                found, line = self._write(kind, entry)
                break
            except ResultError:
                if wait_s is None:
                    raise
                time.sleep(wait_s)
        if found != line:
            raise ResultError(f"another process writes {self.run}: start a new run")

    def _write(self, kind: str, entry: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """Write one entry, unless one of its number is there.

        Returns:
            What is there then, and what was to be.
        """
        insert = "INSERT INTO entries VALUES (:run_id, :number, :line) ON CONFLICT DO NOTHING"
        query = "SELECT line FROM entries WHERE run_id = :run_id AND number = :number"
        with told(self._store), self._engine.begin() as connection:
            if self._count is None:
                count = "SELECT count(*) FROM entries WHERE run_id = :run_id"
                ((self._count,),) = execute(connection, count, run_id=self.number)
                ((first,),) = execute(connection, query, run_id=self.number, number=0)
                self._key = key_of(bytes(first))
            line = to_line(kind, entry, self._count + 1, self._key)
            place = {"run_id": self.number, "number": self._count}
            execute(connection, insert, **place, line=line)
            ((found,),) = execute(connection, query, **place)
        self._count += 1
        return bytes(found), line

    def entries(self) -> list[Entry]:
        """Read all entries."""
        query = "SELECT line FROM entries WHERE run_id = :number ORDER BY number"
        with told(self._store), self._engine.begin() as connection:
            lines = execute(connection, query, number=self.number)
        return from_lines((bytes(line) for (line,) in lines), self.run)

    def close(self) -> None:
        """Let other processes write it."""
        if self._lock is not None:
            self._lock.invalidate()  # the server lets go of a lock when its connection ends
            self._lock.close()
            self._lock = None


def connect(url: str) -> tuple["Engine", str]:
    """Make an engine, and the store's name without its password.

    Raises:
        ConfigError: A package is not installed, or it is no URL.
    """
    try:
        import psycopg
        import sqlalchemy
    except ImportError:
        raise ConfigError(
            "a store in PostgreSQL needs two packages: pip install 'mobilespeech-bench[postgres]'"
        ) from None
    assert psycopg
    try:
        parsed = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
        engine = sqlalchemy.create_engine(parsed, pool_pre_ping=True)
    except (sqlalchemy.exc.ArgumentError, ValueError):  # both would quote the password
        raise ConfigError("that is no URL of a PostgreSQL database: postgresql://...") from None
    return engine, parsed.set(drivername="postgresql").render_as_string(hide_password=True)


@contextlib.contextmanager
def told(name: str) -> Iterator[None]:
    """Turn the database's errors into one line."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        said = error.orig if isinstance(error, DBAPIError) else error
        first = str(said).strip().splitlines() or [type(error).__name__]
        raise ResultError(f"the store {name} does not answer as it should: {first[0]}") from error


def execute(connection: "Connection", query: str, /, **values: object) -> list[tuple[Any, ...]]:
    """Run a query, and return its rows, if it has any."""
    from sqlalchemy import text

    given = {name: storable(value) for name, value in values.items()}
    result = connection.execute(text(query), given)
    return [tuple(row) for row in result] if result.returns_rows else []


def storable(value: object) -> object:
    """Replace what PostgreSQL's texts cannot hold; contents and entries are bytes, and keep it."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    return [storable(one) for one in value] if isinstance(value, list) else value
