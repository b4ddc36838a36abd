"""From the metrics of many cases to changes with verdicts, all tests of a comparison at once."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isclose

import numpy as np

from bench.judging import Findings, compare_rounds, compare_runs, decide, reach
from bench.metrics import METRICS
from bench.ranks import Floats, holm, rank_sum_p, signed_rank_p
from bench.results import Case, Measurement
from bench.terms import Terms
from bench.verdicts import Change, Verdict
from bench.wording import exact_reason, explain

CHANGED = (Verdict.REGRESSED, Verdict.IMPROVED)
EXACTNESS = 1e-9  # relative; what arithmetic in another order may do to an exact value


@dataclass(frozen=True, slots=True)
class Subject:
    """One metric of one case in both runs.

    Attributes:
        case: Which.
        name: Of the metric.
        base: Measured before.
        candidate: Measured now.
        tolerance: Changes up to this size do not matter.
        gates: Whether the verdict on the whole depends on it.
    """

    case: Case
    name: str
    base: Measurement
    candidate: Measurement
    tolerance: float
    gates: bool

    @property
    def worse(self) -> int:
        """1 where larger values are worse, -1 where smaller ones are."""
        return 1 if METRICS[self.name].better == "lower" else -1


def exact_change(subject: Subject) -> Iterator[Change]:
    """Compare two values that the same program always gives; without a word where not asked."""
    metric = METRICS[subject.name]
    a, b = subject.base.median, subject.candidate.median
    effect = b - a if metric.absolute else (b - a) / a if a else 0.0
    if isclose(a, b, rel_tol=EXACTNESS) or abs(effect) <= subject.tolerance:
        verdict = Verdict.SAME
    else:
        verdict = Verdict.REGRESSED if effect * subject.worse > 0 else Verdict.IMPROVED
    if subject.gates or verdict in CHANGED:
        yield Change(
            subject.case,
            subject.name,
            verdict,
            subject.gates,
            exact_reason(a, b, verdict),
            a,
            b,
            metric.unit,
            metric.absolute,
            effect,
            effect,
            effect,
            tolerance=subject.tolerance,
            repeats=(len(subject.base.samples), len(subject.candidate.samples)),
        )


def decide_all(subjects: Sequence[Subject], terms: Terms, *, paired: bool) -> Iterator[Change]:
    """Decide about all metrics that vary from repeat to repeat.

    Gating metrics are one family of tests: the chance that any of them is called regressed where
    nothing changed is `Rule.alpha`. Metrics that only inform are tested each for itself, and are
    told where they changed.

    Args:
        subjects: Of all cases.
        terms: Of the comparison.
        paired: Whether the runs were measured in turns, round by round.
    """
    gating = [subject for subject in subjects if subject.gates]
    yield from family(gating, terms, paired=paired, corrected=True)
    informing = [subject for subject in subjects if not subject.gates]
    striking = [s for group in by_repeats(informing) for s in screen(group, terms, paired=paired)]
    for change in family(striking, terms, paired=paired, corrected=False):
        if change.verdict in CHANGED:
            yield change


def by_repeats(subjects: Sequence[Subject]) -> list[list[Subject]]:
    """Group tests that have equally many repeats, so that they can be made at once."""
    groups: defaultdict[tuple[int, int], list[Subject]] = defaultdict(list)
    for subject in subjects:
        groups[len(subject.base.samples), len(subject.candidate.samples)].append(subject)
    return list(groups.values())


def screen(group: Sequence[Subject], terms: Terms, *, paired: bool) -> list[Subject]:
    """Keep the tests that a rank test alone finds: the others need no further look."""
    base, candidate = samples(group)
    if in_rounds(group, paired=paired):
        least = np.minimum(signed_rank_p(candidate - base), signed_rank_p(base - candidate))
    else:
        least = np.minimum(rank_sum_p(base, candidate), rank_sum_p(candidate, base))
    found = least <= terms.rule.alpha
    return [subject for subject, keep in zip(group, found, strict=True) if keep]


def samples(group: Sequence[Subject]) -> tuple[Floats, Floats]:
    """Return the repeats of both sides, (N, K) each, on the scale of tests."""
    base = np.array([subject.base.samples for subject in group], np.float64)
    candidate = np.array([subject.candidate.samples for subject in group], np.float64)
    relative = [not METRICS[subject.name].absolute for subject in group]
    for side in (base, candidate):
        side[relative] = np.log(side[relative])
    return base, candidate


def in_rounds(group: Sequence[Subject], *, paired: bool) -> bool:
    """Whether repeats can be compared round by round."""
    return paired and len(group[0].base.samples) == len(group[0].candidate.samples)


def test(group: Sequence[Subject], terms: Terms, *, paired: bool) -> Findings:
    """Make the tests of one group."""
    base, candidate = samples(group)
    if in_rounds(group, paired=paired):
        return compare_rounds(candidate - base)
    floor = np.array([0.0 if paired else terms.floors.get(s.name, 0.0) for s in group])
    return compare_runs(base, candidate, floor)


def family(
    subjects: Sequence[Subject], terms: Terms, *, paired: bool, corrected: bool
) -> Iterator[Change]:
    """Decide about one family of tests."""
    groups = by_repeats(subjects)
    found = [test(group, terms, paired=paired) for group in groups]
    worse = [np.array([subject.worse for subject in group], np.float64) for group in groups]
    p_worse = [
        np.where(w > 0, one.larger_p, one.smaller_p) for one, w in zip(found, worse, strict=True)
    ]
    p_better = [
        np.where(w > 0, one.smaller_p, one.larger_p) for one, w in zip(found, worse, strict=True)
    ]
    if corrected:
        p_worse, p_better = corrected_together(p_worse), corrected_together(p_better)
    size = len(subjects) if corrected else 1
    for group, one, *sides in zip(groups, found, worse, p_worse, p_better, strict=True):
        yield from changes(group, one, sides, terms, size)


def corrected_together(p_values: Sequence[Floats]) -> list[Floats]:
    """Correct the p-values of all groups of a family."""
    if not p_values:
        return []
    ends = np.cumsum([len(part) for part in p_values])[:-1]
    return np.split(holm(np.concatenate(p_values)), ends)


def changes(
    group: Sequence[Subject], found: Findings, sides: Sequence[Floats], terms: Terms, size: int
) -> Iterator[Change]:
    """Put what was found about one group into words and numbers.

    Args:
        group: N tests.
        found: Of them.
        sides: Directions, and p-values for the worse and for the better, (N,) each.
        terms: Of the comparison.
        size: Tests that the p-values are corrected for.
    """
    worse, p_worse, p_better = sides
    absolute = np.array([METRICS[subject.name].absolute for subject in group])
    tolerances = np.array([subject.tolerance for subject in group])
    tolerance = np.where(absolute, tolerances, np.log1p(tolerances))
    wanted = np.maximum(terms.rule.wanted, 2 * tolerances)  # less would be within the tolerance
    wanted = np.where(absolute, wanted, np.log1p(wanted))
    verdicts = decide(found, worse, tolerance, (p_worse, p_better), terms.rule)
    could = reach(found, tolerance, wanted, terms.rule, size)
    back = [
        np.where(absolute, values, np.expm1(values)).tolist()
        for values in (found.effect, found.low, found.high, could.detectable, wanted)
    ]
    p_values = np.where(found.effect * worse > 0, p_worse, p_better).tolist()
    for number, subject in enumerate(group):
        effect, low, high, detectable, wants = (values[number] for values in back)
        change = Change(
            subject.case,
            subject.name,
            verdicts[number],
            subject.gates,
            "",
            subject.base.median,
            subject.candidate.median,
            METRICS[subject.name].unit,
            bool(absolute[number]),
            effect,
            low,
            high,
            p_values[number],
            subject.tolerance,
            detectable,
            found.repeats,
            int(could.to_find[number]) or None,
        )
        yield explain(change, wants, int(could.to_prove_same[number]), could.to_claim, size)
