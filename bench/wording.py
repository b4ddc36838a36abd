"""Why a verdict is as it is, and what it would take to have another: one line for people."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bench.results import Case
from bench.verdicts import Change, OutcomeChange, Verdict


def percent(share: float) -> str:
    """Write a share in percent, with three significant digits at most."""
    return f"{100 * share:.3g} %"


def amount(change: Change, value: float) -> str:
    """Write an effect of a change: relative ones and shares in percent, others as they are."""
    if change.absolute and change.unit != "share":
        return f"{value:.3g} {change.unit}"
    return percent(value)


def exact_reason(base: float, candidate: float, verdict: Verdict) -> str:
    """Explain the verdict on a metric that is exact."""
    if base == candidate:
        return "equal"
    return "within the tolerance" if verdict is Verdict.SAME else "exact: no repeats needed"


def explain(change: Change, wanted: float, to_prove_same: int, to_claim: int, size: int) -> Change:
    """Give a change its reason.

    Args:
        change: With all but the reason.
        wanted: Change that one wants to find.
        to_prove_same: Repeats to show that nothing changed; 0 where no number is enough.
        to_claim: Repeats at which the exact test can reach its level at all.
        size: Tests in the family.
    """
    tolerance = amount(change, change.tolerance)
    if change.verdict is Verdict.SAME:
        reason = f"the interval lies within the tolerance of {tolerance}"
    elif change.verdict is not Verdict.INCONCLUSIVE:
        reason = f"beyond the tolerance of {tolerance}, and p = {change.p_value:.2g}"
    elif min(change.repeats) < to_claim:
        among = f" among {size} gating tests" if size > 1 else ""
        reason = f"{min(change.repeats)} repeats cannot prove any change{among}: {to_claim} can"
    else:
        assert change.detectable is not None
        finds = amount(change, change.detectable)
        reason = f"finds changes from {finds} on; {needs(change, wanted, to_prove_same)}"
    return replace(change, reason=reason)


def needs(change: Change, wanted: float, to_prove_same: int) -> str:
    """Say what it would take."""
    parts = []
    if change.repeats_needed:
        parts.append(f"{amount(change, wanted)} takes {change.repeats_needed} repeats")
    if to_prove_same:
        parts.append(f"proving the same takes {to_prove_same}")
    return ", ".join(parts) or "this device cannot tell less: measure both with bench ab"


def overall_reason(
    verdict: Verdict,
    changes: Sequence[Change],
    outcomes: Sequence[OutcomeChange],
    missing: Sequence[Case],
) -> str:
    """Say in one line what the verdict on the whole rests on."""
    counts = Counter(change.verdict for change in changes if change.gates)
    counts.update(o.verdict for o in outcomes if o.verdict is not Verdict.SAME)
    parts = [f"{number} {kind}" for kind in Verdict if (number := counts[kind])]
    if missing:
        parts.append(f"{len(missing)} missing")
    if not parts:
        return "the runs have no case in common that was measured in both"
    return ", ".join(parts)
