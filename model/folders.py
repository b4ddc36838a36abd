"""The folders that belong to this project: where each system puts a program's files."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_config_path

NAME = "mobilespeech-bench"
CACHE_VARIABLE = "MOBILESPEECH_CACHE"


def cache_folder() -> Path:
    """Return the folder for everything that can be made again.

    It is `$MOBILESPEECH_CACHE` where that is set and not empty, else the user's cache folder:
    `$XDG_CACHE_HOME/mobilespeech-bench` or `~/.cache/mobilespeech-bench` on Linux.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else user_cache_path(NAME, appauthor=False)


def config_folder() -> Path:
    """Return the folder for what the program keeps for the user, such as its ADB key."""
    return user_config_path(NAME, appauthor=False)
