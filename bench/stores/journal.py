"""The append-only file of a run under way.

One JSON object per line, flushed to disk as soon as something is finished, so that a kill loses at
most what was under way. Every line holds its number and the CRC-32 of the first line, which tells a
line of another journal, and ends with the CRC-32 of what stands before it; the first one holds the
run's conditions and the format. One process at a time writes a journal.

Format history:
    1: first. No checksums.
    2: checksums.
    3: numbers of lines, and the checksum of the first line in all others.
"""

import contextlib
import fcntl
import json
import os
import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from bench.migrations import JOURNAL_FORMAT, entry_from_1, without_doubles
from bench.results import read_result, to_json
from model.errors import ResultError
from model.files import NotRegularError, open_regular

JOURNAL_SUFFIX = ".journal"
CHECKED = re.compile(rb'(\{.*),"crc32":"([0-9a-f]{8})"\}')

Entry = dict[str, Any]


class Journal(Protocol):
    """Where a run under way is written down."""

    @property
    def run(self) -> str:
        """Name of the run."""

    @property
    def files(self) -> Path:
        """Folder of the run's own files, its speech; made by whoever writes the first."""

    def append(self, kind: str, entry: Mapping[str, Any]) -> None:
        """Add one entry; once this returns, no kill can take it away."""

    def entries(self) -> list[Entry]:
        """Read all entries.

        Raises:
            ResultError: One is damaged.
        """

    def close(self) -> None:
        """Let other processes write it."""


class FileJournal:
    """A journal in a file, `RUN.journal`.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1  # open, and locked, while this process writes
        self._lines = 0
        self._key = ""  # of the first line

    @property
    def run(self) -> str:
        """Name of the run."""
        return self.path.stem

    @property
    def files(self) -> Path:
        """Folder of the run's own files."""
        return self.path.with_suffix("")

    def create(self) -> None:
        """Make the file, which must not exist, and keep others from writing it."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self._file = open_regular(self.path, flags)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def claim(self) -> bool:
        """Go on with the file, taking off a last line that a kill cut short.

        Returns:
            False where another process writes it.

        Raises:
            ResultError: It cannot be written.
        """
        try:
            self._file = open_regular(self.path, os.O_RDWR | os.O_APPEND)
        except (FileNotFoundError, NotRegularError):
            return False  # another process has just finished it; or it is no journal
        except OSError as error:
            raise ResultError(f"{self.path} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            return False
        try:
            content = read_result(self.path)
        except ResultError:
            self._lines = -1
            return True  # whoever asks for its entries is told
        os.ftruncate(self._file, content.rfind(b"\n") + 1)
        self._lines = content.count(b"\n")
        self._key = key_of(content.partition(b"\n")[0])
        return True

    @property
    def empty(self) -> bool:
        """Whether it holds no whole line. Known once it is claimed."""
        return self._lines == 0

    def close(self) -> None:
        """Let other processes write the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def append(self, kind: str, entry: Mapping[str, Any]) -> None:
        """Add one entry, and make sure that it is on disk.

        Raises:
            ResultError: There is no room, and nothing of the entry is left in the file; or the file
                was removed or moved.
        """
        if not self._in_place():
            raise ResultError(f"{self.path} was removed or moved while the run was measured")
        line = to_line(kind, entry, self._lines + 1, self._key)
        before_bytes = os.fstat(self._file).st_size
        try:
            if os.write(self._file, line) < len(line):
                raise OSError("no room for all of it")
            os.fsync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, before_bytes)
            raise ResultError(f"{self.path} cannot be written: {error}") from error
        self._lines += 1
        self._key = self._key or key_of(line)

    def _in_place(self) -> bool:
        """Whether the path still leads to the file that is written, and not to none or another."""
        try:
            return os.path.samestat(os.fstat(self._file), self.path.lstat())
        except OSError:
            return False

    def entries(self) -> list[Entry]:
        """Read all whole entries; a last line cut short by a kill is left out.

        Raises:
            ResultError: A line before the last is damaged.
        """
        lines = read_result(self.path).splitlines(keepends=True)
        return from_lines((line for line in lines if line.endswith(b"\n")), str(self.path))


def to_line(kind: str, entry: Mapping[str, Any], number: int, key: str) -> bytes:
    """Write an entry as one line, with its checksum.

    Args:
        kind: Of the entry.
        entry: The entry.
        number: Of the line; the first is 1.
        key: Of the first line; the first itself names its format instead.
    """
    place = {"format": JOURNAL_FORMAT} if number == 1 else {"journal": key}
    body = to_json({"kind": kind, "line": number, **place, **entry})[:-1]
    return b'%s,"crc32":"%08x"}\n' % (body, zlib.crc32(body))


def key_of(line: bytes) -> str:
    """Return what names a journal in its lines: the CRC-32 of the first one."""
    return format(zlib.crc32(line.rstrip(b"\n")), "08x")


def from_lines(lines: Iterable[bytes], where: str) -> list[Entry]:
    """Read lines back, of whatever format.

    Args:
        lines: The journal's.
        where: Its name, for messages.

    Raises:
        ResultError: A line is damaged, repeated, missing, out of order, of another journal, or of a
            newer format.
    """
    entries: list[Entry] = []
    written_as, key = 1, ""
    for number, line in enumerate(lines, 1):
        try:
            entry, sealed = from_line(line)
            if number == 1:
                written_as, key = format_of(entry), key_of(line)
            if written_as > 1 and not sealed:
                raise ValueError("it has no checksum")
            check_place(entry, number, key, needed=written_as > 2)
        except (ValueError, RecursionError) as error:
            raise ResultError(f"{where} is damaged in line {number}: {error}") from error
        entries.append(entry if sealed else entry_from_1(entry))
    return entries


def format_of(header: Entry) -> int:
    """Take the format off a journal's first entry; in format 1 it does not stand there.

    Raises:
        ValueError: It is newer than this project, or no number.
    """
    number = header.pop("format", 1)
    if type(number) is not int or not 1 <= number <= JOURNAL_FORMAT:
        raise ValueError(f"it is of format {number!r:.20}: update this project to read it")
    return number


def check_place(entry: Entry, number: int, key: str, *, needed: bool) -> None:
    """Take number and journal off an entry, and make sure that it stands where it was written.

    Args:
        entry: Of the line.
        number: Of the line, counted.
        key: Of the journal that it stands in.
        needed: Whether it must say where it was written.

    Raises:
        ValueError: It was written elsewhere.
    """
    line, journal = entry.pop("line", None), entry.pop("journal", None)
    if line is None and not needed:
        return
    if number > 1 and journal != key:
        raise ValueError("it is a line of another journal: remove it")
    if type(line) is not int:
        raise ValueError("it has no number")
    if line < number:
        raise ValueError(f"it is line {line} once more: remove it")
    if line > number:
        raise ValueError(f"it was written as line {line}: lines are missing or out of order")


def from_line(line: bytes) -> tuple[Entry, bool]:
    """Read one line, and say whether it has a checksum, which then is right.

    Raises:
        ValueError: It is damaged.
    """
    found = CHECKED.fullmatch(line.rstrip(b"\n"))
    if not found:  # format 1, which wrote infinity as Python does
        entry = json.loads(line, object_pairs_hook=without_doubles, parse_constant=lambda _: None)
    elif zlib.crc32(found.group(1)) != int(found.group(2), 16):
        raise ValueError("its checksum is wrong")
    else:
        entry = msgspec.json.decode(found.group(1) + b"}")
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
        raise ValueError("it is no entry")
    return entry, found is not None
