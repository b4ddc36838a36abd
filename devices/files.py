"""Files that may come from anywhere: read whole, or refused before they do harm."""

import stat
from pathlib import Path

PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ": "xz",
    b"BZh": "bzip2",
}


def read_regular(path: Path, limit_bytes: int) -> bytes:
    """Read a file of ours.

    A pipe or a device might never end, and a packed file may be a thousand times as large inside;
    nothing of ours is either.

    Raises:
        OSError: It is missing, no regular file, or may not be read.
        ValueError: It is larger than `limit_bytes`, or packed.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no regular file")
    if status.st_size > limit_bytes:
        raise ValueError(
            f"it is larger than {limit_bytes / 2**20:.0f} MiB, which nothing of ours is"
        )
    content = path.read_bytes()
    for magic, packing in PACKED.items():
        if content.startswith(magic):
            raise ValueError(f"it is packed by {packing}: unpack it first")
    return content
