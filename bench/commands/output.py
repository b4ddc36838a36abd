"""Where a command's `-o` goes: a file that is there whole or not at all, or standard output."""

import os
import sys
from pathlib import Path

import click

from model.errors import ConfigError, ResultError, reason_of
from model.files import NotRegularError, open_regular, refuse_special, write_whole

STANDARD_OUTPUT = Path("-")


class OutputFile(click.Path):
    """A file that can be written, which is checked before anything slow is done; `-` is stdout."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """Check a name.

        Raises:
            ConfigError: No file can be written there.
        """
        path = Path(value)
        return path if path == STANDARD_OUTPUT else writable(path)


def writable(path: Path) -> Path:
    """Return the path of the file that `path` names, having followed symbolic links.

    Raises:
        ConfigError: No file can be written there.
    """
    try:
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        refuse_special(target)
        if not target.parent.is_dir():
            raise ConfigError(
                f"{path} cannot be written: there is no folder {target.parent}; make it first"
            )
    except NotRegularError as error:
        raise ConfigError(
            f"{path} cannot be written: {reason_of(error)}; name another, or - for standard output"
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be written: {reason_of(error)}") from error
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"{path} cannot be written: no permission to write in {target.parent}")
    return target


def write_output(path: Path | None, content: str | bytes) -> None:
    """Write a command's result to a file and print the file's name, or print the result.

    Args:
        path: As `OutputFile` gives it; None for standard output too.
        content: What a renderer made.

    Raises:
        ConfigError: It is no text, and standard output is a terminal.
        ResultError: The file cannot be written; its old content is still there.
    """
    if path is not None and path != STANDARD_OUTPUT:
        write_file(path, content)
        click.echo(path)
    elif isinstance(content, bytes) and sys.stdout.isatty():
        raise ConfigError("this format is no text: name a file with -o")
    else:
        click.echo(content, nl=False)


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file.

    Raises:
        ResultError: It cannot be written; its old content is still there.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise ResultError(f"{path} cannot be written: {reason_of(error)}") from error


def append_to_file(path: Path, text: str) -> None:
    """Add to a file that other programs may have written to.

    Raises:
        ResultError: It cannot be written.
    """
    try:
        descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, follow=True)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ResultError(f"{path} cannot be written: {reason_of(error)}") from error
