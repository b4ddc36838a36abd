"""What a row keeps of a profile: hundreds of operators, of which a few take nearly all the time."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from devices.base import OperatorTime

COSTLIEST = 12  # operators that are kept one by one
WORTH_KEEPING = 0.005  # of the time: smaller kinds of the rest are put together
OTHERS = "other operators"


def kept_operators(operators: Sequence[OperatorTime]) -> tuple[Mapping[str, Any], ...]:
    """Keep the costliest operators, and sums of all others, so that no time is lost.

    The others are summed by method, delegate and kind, as `KIND (others)`; what is little even then
    by method and delegate.

    Args:
        operators: All operators of a profile.
    """
    ordered = sorted(operators, key=lambda operator: operator.total_ms, reverse=True)
    least_ms = WORTH_KEEPING * sum(operator.total_ms for operator in ordered)
    kinds = summed(ordered[COSTLIEST:], lambda operator: f"{operator_kind(operator.name)} (others)")
    large = [operator for operator in kinds if operator.total_ms >= least_ms]
    small = summed([o for o in kinds if o.total_ms < least_ms], lambda _: OTHERS)
    return tuple(asdict(operator) for operator in (*ordered[:COSTLIEST], *large, *small))


def summed(
    operators: Iterable[OperatorTime], name_of: Callable[[OperatorTime], str]
) -> list[OperatorTime]:
    """Sum operators that share method, delegate and the name that they are given."""
    sums: dict[tuple[str, str, str], OperatorTime] = {}
    for operator in operators:
        key = operator.method, operator.delegate, name_of(operator)
        before = sums.get(key, replace(operator, name=key[2], calls=0, total_ms=0.0))
        sums[key] = replace(
            before,
            calls=before.calls + operator.calls,
            total_ms=before.total_ms + operator.total_ms,
        )
    return list(sums.values())


def operator_kind(name: str) -> str:
    """Drop what tells apart operators of a kind: `Fully Connected (NC, QD8) #2` and the like.

    Numbers shift when a layer is added, and types differ between schemes.
    """
    return re.split(r" [(#]", name, maxsplit=1)[0].strip() or name
