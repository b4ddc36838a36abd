"""TOML files that users write: read within bounds, and refused in one line."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.errors import ConfigError, reason_of
from model.files import read_regular

Table = Mapping[str, Any]
LARGEST_BYTES = 2**20
MOST_DOTS = 500  # tomllib's memory grows with the square of a key's parts


def read_toml(path: Path, what: str = "", limit_bytes: int = LARGEST_BYTES) -> Table:
    """Read a TOML file, in UTF-8 with or without a byte order mark.

    Args:
        path: Of the file.
        what: Names the kind of file in messages: "the scheme".
        limit_bytes: Size of the largest file that is read.

    Raises:
        ConfigError: The file is missing, is no regular file, is too large or is no TOML.
    """
    try:
        content = read_regular(path, limit_bytes).decode("utf-8-sig")
        if any(line.count(".") > MOST_DOTS for line in content.splitlines()):
            raise ValueError("a line has more dots than names and numbers need")
        return tomllib.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{what} {path} cannot be read: {reason_of(error)}".lstrip()) from error
