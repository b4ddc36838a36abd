"""Entries of the cache: folders that are there whole or not at all, checked before they are used.

An entry holds a listing of its files with their sizes and SHA-256. The listing shows a copy that
was cut short, a file that was edited, and an entry that was moved to another name; such an entry is
made anew.
"""

import contextlib
import errno
import fcntl
import json
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from model.errors import CacheError
from model.files import locked, read_regular
from model.hashing import file_sha256

LISTING = ".entry.json"
TEMPORARY = ".unfinished"  # ends the names of folders that are being filled
LARGEST_BYTES = 2**26  # of a listing
# Errors of a disk or a folder that cannot take what is written, whatever is written.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)

log = logging.getLogger(__name__)


def publish(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill a temporary folder, list its files, and rename it to `folder`.

    Of two writers of the same folder, the first wins; their content is the same by construction. A
    broken entry of that name is replaced.

    Args:
        folder: The entry. Its name tells what it was made of.
        fill: Writes the entry's files into the folder that it is given.

    Raises:
        CacheError: The cache cannot be written.
    """
    with writable(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / ".lock"):
            remove_abandoned(folder.parent)
            temporary, held = held_folder(folder.parent)
    try:
        filled = temporary / "filled"
        with writable(folder.parent, UNWRITABLE):
            filled.mkdir()
            fill(filled)
        with writable(folder.parent):
            write_listing(filled, folder.name)
            with locked(folder.parent / ".lock"):
                if os.path.lexists(folder):
                    if not fault(folder):
                        return  # another writer was first
                    folder.rename(temporary / "broken")
                filled.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(held)


def held_folder(parent: Path) -> tuple[Path, int]:
    """Make a temporary folder that is locked as long as this process lives.

    Returns:
        The folder, and its descriptor, which the caller closes.
    """
    folder = Path(tempfile.mkdtemp(prefix=".", suffix=TEMPORARY, dir=parent))
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with contextlib.suppress(OSError):  # not every network's disk locks folders
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return folder, descriptor


def remove_abandoned(parent: Path) -> None:
    """Remove the temporary folders of processes that were killed: a cache may be short of room."""
    for folder in parent.glob(f".*{TEMPORARY}"):
        with contextlib.suppress(OSError):  # it is gone, or somebody fills it
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


@contextlib.contextmanager
def writable(folder: Path, only: tuple[int, ...] = ()) -> Iterator[None]:
    """Say what to do where the cache cannot be written.

    Args:
        folder: In the cache.
        only: Numbers of the errors that this is said of; all where none are given.

    Raises:
        CacheError: It cannot.
    """
    try:
        yield
    except OSError as error:
        if only and error.errno not in only:
            raise
        raise CacheError(
            f"the cache cannot be written in {folder} ({error.strerror or error}): make room, or"
            " name another folder with MOBILESPEECH_CACHE"
        ) from error


def write_listing(folder: Path, name: str) -> None:
    """List the regular files of a folder, which is to become the entry `name`."""
    files = {
        path.relative_to(folder).as_posix(): (path.stat().st_size, file_sha256(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    (folder / LISTING).write_text(json.dumps({"entry": name, "files": files}, indent=1))


def usable(folder: Path, *, contents: bool = True) -> bool:
    """Whether an entry is there and whole; one that is there and broken is logged as a warning.

    Args:
        folder: The entry.
        contents: Whether to compare the files' hashes, and not their sizes alone.
    """
    if not os.path.lexists(folder):
        return False
    why = fault(folder, contents=contents)
    if why:
        log.warning("%s in the cache is broken (%s) and is made anew", folder, why)
    return not why


def require(folder: Path) -> Path:
    """Return an entry that was made before, after a check.

    Raises:
        CacheError: It has gone, or is broken.
    """
    why = fault(folder)
    if why:
        raise CacheError(
            f"{folder} in the cache is broken ({why}): run the command again, which makes it anew"
        )
    return folder


def fault(folder: Path, *, contents: bool = True) -> str:
    """Say what is wrong with an entry; nothing where it is whole. `contents` as in `usable`."""
    try:
        for name, (size, sha256) in listed(folder).items():
            status = (folder / name).lstat()
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"{name} is no regular file")
            if status.st_size != size:
                raise ValueError(f"{name} has {status.st_size} bytes, not {size}")
            if contents and file_sha256(folder / name) != sha256:
                raise ValueError(f"{name} was changed")
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:
        return str(error)
    return ""


def listed(folder: Path) -> dict[str, tuple[int, str]]:
    """Read the listing of an entry: size and SHA-256 of each file.

    Raises:
        ValueError: It was changed, or is another entry's.
        OSError: It cannot be read.
    """
    content = read_regular(folder / LISTING, LARGEST_BYTES, follow=False)
    try:
        listing = json.loads(content)
        made_as = listing["entry"]
        files = {
            name: (int(size), str(sha256)) for name, (size, sha256) in listing["files"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"{LISTING} was changed") from None
    if made_as != folder.name:
        raise ValueError(f"it was made as {made_as!r:.80}")
    return files
