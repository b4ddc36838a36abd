"""From the metrics of many cases to changes with verdicts, all tests of a comparison at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.comparing.judging import (
    Findings,
    compare_rounds,
    compare_runs,
    compare_sentences,
    decide,
    reach,
)
from bench.comparing.ranks import Floats, holm, rank_sum_p, signed_rank_p
from bench.comparing.terms import Terms
from bench.comparing.verdicts import Change, Verdict
from bench.comparing.wording import Words, exact_reason
from bench.metrics import METRICS, Metric

CHANGED = (Verdict.REGRESSED, Verdict.IMPROVED)
EXACTNESS = 1e-9  # relative; what arithmetic in another order may do to an exact value
LARGEST = 700.0  # of logarithms: what follows is as good as infinite


@dataclass(frozen=True, eq=False)
class Batch:
    """One metric of N cases that have equally many repeats.

    Attributes:
        name: Of the metric.
        cases: (N,)
        medians: (N,) of the base, and of the candidate.
        samples: (N, A) and (N, B).
        tolerance: Changes up to this size do not matter.
        gates: Whether the verdict on the whole depends on it.
    """

    name: str
    cases: NDArray[np.object_]
    medians: tuple[Floats, Floats]
    samples: tuple[Floats, Floats]
    tolerance: float
    gates: bool

    @property
    def metric(self) -> Metric:
        """What is known of the metric."""
        return METRICS[self.name]

    @property
    def worse(self) -> int:
        """1 where larger values are worse, -1 where smaller ones are."""
        return 1 if self.metric.better == "lower" else -1

    @property
    def repeats(self) -> tuple[int, int]:
        """Of base and candidate."""
        return self.samples[0].shape[1], self.samples[1].shape[1]

    def scaled(self) -> tuple[Floats, Floats]:
        """Return the samples on the scale of tests."""
        if self.metric.absolute:
            return self.samples
        return np.log(self.samples[0]), np.log(self.samples[1])

    def only(self, chosen: NDArray[np.bool_]) -> "Batch":
        """Return the chosen cases of the batch."""
        return replace(
            self,
            cases=self.cases[chosen],
            medians=(self.medians[0][chosen], self.medians[1][chosen]),
            samples=(self.samples[0][chosen], self.samples[1][chosen]),
        )


def exact_changes(batch: Batch) -> Iterator[Change]:
    """Compare values that the same program always gives; without a word where not asked."""
    metric = batch.metric
    base, candidate = batch.medians
    effects = candidate - base
    if not metric.absolute:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            effects = np.where(base == 0, np.sign(effects), effects / base)
        effects = np.clip(effects, -np.exp(LARGEST), np.exp(LARGEST))
    same = np.isclose(base, candidate, rtol=EXACTNESS, atol=0) | (
        np.abs(effects) <= batch.tolerance
    )
    listed = np.ones_like(same) if batch.gates else ~same
    worse, repeats = batch.worse, batch.repeats
    columns = [values[listed].tolist() for values in (effects, base, candidate, same)]
    for case, effect, a, b, alike in zip(batch.cases[listed], *columns, strict=True):
        verdict = Verdict.REGRESSED if effect * worse > 0 else Verdict.IMPROVED
        if alike:
            verdict = Verdict.SAME
        yield Change(
            case,
            batch.name,
            verdict,
            batch.gates,
            exact_reason(a, b, verdict),
            a,
            b,
            metric.unit,
            metric.absolute,
            effect,
            effect,
            effect,
            tolerance=batch.tolerance,
            repeats=repeats,
        )


def decide_all(batches: Sequence[Batch], terms: Terms, *, paired: bool) -> Iterator[Change]:
    """Decide about all metrics that vary from repeat to repeat.

    Gating metrics are one family of tests: the chance that any of them is called regressed where
    nothing changed is `Rule.alpha`. Metrics that only inform are tested each for itself, and are
    told where they changed.

    Args:
        batches: Of all cases; of metrics that only inform, those that are `screened`.
        terms: Of the comparison.
        paired: Whether the runs were measured in turns, round by round.
    """
    gating = [batch for batch in batches if batch.gates]
    yield from family(gating, terms, paired=paired, corrected=True)
    informing = [batch for batch in batches if not batch.gates]
    for change in family(informing, terms, paired=paired, corrected=False):
        if change.verdict in CHANGED:
            yield change


def screened(batch: Batch, terms: Terms, *, paired: bool) -> Batch:
    """Keep the cases that a rank test alone finds: the others need no further look."""
    base, candidate = batch.scaled()
    if in_rounds(batch, paired=paired):
        sides = signed_rank_p(candidate - base)
    else:
        sides = rank_sum_p(base, candidate)
    return batch.only(np.minimum(*sides) <= terms.rule.alpha)


def in_rounds(batch: Batch, *, paired: bool) -> bool:
    """Whether samples can be compared one by one: rounds of one session, the same sentences."""
    alike = paired or batch.metric.weigh is not None
    return alike and batch.repeats[0] == batch.repeats[1]


def test(batch: Batch, terms: Terms, *, paired: bool) -> Findings:
    """Make the tests of one batch."""
    base, candidate = batch.scaled()
    if in_rounds(batch, paired=paired):
        by = compare_sentences if batch.metric.weigh else compare_rounds
        return by(candidate - base)
    floor = 0.0 if paired else terms.floors.get(batch.name, 0.0)
    return compare_runs(base, candidate, np.full(len(base), floor))


def family(
    batches: Sequence[Batch], terms: Terms, *, paired: bool, corrected: bool
) -> Iterator[Change]:
    """Decide about one family of tests."""
    batches = [batch for batch in batches if len(batch.cases)]
    found = [test(batch, terms, paired=paired) for batch in batches]
    pairs = [
        (one.larger_p, one.smaller_p) if batch.worse > 0 else (one.smaller_p, one.larger_p)
        for batch, one in zip(batches, found, strict=True)
    ]
    if corrected and pairs:
        ends = np.cumsum([len(batch.cases) for batch in batches])[:-1]
        sides = [np.split(holm(np.concatenate(side)), ends) for side in zip(*pairs, strict=True)]
        pairs = list(zip(*sides, strict=True))
    size = sum(len(batch.cases) for batch in batches) if corrected else 1
    for batch, one, p_values in zip(batches, found, pairs, strict=True):
        yield from changes(batch, one, p_values, terms, size)


def changes(
    batch: Batch, found: Findings, p_values: tuple[Floats, Floats], terms: Terms, size: int
) -> Iterator[Change]:
    """Put what was found about one batch into words and numbers.

    Args:
        batch: N tests.
        found: Of them.
        p_values: For the worse and for the better, (N,) each.
        terms: Of the comparison.
        size: Tests that the p-values are corrected for.
    """
    absolute = batch.metric.absolute
    wanted = max(terms.rule.wanted, 2 * batch.tolerance)  # less would be within the tolerance
    ones = np.ones(len(batch.cases))
    limits = np.array([batch.tolerance, wanted])
    tolerance, wants = limits if absolute else np.log1p(limits)
    verdicts = decide(found, batch.worse * ones, tolerance * ones, p_values, terms.rule)
    could = reach(found, tolerance * ones, wants * ones, terms.rule, size)
    back = [
        (values if absolute else np.expm1(np.clip(values, -LARGEST, LARGEST))).tolist()
        for values in (found.effect, found.low, found.high, could.detectable)
    ]
    direction = np.where(found.effect * batch.worse > 0, *p_values).tolist()
    before, after = batch.medians[0].tolist(), batch.medians[1].tolist()
    to_find, to_prove_same = could.to_find.tolist(), could.to_prove_same.tolist()
    unit = batch.metric.unit
    words = Words(
        unit,
        absolute,
        batch.tolerance,
        wanted,
        found.repeats,
        could.to_claim,
        could.can_claim,
        size,
        found.paired,
    )
    for number, case in enumerate(batch.cases):
        effect, low, high, detectable = (values[number] for values in back)
        if verdicts[number] is Verdict.INCONCLUSIVE:
            reason = words.open(detectable, to_find[number], to_prove_same[number])
        else:
            reason = words.claimed(verdicts[number], direction[number])
        yield Change(
            case,
            batch.name,
            verdicts[number],
            batch.gates,
            reason,
            before[number],
            after[number],
            unit,
            absolute,
            effect,
            low,
            high,
            direction[number],
            batch.tolerance,
            detectable if could.can_claim else None,
            found.repeats,
            to_find[number] or None,
        )
