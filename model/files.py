"""How files are opened and written: the one place that does either.

A name may lead to anything: a pipe or a device that never ends, a link to somebody else's file, a
disk without room. A file is opened here only if it is a regular one, and opening never waits and
never truncates. A file is written here beside its old content and takes its place when it is on
disk, so that a full disk or a kill leaves the old content.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ": "xz",
    b"BZh": "bzip2",
}
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a symbolic link",
}


class NotRegularError(OSError):
    """The name is that of a pipe, a device, a folder or a link, where a file must be."""


def kind_of(mode: int) -> str:
    """Name what a file's mode says it is; empty for a regular file."""
    return "" if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "no regular file")


def open_regular(path: Path, flags: int = os.O_RDONLY, *, follow: bool = False) -> int:
    """Open a file, which is a regular one, without waiting for anything.

    Args:
        path: Of the file. What it holds stays, as `flags` must not have `O_TRUNC`.
        flags: As `os.open` takes them.
        follow: Whether `path` may be a symbolic link. It may where the user named the file, and
            must not where the program did.

    Returns:
        A descriptor, which the caller closes.

    Raises:
        NotRegularError: It is something else.
        OSError: It cannot be opened.
    """
    assert not flags & os.O_TRUNC
    safely = os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags | safely, 0o666)
    except OSError as error:
        # Of a pipe without a reader, a socket or a link the system says something else.
        kind = ""
        with contextlib.suppress(OSError):
            kind = kind_of((path.stat() if follow else path.lstat()).st_mode)
        if kind and error.errno != errno.EEXIST:
            raise not_regular(path, kind) from None
        raise
    kind = kind_of(os.fstat(descriptor).st_mode)
    if kind:
        os.close(descriptor)
        raise not_regular(path, kind)
    return descriptor


def not_regular(path: Path, kind: str) -> NotRegularError:
    """Make the error that says what a name leads to."""
    return NotRegularError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))


def open_log(path: Path) -> int:
    """Open a file of ours that is written anew, in a folder that is made if need be.

    Returns:
        A descriptor, which the caller closes.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = open_regular(path, os.O_WRONLY | os.O_CREAT)
    os.ftruncate(descriptor, 0)
    return descriptor


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a file of ours, which is made if need be and whose content stays.

    Args:
        path: Of the file; its folder exists.
        wait: Whether to wait for whoever holds it.

    Raises:
        BlockingIOError: Somebody holds it, and `wait` is false.
        OSError: It cannot be opened, or is no regular file.
    """
    descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def read_regular(path: Path, limit_bytes: int, *, follow: bool = True) -> bytes:
    """Read a file whole, unless it is larger than any such file or packed.

    A packed file may be a thousand times as large inside.

    Args:
        path: Of the file.
        limit_bytes: What the largest such file has.
        follow: As `open_regular` takes it.

    Raises:
        OSError: It is missing, no regular file, or may not be read.
        ValueError: It is larger than `limit_bytes`, or packed.
    """
    with os.fdopen(open_regular(path, follow=follow), "rb") as file:
        too_large = os.fstat(file.fileno()).st_size > limit_bytes
        content = b"" if too_large else file.read(limit_bytes + 1)
    if too_large or len(content) > limit_bytes:
        raise ValueError(
            f"it is larger than {limit_bytes / 2**20:.0f} MiB, which nothing of ours is"
        )
    for magic, packing in PACKED.items():
        if content.startswith(magic):
            raise ValueError(f"it is packed by {packing}: unpack it first")
    return content


def read_whole(path: Path) -> bytes:
    """Read a file that the user named, of any size.

    Raises:
        OSError: It is missing, no regular file, or may not be read.
    """
    with os.fdopen(open_regular(path, follow=True), "rb") as file:
        return file.read()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all.

    The caller writes to the file whose path it is given, in the same folder. When it is done, that
    file is brought to disk and takes the place of `path`; when it fails, that file is removed.

    Args:
        path: Where to. What is there is replaced, a symbolic link included.

    Raises:
        NotRegularError: `path` is a folder, a pipe, a socket or a device.
        OSError: The file cannot be written; `path` is as it was.
    """
    refuse_special(path)
    # Short and random: beside a name of 255 bytes there is room, and two writers do not meet.
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        yield temporary
        descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.filename in (None, str(temporary), temporary):  # a name that nobody knows
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def refuse_special(path: Path) -> None:
    """Make sure that a file can take the place of what is at `path`.

    Raises:
        NotRegularError: It is a folder, a pipe, a socket or a device.
    """
    with contextlib.suppress(FileNotFoundError):
        kind = kind_of(path.lstat().st_mode)
        if kind and kind != KINDS[stat.S_IFLNK]:
            raise not_regular(path, kind)


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all; text as UTF-8.

    Raises:
        OSError: As `replacing`.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
