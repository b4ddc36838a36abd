"""What came of lowering many pairs, as a table for the terminal or in markdown."""

from collections.abc import Callable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from bench.compiling import Compiled
from bench.results import Outcome
from reports.units import MISSING, printable

MEBI = 1 << 20
WIDTH = 180
COLUMNS = (
    "scheme", "backend", "outcome", "wall s", "peak MiB", "MiB", "delegates", "outside",
    "multiply-adds", "SMD dB", "logits dB", "codec dB", "codes alike", "LSD dB", "verified",
)  # fmt: skip
NUMBERS = range(3, 14)  # columns that are set to the right


def cells(row: Compiled) -> list[str]:
    """Write one row, in the order of `COLUMNS`."""
    head = [row.scheme, row.backend, row.outcome.value]
    if row.outcome is not Outcome.OK:
        return [*head, number(row.wall_s or None, 0), *[MISSING] * (len(COLUMNS) - len(head) - 1)]
    return [
        *head,
        number(row.wall_s, 0),
        number(max(row.stage_peak_rss_bytes.values()) / MEBI, 0),
        number(row.pte_bytes / MEBI, 2),
        str(row.delegates),
        str(sum(row.other_operators.values())),
        f"{row.delegated_macs_share:.1%}",
        number(row.snr_db.get("smd"), 1),
        number(row.logits_snr_db, 1),
        number(row.snr_db.get("codec_decoder"), 1),
        MISSING if row.token_agreement is None else f"{row.token_agreement:.1%}",
        number(row.lsd_db, 2),
        row.proof,
    ]


def number(value: float | None, decimals: int) -> str:
    """Write a number; a dash where there is none."""
    return MISSING if value is None else f"{value:.{decimals}f}"


def reasons(rows: Sequence[Compiled]) -> list[str]:
    """Say why pairs have no numbers, those with the same reason together."""
    together: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        if row.outcome is not Outcome.OK:
            together.setdefault((row.backend, row.outcome.value, row.reason), []).append(row.scheme)
    return [
        f"{', '.join(schemes)} x {backend}: {outcome}: {printable(reason)}"
        for (backend, outcome, reason), schemes in together.items()
    ]


def as_table(rows: Sequence[Compiled]) -> str:
    """Draw the rows for the terminal, reasons below."""
    table = Table(box=box.SIMPLE_HEAD)
    for index, title in enumerate(COLUMNS):
        table.add_column(title, justify="right" if index in NUMBERS else "left")
    for row in rows:
        table.add_row(*cells(row))
    console = Console(width=WIDTH, highlight=False)
    with console.capture() as capture:
        console.print(table)
    drawn = [line.rstrip() for line in capture.get().splitlines()]
    return "\n".join([*drawn, *reasons(rows)]) + "\n"


def as_markdown(rows: Sequence[Compiled]) -> str:
    """Write the rows in markdown, reasons below."""
    rule = ["--:" if index in NUMBERS else "---" for index in range(len(COLUMNS))]
    lines = [COLUMNS, rule, *map(cells, rows)]
    table = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([*table, "", *(f"- {reason}" for reason in reasons(rows))]) + "\n"


TABLES: Mapping[str, Callable[[Sequence[Compiled]], str]] = {
    "table": as_table,
    "markdown": as_markdown,
}
