"""The metrics of the cases that two runs share: what is plain, and what statistics decide about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.comparing.columns import Column, Columns, Indices
from bench.comparing.deciding import Batch, exact_changes
from bench.comparing.terms import Terms
from bench.comparing.verdicts import Change, Verdict
from bench.metrics import METRICS
from bench.warnings import FEWEST_REPEATS

Refusal = tuple[Verdict, str]
Mask = NDArray[np.bool_]
LENGTH = "audio_frames"


@dataclass(frozen=True)
class Pairs:
    """The cases that went well in both runs.

    Attributes:
        base: The run compared with.
        candidate: The run under test.
        where: Per case, its row in either.
        refusals: Per case, why its times cannot be compared; None where they can.
    """

    base: Columns
    candidate: Columns
    where: Sequence[tuple[int, int]]
    refusals: Sequence[Refusal | None]

    @cached_property
    def cases(self) -> NDArray[np.object_]:
        """(N,) as the candidate names them."""
        cases = np.empty(len(self.where), object)
        cases[:] = [self.candidate.rows[b].case for _, b in self.where]
        return cases

    @cached_property
    def rows(self) -> Indices:
        """(2, N) rows of the cases."""
        return np.array(self.where, np.intp).reshape(-1, 2).T

    @cached_property
    def refused(self) -> Mask:
        """(N,) whether times cannot be compared."""
        return np.array([refusal is not None for refusal in self.refusals], bool)

    @cached_property
    def lengths(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(N,) codec frames of the speech in either run; NaN where unknown."""
        base, candidate = (
            np.where(places >= 0, column.medians[places], np.nan)
            if column
            else np.full(len(self.where), np.nan)
            for column, places in zip(self.columns(LENGTH), self.places(LENGTH), strict=True)
        )
        return base, candidate

    def columns(self, name: str) -> tuple[Column | None, Column | None]:
        """Return a metric of either run."""
        return self.base.metrics.get(name), self.candidate.metrics.get(name)

    def places(self, name: str) -> tuple[Indices, Indices]:
        """Return where the cases stand in a metric's columns, (N,) each; -1 where they do not."""
        base, candidate = (
            column.place[rows] if column else np.full(len(rows), -1)
            for column, rows in zip(self.columns(name), self.rows, strict=True)
        )
        return base, candidate


def changes_of(pairs: Pairs, terms: Terms) -> Iterator[Change | Batch]:
    """Go through the metrics: changes that are plain, and batches for statistics.

    Metrics that do not gate are left out where nothing can be said of them.
    """
    for name, metric in terms.compared().items():
        places = pairs.places(name)
        has = places[0] >= 0, places[1] >= 0
        left = has[0] & has[1]
        problems: list[tuple[Mask, Verdict, str]] = [
            (has[1] & ~has[0], Verdict.INCONCLUSIVE, "the base has no such metric"),
            (has[0] & ~has[1], Verdict.INCONCLUSIVE, "the candidate has no such metric"),
        ]
        if terms.asks_for(name):
            problems.append(
                (~has[0] & ~has[1], Verdict.INCOMPARABLE, "neither run has this metric")
            )
        if metric.timed:
            problems.append((left & pairs.refused, Verdict.INCONCLUSIVE, ""))
            left = left & ~pairs.refused
        if metric.length_bound:
            base, candidate = pairs.lengths
            other = left & (base != candidate) & ~np.isnan(base) & ~np.isnan(candidate)
            reason = "speeches of different lengths: compare RTF"
            problems.append((other, Verdict.INCOMPARABLE, reason))
            left = left & ~other
        broken = left & not_finite(pairs, name)
        problems.append((broken, Verdict.INCONCLUSIVE, "a value is infinite or not a number"))
        left = left & ~broken
        if metric.exact:
            for batch in batches(pairs, name, left, terms):
                yield from exact_changes(batch)
        else:
            few, ratioless = why_no_statistics(pairs, name, left)
            problems += [few, ratioless]
            yield from batches(pairs, name, left & ~few[0] & ~ratioless[0], terms)
        if terms.gates(name):
            for mask, verdict, reason in problems:
                yield from plain_changes(pairs, name, mask, (verdict, reason))


def not_finite(pairs: Pairs, name: str) -> Mask:
    """Find the cases with a value that is infinite or not a number: it is neither more nor less."""
    found = np.zeros(len(pairs.where), bool)
    for column, places in zip(pairs.columns(name), pairs.places(name), strict=True):
        if column is not None:
            broken = ~np.isfinite(column.samples)
            starts = np.cumsum(column.counts) - column.counts
            found |= (places >= 0) & np.logical_or.reduceat(broken, starts)[places]
    return found


def why_no_statistics(
    pairs: Pairs, name: str, left: Mask
) -> tuple[tuple[Mask, Verdict, str], tuple[Mask, Verdict, str]]:
    """Find the cases of which no test can be made: one repeat, or values without a ratio."""
    few, ratioless = np.zeros_like(left), np.zeros_like(left)
    for column, places in zip(pairs.columns(name), pairs.places(name), strict=True):
        if column is None:
            continue
        lowest = np.minimum.reduceat(column.samples, np.cumsum(column.counts) - column.counts)
        few |= column.counts[places] < 2
        ratioless |= lowest[places] <= 0
    if METRICS[name].absolute:
        ratioless[:] = False
    unknown = f"one repeat: nothing is known of its spread; measure at least {FEWEST_REPEATS}"
    if METRICS[name].once:
        unknown = "a run has one sample of it: `bench history` tells its steps over many runs"
    return (
        (left & few, Verdict.INCONCLUSIVE, unknown),
        (left & ratioless & ~few, Verdict.INCONCLUSIVE, "values of zero or below have no ratio"),
    )


def batches(pairs: Pairs, name: str, left: Mask, terms: Terms) -> Iterator[Batch]:
    """Group cases by how many repeats they have, so that all tests of a group are made at once."""
    base, candidate = pairs.columns(name)
    if base is None or candidate is None:
        return
    chosen = np.flatnonzero(left)
    a, b = (places[chosen] for places in pairs.places(name))
    before, after = base.counts[a], candidate.counts[b]
    for count in sorted(set(zip(before.tolist(), after.tolist(), strict=True))):
        alike = (before == count[0]) & (after == count[1])
        yield Batch(
            name,
            pairs.cases[chosen[alike]],
            (base.medians[a[alike]], candidate.medians[b[alike]]),
            (base.table(a[alike], count[0]), candidate.table(b[alike], count[1])),
            terms.tolerance(name),
            terms.gates(name),
        )


def plain_changes(pairs: Pairs, name: str, mask: Mask, why: Refusal) -> Iterator[Change]:
    """Tell the cases that a metric says nothing of."""
    columns, places = pairs.columns(name), pairs.places(name)
    for number in np.flatnonzero(mask).tolist():
        verdict, reason = why if why[1] else pairs.refusals[number] or why
        base, candidate = (
            float(column.medians[found[number]]) if column and found[number] >= 0 else None
            for column, found in zip(columns, places, strict=True)
        )
        unit = METRICS[name].unit
        yield Change(pairs.cases[number], name, verdict, True, reason, base, candidate, unit)
