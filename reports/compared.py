"""Every format that a comparison can be written in, by name. A new format goes here."""

import json
from collections.abc import Callable

from bench.comparing.verdicts import Comparison, Verdict, comparison_document
from bench.results import to_json
from model.registry import Registry

Render = Callable[[Comparison], str]

COMPARED: Registry[Render] = Registry("format of comparisons")
STYLES = {
    Verdict.REGRESSED: "bold red",
    Verdict.INCOMPARABLE: "magenta",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.IMPROVED: "green",
    Verdict.SAME: "dim",
}
WIDTH = 100  # where nobody says how wide the terminal is
FOLDED = ("case", "why", "reason", "base", "candidate")  # columns that may take several lines


@COMPARED.register("table")
def table(comparison: Comparison) -> str:
    """Tables for the terminal, worst first."""
    import shutil

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from reports.comparison import headline, sections
    from reports.units import printable

    console = Console(width=shutil.get_terminal_size((WIDTH, 0)).columns, highlight=False)
    with console.capture() as capture:
        verdict = Text(f"{comparison.verdict.upper()}  ", STYLES[comparison.verdict])
        console.print(verdict.append(printable(headline(comparison)), "default"))
        for section in sections(comparison):
            if section.rows and section.title:
                console.print(Text(f"\n{section.title}", "bold"))
            if section.rows and section.head:
                drawn = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
                for name in section.head:
                    drawn.add_column(name.capitalize(), no_wrap=name not in FOLDED, overflow="fold")
                for row in section.rows:
                    style = STYLES.get(Verdict(row[0]), "") if row[0] in list(Verdict) else ""
                    first, *rest = (Text(printable(cell)) for cell in row)
                    first.stylize(style)
                    drawn.add_row(first, *rest)
                console.print(drawn)
            else:
                for row in section.rows:
                    console.print(Text(f"  {printable(row[0])}"))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


@COMPARED.register("markdown")
def markdown(comparison: Comparison) -> str:
    """GitHub-flavoured markdown, worst first."""
    from reports.comparison import headline, sections
    from reports.markdown import escape
    from reports.markdown import table as table_of

    blocks = [f"## {comparison.verdict.upper()}", escape(headline(comparison))]
    for section in sections(comparison):
        if section.rows and section.title:
            blocks.append(f"### {escape(section.title)}")
        if section.rows and section.head:
            blocks.append(table_of(section.head, len(section.head), section.rows))
        elif section.rows:
            blocks.append("\n".join(f"- {escape(row[0])}" for row in section.rows))
    return "\n\n".join(blocks) + "\n"


@COMPARED.register("json")
def json_document(comparison: Comparison) -> str:
    """The whole comparison as one JSON document."""
    document = json.loads(to_json(comparison_document(comparison)))  # infinite numbers as null
    return json.dumps(document, indent=1) + "\n"


@COMPARED.register("summary")
def summary(comparison: Comparison) -> str:
    """Markdown for a step's summary on GitHub: what decides first, in at most 1 MiB."""
    from reports.github import summary as write

    return write(comparison)


@COMPARED.register("comment")
def comment(comparison: Comparison) -> str:
    """Markdown for a comment on GitHub, with a marker by which it is found again."""
    from reports.github import comment as write

    return write(comparison)


@COMPARED.register("annotations")
def annotations(comparison: Comparison) -> str:
    """Workflow commands of GitHub: errors for what regressed, warnings for what is not known."""
    from reports.annotations import annotations as write

    return write(comparison)


@COMPARED.register("junit")
def junit(comparison: Comparison) -> str:
    """JUnit XML: a test per case and gating metric."""
    from reports.junit import junit as write

    return write(comparison)
