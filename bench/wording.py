"""Why a verdict is as it is, and what it would take to have another: one line for people."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bench.results import Case
from bench.verdicts import Change, OutcomeChange, Verdict

LARGE = 10.0  # from here on three digits will do


def percent(share: float, sign: str = "") -> str:
    """Write a share in percent."""
    if abs(share) >= LARGE:
        return f"{100 * share:{sign}.3g} %"
    decimals = 2 if abs(share) < 0.00995 else 1
    return f"{100 * share:{sign}.{decimals}f}".removesuffix(".0") + " %"


def amount(change: Change, value: float, sign: str = "") -> str:
    """Write an effect of a change: relative ones and shares in percent, others as they are."""
    if change.absolute and change.unit != "share":
        return f"{value:{sign}.3g} {change.unit}"
    return percent(value, sign)


def exact_reason(base: float, candidate: float, verdict: Verdict) -> str:
    """Explain the verdict on a metric that is exact."""
    if base == candidate:
        return "equal"
    return "within the tolerance" if verdict is Verdict.SAME else "exact"


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
        reason = f"shown to lie within ±{tolerance}"
    elif change.verdict is not Verdict.INCONCLUSIVE:
        reason = f"p = {change.p_value:.2g}, more than {tolerance}"
    elif min(change.repeats) < to_claim:
        among = f" among {size} gating tests" if size > 1 else ""
        reason = f"{min(change.repeats)} repeats cannot prove any change{among}: {to_claim} can"
    else:
        assert change.detectable is not None
        finds = amount(change, change.detectable)
        reason = f"{finds} would be found; {needs(change, wanted, to_prove_same)}"
    return replace(change, reason=reason)


def needs(change: Change, wanted: float, to_prove_same: int) -> str:
    """Say what it would take."""
    parts = []
    if change.repeats_needed:
        parts.append(f"to find {amount(change, wanted)}: {change.repeats_needed} repeats")
    if to_prove_same:
        parts.append(f"to show that it is the same: {to_prove_same}")
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
