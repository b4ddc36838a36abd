"""How programs and shared libraries are aligned: whether a kernel with large pages loads them."""

import os
import struct
from pathlib import Path

from model.files import open_regular

MAGIC = b"\x7fELF\x02\x01"  # 64-bit, little-endian
LOADED = 1  # PT_LOAD
MOST_SEGMENTS = 64


def load_alignment(path: Path) -> int | None:
    """Return the least alignment of what a file has loaded, in bytes; None where it is no ELF.

    A kernel with larger pages cannot map such a segment: elf(5), p_align.
    """
    with os.fdopen(open_regular(path, follow=True), "rb") as file:
        header = file.read(64)
        if len(header) < 64 or not header.startswith(MAGIC):
            return None
        (offset,) = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        file.seek(offset)
        table = file.read(size * min(count, MOST_SEGMENTS))
    starts = range(0, len(table) - 55, size) if size >= 56 else ()
    segments = [struct.unpack_from("<I44xQ", table, start) for start in starts]
    return min((align for kind, align in segments if kind == LOADED), default=None)
