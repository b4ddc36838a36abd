"""A run as tables for the terminal, with as many columns as it is wide."""

import shutil
from collections.abc import Callable, Iterable, Sequence

import pandas as pd
from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bench.results import Outcome, Run
from reports.columns import Column, case_columns, metric_columns
from reports.findings import findings
from reports.frames import rows_frame, schemes_frame
from reports.quality import (
    KEY_QUALITY,
    TITLES,
    QualityLine,
    pair_columns,
    quality_lines,
    unscored,
)
from reports.summary import Note, marks, slower, subject, unmeasured, warnings_of
from reports.units import count, printable, spread, times

WIDTH = 100  # where nobody says how wide the terminal is
UNBOUNDED = 10_000
MOST_CASES = 1000  # that a terminal shows; laying out a line takes a millisecond
# Columns that make room, the first ones first, where the terminal is narrow.
LEFT_OUT_FIRST = ("mcd_db", "load_ms", "delegated_time_share", "token_agreement", "first_audio_ms")
STYLES = {Outcome.OK: "green", Outcome.SKIPPED: "yellow"}


def draw(run: Run) -> str:
    """Draw a run for the terminal at hand; without colours where standard output is none."""
    console = terminal()
    return printed(console, parts_of(run, console))


def terminal() -> Console:
    """Make a console as wide as the terminal at hand."""
    return Console(width=shutil.get_terminal_size((WIDTH, 0)).columns, highlight=False)


def printed(console: Console, parts: Iterable[RenderableType]) -> str:
    """Draw parts one below the other."""
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def parts_of(run: Run, console: Console) -> Iterable[RenderableType]:
    """Arrange a run from the tables to what to make of them."""
    frame = rows_frame(run)
    schemes = schemes_frame(run, frame)
    yield title(run)
    yield from fitted(
        console, metric_columns(frame), lambda chosen: cases_table(run, frame, chosen)
    )
    if len(run.rows) > MOST_CASES:
        more = f"the first {MOST_CASES:,} of {count(len(run.rows), 'case')}"
        yield Text(f"{more}: `bench report {run.header.run} --format csv` lists all\n", "dim")
    utterances = frame["utterance"].nunique()
    if utterances > 1:
        yield Text(f"Summary over {count(utterances, 'utterance')}", "bold")
        yield from fitted(
            console, metric_columns(schemes), lambda chosen: schemes_table(schemes, chosen)
        )
    lines = quality_lines(run, KEY_QUALITY)
    if lines:
        yield Text("Speech quality", "bold")
        yield quality_table(run, lines)
    yield from notes("Slower than fp32", "yellow", slower(schemes))
    yield from notes("Without numbers", "red", unmeasured(run))
    yield from notes("Not scored", "yellow", unscored(run))
    yield from notes("Warnings", "yellow", warnings_of(run))
    for sentence in findings(run, schemes):
        yield Text(printable(sentence))


def title(run: Run) -> Text:
    """Name the run, its subject, and what must stand in plain sight."""
    ok = sum(row.outcome is Outcome.OK for row in run.rows)
    line = Text()
    for mark in marks(run.header):
        line.append(f" {mark.name.upper()} ", "black on yellow").append(" ")
    line.append(printable(run.header.run), "bold").append(f"  {printable(subject(run))}  ")
    style = "green" if ok == len(run.rows) else "red"
    return line.append(f"{ok:,} of {count(len(run.rows), 'case')} ok", style)


def fitted(
    console: Console,
    columns: Sequence[Column],
    build: Callable[[Sequence[Column]], Table],
    left_out_first: Sequence[str] = LEFT_OUT_FIRST,
) -> Iterable[RenderableType]:
    """Build a table with all the columns that the terminal has room for, and name the others."""
    chosen, left_out = list(columns), []
    unbounded = console.options.update(width=UNBOUNDED)
    for name in left_out_first:
        if console.measure(build(chosen), options=unbounded).maximum <= console.width:
            break
        left_out += [column.label for column in chosen if column.name == name]
        chosen = [column for column in chosen if column.name != name]
    yield build(chosen)
    if left_out:
        names = ", ".join(left_out)
        yield Text(f"left out to fit {console.width} columns: {names}\n", "dim")


def empty_table(names: Iterable[str]) -> Table:
    """Start a table with columns of text."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name.capitalize(), vertical="bottom", overflow="fold")
    return table


def add_number(table: Table, title: str) -> None:
    """Add a column of numbers; the words of its title go one below the other."""
    table.add_column("\n".join(title.split()), justify="right", vertical="bottom", no_wrap=True)


def cases_table(run: Run, frame: pd.DataFrame, columns: Sequence[Column]) -> Table:
    """Put one case on each line, with what came of it; of many, the first ones."""
    parts = case_columns(frame)
    all_ok = all(row.outcome is Outcome.OK for row in run.rows)
    table = empty_table(parts if all_ok else [*parts, "outcome"])
    for column in columns:
        add_number(table, column.title)
        if column.name == "rtf":
            add_number(table, "±95%")
    shown = frame.head(MOST_CASES).to_dict("records")
    for row, values in zip(run.rows[:MOST_CASES], shown, strict=True):
        cells = [Text(printable(str(values[part]))) for part in parts]
        if not all_ok:
            cells.append(Text(row.outcome.value, STYLES.get(row.outcome, "red")))
        for column in columns:
            cells.append(Text(column.cell(values[column.name])))
            if column.name == "rtf":
                rtf = row.metrics.get("rtf")
                cells.append(Text(spread(rtf) if rtf else "", "dim"))
        table.add_row(*cells)
    return table


def schemes_table(schemes: pd.DataFrame, columns: Sequence[Column]) -> Table:
    """Put one scheme on each line, taken together over utterances."""
    parts = case_columns(schemes)
    table = empty_table(parts)
    add_number(table, "Cases")
    for column in columns:
        add_number(table, column.title)
        if column.name == "rtf":
            add_number(table, "vs fp32")
    add_number(table, "Pareto")
    for line in schemes.to_dict("records"):
        cells = [Text(printable(str(line[part]))) for part in parts]
        complete = line["ok"] == line["cases"]
        cells.append(Text(f"{line['ok']}/{line['cases']}", "" if complete else "red"))
        for column in columns:
            cells.append(Text(column.cell(line[column.name])))
            if column.name == "rtf":
                cells.append(Text(times(line["speedup"])))
        table.add_row(*cells, Text("●" if line["pareto"] else "", "green"))
    return table


def quality_table(run: Run, lines: Sequence[QualityLine]) -> Table:
    """Put one metric of one scheme on each line."""
    table = empty_table(["metric", *pair_columns(run)])
    for title in TITLES:
        add_number(table, title)
    for number, line in enumerate(lines):
        again = number > 0 and lines[number - 1].metric == line.metric
        words = ["" if again else line.metric, *map(printable, line.parts)]
        table.add_row(*(Text(cell) for cell in (*words, *line.cells)))
    return table


def notes(heading: str, style: str, entries: Sequence[Note]) -> Iterable[RenderableType]:
    """List notes under a heading; nothing where there are none."""
    if entries:
        yield Text(heading, f"bold {style}")
    for note in entries:
        line = Text.assemble((printable(note.name), style), f"  {printable(note.about)}")
        yield Padding(line, (0, 0, 0, 2))
        yield Padding(Text(printable(note.words)), (0, 0, 0, 4))
    if entries:
        yield Text()
