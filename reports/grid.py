"""A small table of words and numbers, for the terminal or in markdown."""

from collections.abc import Callable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from reports import markdown
from reports.units import printable

WIDTH = 180
Lines = Sequence[Sequence[str]]
# From titles, how many of the first columns are words, and the lines.
Write = Callable[[Sequence[str], int, Lines], str]


def as_table(titles: Sequence[str], words: int, lines: Lines) -> str:
    """Draw a table for the terminal, whose first columns are words and all others numbers."""
    table = Table(box=box.SIMPLE_HEAD)
    for index, title in enumerate(titles):
        table.add_column(title, justify="left" if index < words else "right")
    for cells in lines:
        table.add_row(*map(printable, cells))
    console = Console(width=WIDTH, highlight=False, markup=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def as_markdown(titles: Sequence[str], words: int, lines: Lines) -> str:
    """Write the same in markdown."""
    return markdown.table(titles, words, lines) + "\n"


WRITERS: Mapping[str, Write] = {"table": as_table, "markdown": as_markdown}
