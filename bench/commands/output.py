"""Where a command's `-o` goes: a file that is there whole or not at all, or standard output."""

import os
import re
import sys
from pathlib import Path

import click

from model.errors import ConfigError, ResultError, reason_of
from model.files import NotRegularError, open_regular, refuse_special, write_whole

STANDARD_OUTPUT = Path("-")
HEAD_BYTES = 256
# How run files of formats 2 and 1 begin, and journals; other documents of ours begin otherwise.
RUN_OR_JOURNAL = re.compile(
    rb'\{\s*"(format":\s*\d+,\s*"sha256"|format":\s*1,\s*"run"|kind":\s*"header")'
)
# ECMA-48's control codes but for line break and tab, and Unicode's that turn the direction round.
STEERS = re.compile(
    "(\x1b\\[[0-9;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


class OutputFile(click.Path):
    """A file that can be written, which is checked before anything slow is done.

    Args:
        dash: Whether `-` is standard output.
    """

    def __init__(self, *, dash: bool = True) -> None:
        super().__init__(path_type=Path)
        self.dash = dash

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
        return path if self.dash and path == STANDARD_OUTPUT else writable(path)


class StudyFile(OutputFile):
    """A file that is written to and gone on with; its folder is made if need be."""

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """Check a name.

        Raises:
            ConfigError: It is that of a pipe, a device or a folder.
        """
        path = Path(value)
        return writable(path) if os.path.lexists(path) else path


class OutputFolder(click.Path):
    """A folder for files that is there or can be made, which is checked before anything slow."""

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
            ConfigError: No files can be written there.
        """
        path = Path(value)
        try:
            nearest = next(one for one in (path, *path.absolute().parents) if os.path.lexists(one))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path} cannot be written: {reason_of(error)}") from error
        if not nearest.is_dir():
            raise ConfigError(f"{path} cannot be written: {nearest} is not a folder")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise ConfigError(f"{path} cannot be written: no permission to write in {nearest}")
        return path


def writable(path: Path) -> Path:
    """Return the path of the file that `path` names, having followed symbolic links.

    Raises:
        ConfigError: No file can be written there, or it is a run.
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
    if holds_run(target):
        raise ConfigError(f"{path} is a run, which would be replaced: name another file")
    return target


def holds_run(path: Path) -> bool:
    """Whether a file is a run or its journal, of whatever format, also where it is damaged."""
    try:
        with os.fdopen(open_regular(path, follow=True), "rb") as file:
            return bool(RUN_OR_JOURNAL.match(file.read(HEAD_BYTES)))
    except OSError:
        return False


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
        click.echo(one_line(str(path)))
    elif isinstance(content, bytes) and sys.stdout and sys.stdout.isatty():
        raise ConfigError("this format is no text: name a file with -o")
    else:
        print_safely(content)


def print_safely(content: str | bytes) -> None:
    """Print what a file may have put words into; on a terminal without what would steer it.

    Colours are let through, as our own tables have them. Escaped as JSON escapes: text of a JSON
    document stays what it is.
    """
    words = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    if sys.stdout and sys.stdout.isatty():
        content = STEERS.sub(lambda found: found[1] or f"\\u{ord(found[0]):04x}", words)
    click.echo(content, nl=False)


def one_line(text: str) -> str:
    """Make a message safe to show: what it quotes may hold line breaks and control codes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


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
