"""What comes of comparing two runs: frozen values that JSON can hold.

Every number of an effect is relative, candidate against base, positive where the candidate's value
is larger: 0.05 is 5 % more. Metrics on a scale of their own (shares, decibels) change by
differences instead; `Change.absolute` tells which.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from bench.results import Case

FORMAT = 1  # of the document


class Verdict(StrEnum):
    """What can be said of a change, worst first."""

    REGRESSED = "regressed"
    INCOMPARABLE = "not comparable"
    INCONCLUSIVE = "inconclusive"
    IMPROVED = "improved"
    SAME = "same"


@dataclass(frozen=True, slots=True)  # slots: two runs of 10,000 rows have 50,000 of these
class Change:
    """One metric of one case in both runs.

    Attributes:
        case: As the candidate names it.
        metric: Entry of `bench.metrics.METRICS`.
        verdict: What can be said.
        gates: Whether the overall verdict depends on it.
        reason: Why the verdict is so, or what it would take to have another, in one line.
        base: Median over the base's repeats; None where it has no such metric.
        candidate: Likewise.
        unit: Of both.
        absolute: Whether effect, interval, tolerance and detectable are differences in that unit
            and not relative.
        effect: Change of the median.
        low: Lower end of its 95 % interval, the device's noise floor included.
        high: Upper end.
        p_value: Of the one-sided test in the direction of the effect, corrected for all gating
            tests of the comparison; None where nothing was tested.
        tolerance: Changes up to this size do not matter.
        detectable: Smallest slowdown that would be found in 95 % of such comparisons; None where
            there are too few repeats to find any.
        repeats: Of base and candidate.
        repeats_needed: Per run, to find a change of the wanted size; None where nothing helps.
    """

    case: Case
    metric: str
    verdict: Verdict
    gates: bool
    reason: str
    base: float | None = None
    candidate: float | None = None
    unit: str = ""
    absolute: bool = False
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    tolerance: float = 0.0
    detectable: float | None = None
    repeats: tuple[int, int] = (0, 0)
    repeats_needed: int | None = None


@dataclass(frozen=True)
class OutcomeChange:
    """A case that did not end well in at least one of the runs.

    Attributes:
        case: Which.
        base: How it ended in the base (`bench.results.Outcome`).
        candidate: How it ended in the candidate.
        verdict: Well before and not now is a regression, the reverse an improvement.
        reason: What the failing run said.
    """

    case: Case
    base: str
    candidate: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Mismatch:
    """A condition that the runs do not share.

    Attributes:
        condition: Its name, as `--allow` takes it.
        base: What it was in the base.
        candidate: What it was in the candidate.
        allowed: Whether `--allow` named it.
        case: Where it concerns one case only.
    """

    condition: str
    base: str
    candidate: str
    allowed: bool
    case: Case | None = None


@dataclass(frozen=True)
class Contribution:
    """What one part of the model adds to a change of time.

    Attributes:
        part: Stage of the synthesis (measured), or method of the .pte (traced).
        operator: Operator of the method; empty for a whole stage.
        delegate: Backend that it ran in; empty outside every delegate, and for stages.
        base_ms: Milliseconds per synthesis before; None for an operator that was not there.
        candidate_ms: And after.
        share: Of the whole change of the synthesis, or of the profile for operators.
    """

    part: str
    operator: str
    delegate: str
    base_ms: float | None
    candidate_ms: float | None
    share: float


@dataclass(frozen=True)
class Attribution:
    """Why a case takes longer.

    Attributes:
        case: Which.
        stages: Stages of the synthesis, largest share of the change first.
        operators: Operators of the profile, likewise; empty where a run has no profile.
        facts: What changed in the methods of the .pte, one sentence each.
    """

    case: Case
    stages: tuple[Contribution, ...]
    operators: tuple[Contribution, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        base: Name of the run compared with.
        candidate: Name of the run under test.
        verdict: On the whole; the worst that any gating metric or outcome has.
        reason: The same in one line for people.
        interleaved: Whether both were measured in one session, round by round.
        mismatches: Conditions that differ.
        missing: Cases that only the base has.
        new: Cases that only the candidate has.
        outcomes: Cases that did not end well on both sides.
        changes: Every metric of every other case, gating ones first.
        attributions: Of the cases whose time regressed.
        notes: What else a reader should know, with remedies.
    """

    base: str
    candidate: str
    verdict: Verdict
    reason: str
    interleaved: bool = False
    mismatches: tuple[Mismatch, ...] = ()
    missing: tuple[Case, ...] = ()
    new: tuple[Case, ...] = ()
    outcomes: tuple[OutcomeChange, ...] = ()
    changes: tuple[Change, ...] = ()
    attributions: tuple[Attribution, ...] = field(default_factory=tuple)
    notes: tuple[str, ...] = ()

    def gating(self, verdict: Verdict) -> tuple[Change, ...]:
        """Return the gating changes of one verdict."""
        return tuple(c for c in self.changes if c.gates and c.verdict is verdict)


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Arrange a comparison as its JSON document."""
    return {"format": FORMAT, **asdict(comparison)}
