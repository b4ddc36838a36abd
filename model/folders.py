"""The folders that belong to this project: where each system puts a program's files."""

import os
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path, user_config_path

from model.errors import ConfigError

NAME = "mobilespeech-bench"
NO_HOME = Path("/nonexistent")  # Debian's home of users that have none
CACHE_VARIABLE = "MOBILESPEECH_CACHE"


def cache_folder() -> Path:
    """Return the folder for everything that can be made again.

    It is `$MOBILESPEECH_CACHE` where that is set and not empty, else the user's cache folder:
    `$XDG_CACHE_HOME/mobilespeech-bench` or `~/.cache/mobilespeech-bench` on Linux.

    Raises:
        ConfigError: The user has no home folder, as a number without a name in a container.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    folder = known(user_cache_path)
    if folder is None:
        raise ConfigError(f"this user has no home folder: set HOME, or {CACHE_VARIABLE}")
    return folder


def home_folder() -> Path:
    """Return the user's home, or a folder that is not there."""
    folder = Path(os.path.expanduser("~"))  # noqa: PTH111 - which raises nothing
    return folder if folder.is_absolute() else NO_HOME


def config_folder() -> Path:
    """Return the folder for what the program keeps for the user, such as its ADB key.

    Where the user has no home it is one that is not there.
    """
    return known(user_config_path) or NO_HOME / NAME


def known(find: Callable[..., Path]) -> Path | None:
    """Ask `platformdirs` for a folder; None where the user has no home that it could be in."""
    try:
        folder = find(NAME, appauthor=False)
    except RuntimeError:
        return None
    return folder if folder.is_absolute() else None  # older ones leave a ~ as it is
