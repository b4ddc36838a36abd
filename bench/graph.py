"""What backends took of each method of a .pte, what they left, and what that costs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.operators import operator_kind
from bench.quiet import hush
from bench.results import Row, Run
from lowering.artifact import read_artifact
from model.errors import ConfigError

PTE, MANIFEST = "model.pte", "manifest.json"


@dataclass(frozen=True)
class Outside:
    """An operator outside every delegate.

    Attributes:
        operator: Its name.
        count: How often it stands in the method; None where only the profile knows it.
        time_share: Of the time of the whole profile; None where it is not known.
    """

    operator: str
    count: int | None
    time_share: float | None


@dataclass(frozen=True)
class MethodGraph:
    """One method.

    Attributes:
        method: Its name.
        delegates: Delegated subgraphs.
        delegated_nodes: Operators inside them; None where no manifest says.
        delegated_macs_share: Of its multiply-adds, inside them; likewise.
        planned_bytes: Activation memory that is planned outside them.
        time_share: Of the time of the whole profile; None without one.
        outside: Operators outside them, the costliest first.
    """

    method: str
    delegates: int
    delegated_nodes: int | None
    delegated_macs_share: float | None
    planned_bytes: int
    time_share: float | None
    outside: tuple[Outside, ...]


@dataclass(frozen=True)
class Graph:
    """A case of a run, or an artifact, by its name."""

    name: str
    methods: tuple[MethodGraph, ...]


def graphs_of_run(run: Run, part: str = "") -> list[Graph]:
    """Tell of each pair of scheme and backend, by a case that has a profile if there is one.

    Args:
        run: The run.
        part: Of the names of cases that are wanted.

    Raises:
        ConfigError: No such case was lowered.
    """
    pairs: dict[tuple[str, ...], Row] = {}
    for row in run.rows:
        key = row.case.scheme, row.case.backend, row.case.model, row.case.device
        better = key not in pairs or (row.operators and not pairs[key].operators)
        if row.methods and part in str(row.case) and better:
            pairs[key] = row
    if not pairs:
        raise ConfigError(f"no case of {run.header.run} like {part!r:.80} has facts of its methods")
    return [graph_of(str(row.case), row.methods, row.operators) for row in pairs.values()]


def graph_of_file(path: Path) -> Graph:
    """Tell of a .pte, or of a folder with one and its manifest.

    Raises:
        ConfigError: There is no such file.
        StageFailedError: It cannot be read.
    """
    if not path.exists():
        raise ConfigError(f"no file {path}")
    if path.is_dir() and (path / MANIFEST).exists():
        manifest = read_artifact(path).manifest
        return graph_of(str(path), {name: vars(one) for name, one in manifest.methods.items()}, ())
    from lowering.program import read_program

    hush()
    methods = read_program(pte_of(path)).methods
    facts = {
        name: {**vars(parts), "delegates": sum(parts.delegates.values())}
        for name, parts in methods.items()
    }
    return graph_of(str(path), facts, ())


def is_artifact(name: str) -> bool:
    """Tell the name of a .pte or of a folder with one from that of a run."""
    path = Path(name)
    return path.suffix == ".pte" or (path / PTE).is_file()


def pte_of(path: Path) -> Path:
    """Find the .pte: the path itself, or that of its folder."""
    return path / PTE if path.is_dir() else path


def graph_of(
    name: str, methods: Mapping[str, Mapping[str, Any]], profile: Sequence[Mapping[str, Any]]
) -> Graph:
    """Join what is known of methods with where their time goes.

    Args:
        name: What they are of.
        methods: Facts per method, as in `Row.methods`.
        profile: Operators with their times, as in `Row.operators`.
    """
    whole_ms = sum(operator["total_ms"] for operator in profile)
    found = []
    for method, facts in methods.items():
        own = [operator for operator in profile if operator["method"] == method]
        own_ms = sum(operator["total_ms"] for operator in own)
        found.append(
            MethodGraph(
                method,
                facts["delegates"],
                facts.get("delegated_nodes"),
                facts.get("delegated_macs_share"),
                facts["planned_bytes"],
                own_ms / whole_ms if whole_ms else None,
                tuple(outside_of(facts["other_operators"], own, whole_ms)),
            )
        )
    return Graph(name, tuple(found))


def outside_of(
    counts: Mapping[str, int], profile: Iterable[Mapping[str, Any]], whole_ms: float
) -> Iterator[Outside]:
    """List operators outside the delegates of one method, the costliest first.

    Manifest and runtime name an operator by different overloads: its plain name joins them.
    """
    spent_ms: Counter[str] = Counter()
    for operator in profile:
        if not operator["delegate"]:
            spent_ms[plain_name(operator["name"])] += operator["total_ms"]
    named: Counter[str] = Counter()
    for name, number in counts.items():
        named[plain_name(name)] += number
    for name in sorted({**named, **spent_ms}, key=lambda one: (-spent_ms[one], -named[one], one)):
        share = spent_ms[name] / whole_ms if name in spent_ms and whole_ms else None
        yield Outside(name, named.get(name), share)


def plain_name(operator: str) -> str:
    """Reduce `aten::embedding.out`, `embedding.default` and the like to `embedding`."""
    name = operator_kind(operator).rpartition("::")[2].removeprefix("aten.")
    parts = name.split(".")
    return parts[-2] if len(parts) > 1 else name
