"""Graphs of .pte files, and what tells two of them apart, as tables for the terminal."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from rich.console import RenderableType
from rich.text import Text

from bench.graph import Graph, MethodGraph, Outside
from bench.pte_diff import PteDiff
from lowering.program import MethodParts
from reports.terminal import add_number, empty_table, printed, terminal
from reports.units import MISSING, printable, text

# What a diff puts side by side.
SIDES: dict[str, Callable[[MethodParts], str]] = {
    "Delegates": lambda parts: str(sum(parts.delegates.values())),
    "Operators outside": lambda parts: str(sum(parts.other_operators.values())),
    "Planned": lambda parts: text(parts.planned_bytes, "bytes"),
    "Constants": lambda parts: text(parts.constant_bytes, "bytes"),
    "Compiled": lambda parts: text(parts.delegate_bytes, "bytes"),
    "Weights": lambda parts: text(parts.weight_bytes, "bytes"),
}


def draw_graphs(graphs: Sequence[Graph]) -> str:
    """Draw one table per graph."""
    return printed(terminal(), (part for graph in graphs for part in graph_parts(graph)))


def graph_parts(graph: Graph) -> Iterable[RenderableType]:
    """Put one method on each line, with what was left outside its delegates."""
    table = empty_table([])
    table.add_column("Method", vertical="bottom", no_wrap=True)
    for title in ("Delegates", "Operators inside", "Multiply-adds inside", "Planned", "Time"):
        add_number(table, title)
    table.add_column("Outside", vertical="bottom", overflow="fold")
    for one in graph.methods:
        words = [one.method, *numbers(one), ", ".join(map(outside_words, one.outside))]
        table.add_row(*(Text(printable(word)) for word in words))
    yield Text(printable(graph.name), "bold")
    yield table


def numbers(one: MethodGraph) -> list[str]:
    """Write what is counted of a method."""
    return [
        str(one.delegates),
        MISSING if one.delegated_nodes is None else str(one.delegated_nodes),
        share(one.delegated_macs_share),
        text(one.planned_bytes, "bytes"),
        share(one.time_share),
    ]


def share(value: float | None) -> str:
    """Write a share; a dash where it is not known."""
    return MISSING if value is None else text(value, "share")


def outside_words(one: Outside) -> str:
    """Write one operator outside: how often it stands there, and its share of the time."""
    often = "" if one.count is None else f" x {one.count}"
    time = "" if one.time_share is None else f" ({share(one.time_share)} of time)"
    return f"{one.operator}{often}{time}"


def draw_diff(diff: PteDiff) -> str:
    """Draw both sides method by method, and what changed in sentences."""
    return printed(terminal(), diff_parts(diff))


def diff_parts(diff: PteDiff) -> Iterable[RenderableType]:
    """Put one method below the other; cells that differ have both values."""
    sizes = [text(size, "bytes") for size in diff.pte_bytes]
    yield Text(printable(f"{diff.base}: {sizes[0]}"))
    yield Text(printable(f"{diff.candidate}: {sizes[1]}"))
    table = empty_table([])
    table.add_column("Method", vertical="bottom", no_wrap=True)
    for title in SIDES:
        add_number(table, title)
    for method, sides in diff.methods.items():
        cells = [
            "\n-> ".join(dict.fromkeys(MISSING if one is None else write(one) for one in sides))
            for write in SIDES.values()
        ]
        table.add_row(Text(printable(method)), *map(Text, cells))
    yield table
    if not diff.facts:
        yield Text("No method differs in what is compared.")
    for methods, words in changes_together(diff.facts).items():
        yield Text(printable(methods), "bold")
        yield from (Text(f"  {printable(word)}") for word in words)


def changes_together(facts: Iterable[str]) -> dict[str, list[str]]:
    """Gather sentences by method, and methods that changed alike under all their names."""
    by_method: defaultdict[str, list[str]] = defaultdict(list)
    for fact in facts:
        method, _, words = fact.partition(": ")
        by_method[method].append(words)
    together: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for method, changes in by_method.items():
        together[tuple(changes)].append(method)
    return {", ".join(methods): list(words) for words, methods in together.items()}
