"""A run as GitHub-flavoured markdown, in which no name or reason can become markup."""

import re
from collections.abc import Iterable, Sequence

import pandas as pd

from bench.results import Run
from reports.columns import COVERAGE_METRICS, KEY_METRICS, case_columns, metric_columns
from reports.findings import findings
from reports.frames import rows_frame, schemes_frame
from reports.quality import TITLES, pair_columns, quality_lines, unscored
from reports.summary import Note, conditions, marks, slower, subject, unmeasured, warnings_of
from reports.units import interval, printable, times

# GitHub looks for mentions in what it has rendered, so that an escape is not enough: a word joiner,
# which has no width, parts the sign from the name.
ESCAPED = str.maketrans(
    {char: f"\\{char}" for char in "\\`*_[]|~#!$"}
    | {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;&#8288;"}
)
BARE_LINK = re.compile(r":(?=//)|(?<=\bwww)\.", re.IGNORECASE)


def escape(words: str) -> str:
    """Make text mean itself in markdown, on one line, in a table's cell too."""
    return BARE_LINK.sub(r"\\\g<0>", printable(words).translate(ESCAPED))


def write(run: Run) -> str:
    """Write a run: findings first, then schemes, cases, warnings and conditions."""
    frame, schemes = rows_frame(run), schemes_frame(run)
    blocks = [
        f"# {escape(run.header.run)}: {escape(subject(run))}",
        *(f"> **{mark.name.upper()}**: {escape(mark.words)}" for mark in marks(run.header)),
        " ".join(escape(sentence) for sentence in findings(run, schemes)),
        "## Schemes",
        schemes_table(schemes),
        *quality_section(run),
        *section("Slower than fp32", slower(schemes)),
        *section("Without numbers", unmeasured(run)),
        *section("Not scored", unscored(run)),
        "## Cases",
        cases_table(run, frame),
        *section("Warnings", warnings_of(run)),
        "## Conditions",
        "\n".join(f"- **{name}**: {escape(words)}" for name, words in conditions(run.header)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def table(titles: Sequence[str], words: int, lines: Iterable[Sequence[str]]) -> str:
    """Arrange cells as a table whose first columns are words and all others numbers."""
    rule = ["---"] * words + ["---:"] * (len(titles) - words)
    escaped = [list(map(escape, cells)) for cells in (titles, *lines)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (escaped[0], rule, *escaped[1:]))


def schemes_table(
    schemes: pd.DataFrame, names: Sequence[str] = (*KEY_METRICS, *COVERAGE_METRICS)
) -> str:
    """Put one scheme on each line, with those of the named metrics that there are."""
    parts = case_columns(schemes)
    columns = metric_columns(schemes, names)
    titles = [*parts, "cases", "vs fp32", *(column.title for column in columns), "Pareto"]
    lines = [
        [
            *(line[part] for part in parts),
            f"{line['ok']}/{line['cases']}",
            times(line["speedup"]),
            *(column.cell(line[column.name]) for column in columns),
            "●" if line["pareto"] else "",
        ]
        for line in schemes.to_dict("records")
    ]
    return table(titles, len(parts), lines)


def cases_table(run: Run, frame: pd.DataFrame) -> str:
    """Put one case on each line."""
    parts = case_columns(frame)
    columns = metric_columns(frame)
    rtf = next((column for column in columns if column.name == "rtf"), None)
    titles = [*parts, "outcome", *(column.title for column in columns), "RTF, 95 % interval"]
    lines = [
        [
            *(values[part] for part in parts),
            row.outcome.value,
            *(column.cell(values[column.name]) for column in columns),
            interval(row.metrics["rtf"], rtf.scale) if rtf and "rtf" in row.metrics else "",
        ]
        for row, values in zip(run.rows, frame.to_dict("records"), strict=True)
    ]
    return table(titles, len(parts) + 1, lines)


def quality_section(run: Run) -> list[str]:
    """Put one metric of speech quality of one scheme on each line, where any was scored."""
    lines, parts = quality_lines(run), pair_columns(run)
    if not lines:
        return []
    titles = ["metric", *parts, *TITLES]
    cells = [[line.metric, *line.parts, *line.cells] for line in lines]
    return ["## Speech quality", table(titles, len(parts) + 1, cells)]


def section(heading: str, entries: Sequence[Note]) -> list[str]:
    """List notes under a heading; nothing where there are none."""
    if not entries:
        return []
    lines = []
    for note in entries:
        about = f" ({escape(note.about)})" if note.cases else ""
        lines.append(f"- **{escape(note.name)}**{about}: {escape(note.words)}")
    return [f"## {heading}", "\n".join(lines)]
