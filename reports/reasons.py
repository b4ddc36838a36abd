"""Why a scheme is slower than another, mostly fp32: one sentence, from the profiles of both."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from bench.operators import operator_kind
from bench.results import Row
from bench.warnings import FEWEST_REPEATS
from reports.units import count, text, times

SLOWER = 1.02  # below, two medians of one and the same program differ too
SHARE_GROWN = 0.05  # of the time: so much more outside the delegate is the reason
NAMED = 2  # operators in a sentence

# Method, operator, whether it ran inside a delegate.
Operator = tuple[str, str, bool]


@dataclass(frozen=True)
class Profile:
    """Where the time of a scheme on a backend goes.

    Attributes:
        costs_ms: Milliseconds per synthesis of the costliest operators, mean over utterances.
        delegated_share: Of the profiled time, inside delegates; NaN where nothing was profiled.
        outside: Operators outside delegates, in all methods of the .pte.
        repeats: Fewest that any of its cases was measured with; 0 where none was.
    """

    costs_ms: Mapping[Operator, float]
    delegated_share: float
    outside: int
    repeats: int


def profile_of(rows: Sequence[Row], delegated_share: float) -> Profile:
    """Take together what the rows of one scheme on one backend know of their operators.

    Args:
        rows: One per utterance.
        delegated_share: Mean over them; NaN where nothing was profiled.
    """
    profiled = [row for row in rows if row.operators]
    costs_ms: Counter[Operator] = Counter()
    for row in profiled:
        for operator in row.operators:
            key = operator["method"], operator_kind(operator["name"]), bool(operator["delegate"])
            costs_ms[key] += operator["total_ms"] / len(profiled)
    methods = profiled[0].methods.values() if profiled else ()
    outside = sum(sum(facts.get("other_operators", {}).values()) for facts in methods)
    repeats = min(
        (len(row.metrics["rtf"].samples) for row in rows if "rtf" in row.metrics), default=0
    )
    return Profile(costs_ms, delegated_share, outside, repeats)


def why_slower(speedup: float, own: Profile, other: Profile, name: str = "fp32") -> str:
    """Say why a scheme is slower than another; nothing where it is not, or where that is unknown.

    Args:
        speedup: The other's time over the scheme's.
        own: The scheme's profile.
        other: That of the other; of fp32 on the same backend unless `name` says otherwise.
        name: What the other is called.
    """
    if isnan(speedup) or speedup > 1 / SLOWER:
        return ""
    repeats = min(own.repeats, other.repeats)
    if 0 < repeats < FEWEST_REPEATS:
        return (
            f"{count(repeats, 'repeat')} cannot tell whether it is slower than {name}:"
            f" measure at least {FEWEST_REPEATS}"
        )
    lead = f"{times(1 / speedup)} slower than {name}"
    if not own.costs_ms or not other.costs_ms:
        return f"{lead}; without a profile of both it is not known why"
    outside, before = 1 - own.delegated_share, 1 - other.delegated_share
    if outside > before + SHARE_GROWN:
        where = f"{count(own.outside, 'operator')} outside the delegate"
        shares = f"{text(outside, 'share')} of time in {where} ({name}: {text(before, 'share')})"
        return f"{lead}: {shares}{costliest_outside(own)}"
    return f"{lead}: {grown_most(own, other, name)}"


def costliest_outside(own: Profile) -> str:
    """Name the costliest operators outside the delegate."""
    outside = Counter({key: ms for key, ms in own.costs_ms.items() if not key[2]})
    named = [f"{method} {name} {text(ms, 'ms')}" for (method, name, _), ms in outside.most_common()]
    return f": {', '.join(named[:NAMED])}" if named else ""


def grown_most(own: Profile, other: Profile, other_name: str) -> str:
    """Name the operators that take the most time more than in the other."""
    growth = Counter({key: ms - other.costs_ms.get(key, 0) for key, ms in own.costs_ms.items()})
    parts = []
    for key, more_ms in growth.most_common(NAMED):
        if more_ms <= 0:
            break
        method, name, delegated = key
        place = "" if delegated else " outside the delegate"
        before = other.costs_ms.get(key)
        was = "not among its costliest" if before is None else text(before, "ms")
        took = text(own.costs_ms[key], "ms")
        parts.append(f"{method} {name}{place} takes {took} ({other_name}: {was})")
    if not parts:
        return f"no operator of its profile takes longer than in {other_name}'s; measure both again"
    return ", ".join(parts)
