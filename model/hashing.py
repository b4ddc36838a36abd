"""SHA-256 of files, computed once per process for each state of a file."""

import functools
import hashlib
import os
from pathlib import Path

from model.files import open_regular


def file_sha256(path: Path) -> str:
    """Hash a file's content; a file that was changed since is hashed again.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    status = path.stat()
    state = status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return _sha256(path, state)


@functools.lru_cache(maxsize=4096)
def _sha256(path: Path, _state: tuple[int, ...]) -> str:
    with os.fdopen(open_regular(path, follow=True), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
