"""Why a case takes longer: its stages, its operators and its .pte, before and after."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from bench.comparing.columns import Columns
from bench.comparing.verdicts import Attribution, Contribution
from bench.operators import operator_kind
from bench.results import Row
from model.generate import STAGES

NAMED = 5  # contributors of each kind
WORTH_NAMING = 0.02  # of the change

# Method, kind of operator, delegate.
Operator = tuple[str, str, str]

# Facts of a method that explain its time, with how they are called.
FACTS: Mapping[str, str] = {
    "total_macs": "multiply-adds",
    "quantized_macs": "multiply-adds on quantized weights",
    "total_params": "parameters",
    "quantized_params": "quantized parameters",
    "delegates": "delegated subgraphs",
    "delegated_nodes": "operators inside delegates",
    "planned_bytes": "bytes planned for activations",
    "delegated_to": "delegated to",
    "constant_bytes": "bytes of constants outside delegates",
    "delegate_bytes": "bytes of compiled delegates",
    "weight_bytes": "bytes of weights that delegates refer to",
}


def attribute(
    base: Row,
    candidate: Row,
    base_stages: Mapping[Operator, float],
    candidate_stages: Mapping[Operator, float],
) -> Attribution:
    """Name what the change of a case's time is made of, largest part first."""
    return Attribution(
        candidate.case,
        contributions(base_stages, candidate_stages),
        contributions(operator_ms(base), operator_ms(candidate)),
        changed_facts(base.methods, candidate.methods),
    )


def stage_ms(run: Columns, row: int) -> dict[Operator, float]:
    """Return the measured milliseconds of each stage of a row."""
    columns = {stage: run.metrics.get(f"{stage}_ms") for stage in STAGES}
    return {
        (stage, "", ""): float(column.medians[column.place[row]])
        for stage, column in columns.items()
        if column and column.place[row] >= 0
    }


def operator_ms(row: Row) -> dict[Operator, float]:
    """Return the traced milliseconds of each kind of operator in each method."""
    total: Counter[Operator] = Counter()
    for operator in row.operators:
        key = operator["method"], operator_kind(operator["name"]), operator["delegate"]
        total[key] += operator["total_ms"]
    return dict(total)


def contributions(
    base: Mapping[Operator, float], candidate: Mapping[Operator, float]
) -> tuple[Contribution, ...]:
    """Split a change of time into its parts; none where either side is unknown, or nothing grew."""
    growth = {key: candidate.get(key, 0) - base.get(key, 0) for key in {**base, **candidate}}
    change = sum(growth.values())
    if not base or not candidate or change <= 0:
        return ()
    parts = [
        Contribution(*key, base.get(key), candidate.get(key), more / change)
        for key, more in Counter(growth).most_common(NAMED)
        if more / change >= WORTH_NAMING
    ]
    return tuple(parts)


def changed_facts(
    base: Mapping[str, Mapping[str, Any]], candidate: Mapping[str, Mapping[str, Any]]
) -> tuple[str, ...]:
    """Say what changed in the methods of a .pte, one sentence per fact."""
    sentences = [f"{method}: no longer in the .pte" for method in base if method not in candidate]
    for method, facts in candidate.items():
        if method in base:
            sentences += fact_changes(method, base[method], facts)
        else:
            sentences.append(f"{method}: new in the .pte")
    return tuple(sentences)


def fact_changes(
    method: str, base: Mapping[str, Any], candidate: Mapping[str, Any]
) -> Iterable[str]:
    """Say what changed in one method."""
    for name, called in FACTS.items():
        was, became = base.get(name), candidate.get(name)
        if was != became:
            yield f"{method}: {called} {plain(was)} -> {plain(became)}"
    outside = [Counter(facts.get("other_operators", {})) for facts in (base, candidate)]
    for sign, more in (("+", outside[1] - outside[0]), ("-", outside[0] - outside[1])):
        for operator, number in more.items():
            yield f"{method}: operators outside delegates: {sign}{number} {operator}"


def plain(value: object) -> str:
    """Write a number with thousands set apart, and words as they are."""
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int | float) else "unknown"
