"""Why a verdict is as it is, and what it would take to have another: one line for people."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.comparing.verdicts import Change, OutcomeChange, Verdict
from bench.metrics import METRICS
from bench.results import Case

LARGE = 10.0  # from here on three digits will do


def percent(share: float, sign: str = "") -> str:
    """Write a share in percent."""
    if abs(share) >= LARGE:
        return f"{100 * share:{sign}.3g} %"
    decimals = 2 if abs(share) < 0.00995 else 1
    return f"{100 * share:{sign}.{decimals}f}".removesuffix(".0") + " %"


def amount(change: Change, value: float, sign: str = "") -> str:
    """Write an effect of a change."""
    return measured(value, change.unit, absolute=change.absolute, sign=sign)


def measured(value: float, unit: str, *, absolute: bool, sign: str = "") -> str:
    """Write an effect: relative ones and shares in percent, others as they are."""
    if absolute and unit != "share":
        return f"{value:{sign}.3g} {unit}"
    return percent(value, sign)


def exact_reason(base: float, candidate: float, verdict: Verdict) -> str:
    """Explain the verdict on a metric that is exact."""
    if base == candidate:
        return "equal"
    return "within the tolerance" if verdict is Verdict.SAME else "exact"


def is_scored(name: str) -> bool:
    """Whether a metric is one of speech quality."""
    return METRICS[name].weigh is not None


@dataclass(frozen=True)
class Words:
    """What all reasons about one metric share.

    Attributes:
        unit: Of the metric.
        absolute: Whether it changes by differences.
        tolerance: Changes up to this size do not matter.
        wanted: Change that one wants to find.
        repeats: Of base and candidate.
        to_claim: Repeats per run at which a change can be claimed at all.
        can_claim: Whether there are enough of them.
        size: Tests in the family.
        paired: Whether rounds were compared.
    """

    unit: str
    absolute: bool
    tolerance: float
    wanted: float
    repeats: tuple[int, int]
    to_claim: int
    can_claim: bool
    size: int
    paired: bool

    def amount(self, value: float) -> str:
        """Write an effect."""
        return measured(value, self.unit, absolute=self.absolute)

    def claimed(self, verdict: Verdict, p_value: float) -> str:
        """Explain a verdict that claims something."""
        if verdict is Verdict.SAME:
            return f"shown to lie within ±{self.amount(self.tolerance)}"
        return f"p = {p_value:.2g}, more than {self.amount(self.tolerance)}"

    def open(self, detectable: float, to_find: int, to_prove_same: int) -> str:
        """Explain why nothing can be claimed, and what it would take.

        Args:
            detectable: Smallest change that would be found.
            to_find: Repeats to find the wanted change; 0 where no number is enough.
            to_prove_same: Repeats to show that nothing changed; 0 likewise.
        """
        if not self.can_claim:
            among = f" among {self.size} gating tests" if self.size > 1 else ""
            fewest, most = min(self.repeats), max(self.repeats)
            number = f"{fewest}" if fewest == most else f"{fewest} against {most}"
            return f"{number} repeats cannot prove any change{among}: {self.to_claim} can"
        needs = []
        if to_find:
            needs.append(f"to find {self.amount(self.wanted)}: {to_find} repeats")
        if to_prove_same:
            needs.append(f"to show that it is the same: {to_prove_same}")
        quieter = "wait for a quieter device" if self.paired else "measure both with bench ab"
        wish = ", ".join(needs) or f"no number of repeats will do: {quieter}"
        return f"{self.amount(detectable)} would be found; {wish}"


def overall_reason(
    verdict: Verdict,
    changes: Sequence[Change],
    outcomes: Sequence[OutcomeChange],
    missing: Sequence[Case],
    absent: Sequence[str] = (),
) -> str:
    """Say in one line what the verdict on the whole rests on.

    Args:
        verdict: On the whole.
        changes: Of all metrics.
        outcomes: Of the cases that did not end well.
        missing: Cases that only the base has.
        absent: Metrics that were asked for and that neither run has.
    """
    counts = Counter(change.verdict for change in changes if change.gates)
    counts.update(o.verdict for o in outcomes if o.verdict is not Verdict.SAME)
    parts = [f"{number} {kind}" for kind in Verdict if (number := counts[kind])]
    if missing:
        parts.append(f"{len(missing)} missing")
    if absent:
        scored = " (`bench run --quality` scores speech)" if any(map(is_scored, absent)) else ""
        parts.append(f"neither run has {', '.join(absent)}{scored}")
    if not parts:
        return "the runs have no case in common that was measured in both"
    return ", ".join(parts)
