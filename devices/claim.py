"""One run at a time per device, among all users of this computer.

The lock is flock(2) on an empty file in /tmp, which every user can open; it ends with the process
that holds it, however that ends. In a folder that everybody may write, somebody else may have put
something in the file's place: it is opened without following links, and only where no other user's
file is in the way is it made. Linux (fs.protected_regular) refuses O_CREAT on another user's file
in such a folder: open(2) without it comes first.
"""

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from model.errors import DeviceUnavailableError

LOCKS = Path("/tmp")  # the same for every user, as TMPDIR need not be
FOR_EVERYBODY = 0o666
OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
ATTEMPTS = 10


@contextlib.contextmanager
def claimed(identity: str, address: str) -> Iterator[None]:
    """Keep other runs of this computer away from a device until the block ends.

    Args:
        identity: Of the device, however it is reached.
        address: Of the device, for the message.

    Raises:
        DeviceUnavailableError: Another run has it, or the lock cannot be had.
    """
    path = lock_of(identity)
    try:
        descriptor = locked(path)
    except BlockingIOError:
        raise DeviceUnavailableError(
            f"{address} is in use by another run on this computer"
        ) from None
    except OSError as error:
        raise DeviceUnavailableError(
            f"{address} cannot be locked against other runs: {path}: {error.strerror or error};"
            " remove it"
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)


def lock_of(identity: str) -> Path:
    """Name the file that stands for a device."""
    name = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return LOCKS / f"mobilespeech-bench-{name}.lock"


def locked(path: Path) -> int:
    """Open and lock a file; returns its descriptor.

    Raises:
        BlockingIOError: Another process has locked it.
        OSError: Something that is no lock of ours is in its place, or cannot be opened.
    """
    for _ in range(ATTEMPTS):
        descriptor = opened(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if names(path, descriptor):
                # Whoever tidies /tmp by age leaves it alone for as long as a run may take.
                with contextlib.suppress(OSError):
                    os.utime(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # removed between opening and locking: once more
    raise OSError("it is removed again and again")


def opened(path: Path) -> int:
    """Open a lock file, which is made where there is none.

    Raises:
        OSError: It is no plain file with one name, or cannot be opened.
    """
    try:
        descriptor = os.open(path, OPEN)
    except FileNotFoundError:
        try:
            descriptor = os.open(path, OPEN | os.O_CREAT | os.O_EXCL, FOR_EVERYBODY)
            os.fchmod(descriptor, FOR_EVERYBODY)  # whatever the umask
        except FileExistsError:  # another process was faster
            descriptor = os.open(path, OPEN)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or found.st_size > 0:
        os.close(descriptor)
        raise OSError("it is not an empty file of its own")
    return descriptor


def names(path: Path, descriptor: int) -> bool:
    """Say whether a path still leads to an open file."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
