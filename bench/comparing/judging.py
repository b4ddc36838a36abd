"""From repeats to verdicts, many tests at once: the rule that every comparison goes by.

All values are on the scale that effects live on: logarithms for times and bytes, the values
themselves for shares and decibels. Positive effects are larger candidates.
"""

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from bench.comparing.power import (
    Rule,
    detectable,
    far_share,
    jump,
    quantile,
    repeats_for,
    repeats_past,
    spread_margin,
)
from bench.comparing.ranks import Floats, fewest_repeats, rank_sum_p, signed_rank_p, smallest_p
from bench.comparing.resampling import CONFIDENCE, intervals, mean_intervals
from bench.comparing.verdicts import Verdict
from bench.stopping import depth
from bench.warnings import FEWEST_REPEATS

NORMAL = quantile((1 + CONFIDENCE) / 2)
# With the fewest repeats that can prove anything, one of them out of line proves nothing any more.
# To find a change dependably, so many times as many orders of the repeats must be possible.
ROOM = 20
ROUNDING = 1e-9  # what logarithms may add to a change of just the tolerance
MEDIAN_ERROR = sqrt(pi / 2)  # of a median against a mean, where noise is normal


@dataclass(frozen=True, eq=False)
class Findings:
    """N tests of runs with equally many repeats.

    Attributes:
        effect: (N,) difference of medians; of paired tests, median of the differences, and of
            sentences their mean.
        low: (N,) lower end of its interval.
        high: (N,) upper end.
        error: (N,) its standard error: the bootstrap's, or what the repeats' standard deviation
            lets expect where that is larger, as it is where few repeats happen to agree.
        larger_p: (N,) one-sided p-value that the candidate's values are larger.
        smaller_p: (N,) that they are smaller.
        apart: (N, R) how far each repeat is from the median of its run; of paired tests, each
            round's difference from the median of them.
        repeats: Of base and candidate; of paired tests, rounds.
        paired: Whether rounds were compared.
        floor: (N,) how far two sessions of the device may differ all the same, part of the interval
            but not of the error.
    """

    effect: Floats
    low: Floats
    high: Floats
    error: Floats
    larger_p: Floats
    smaller_p: Floats
    apart: Floats
    repeats: tuple[int, int]
    paired: bool
    floor: Floats

    @property
    def freedom(self) -> float:
        """Degrees of freedom that the spread is known with.

        Of separate runs Welch and Satterthwaite's, for equal spread: of two equal runs 2 (n - 1),
        of a short and a long run little more than the short run has.
        """
        first, second = self.repeats
        if self.paired or first == 1 or second == 1:
            return max(1, min(self.repeats) - 1)
        shares = 1 / first, 1 / second
        own = shares[0] ** 2 / (first - 1) + shares[1] ** 2 / (second - 1)
        return float(sum(shares) ** 2 / own)

    @property
    def per_run(self) -> float:
        """Repeats of two equal runs, or rounds, that give the same standard error."""
        first, second = self.repeats
        return float(2 / (1 / first + 1 / second))


def compare_runs(base: Floats, candidate: Floats, floor: Floats) -> Findings:
    """Test runs that were measured one after the other.

    Args:
        base: (N, A) repeats of N tests.
        candidate: (N, B) likewise.
        floor: (N,) what two sessions that measure the same program may differ by, beyond what
            their repeats explain (`bench.comparing.calibration`); 0 where unknown.
    """
    medians = [np.median(side, axis=1) for side in (base, candidate)]
    effect = medians[1] - medians[0]
    low, high, error = intervals(base, candidate)
    variance = base.var(axis=1, ddof=1) / base.shape[1]
    variance += candidate.var(axis=1, ddof=1) / candidate.shape[1]
    return Findings(
        effect,
        effect - np.hypot(effect - low, floor),
        effect + np.hypot(high - effect, floor),
        np.maximum(error, MEDIAN_ERROR * np.sqrt(variance)),
        *rank_sum_p(base, candidate),
        np.hstack([base - medians[0][:, None], candidate - medians[1][:, None]]),
        (base.shape[1], candidate.shape[1]),
        paired=False,
        floor=floor,
    )


def compare_rounds(differences: Floats) -> Findings:
    """Test runs that were measured in turns, by what the candidate has more in each round.

    Whatever drifts slower than a round lasts is in both and cancels. The interval is that between
    two order statistics, which holds the median of any noise: a percentile bootstrap of 7 rounds
    misses it in 12.5 % of cases. Of five rounds it is their range, which misses it in 6.25 %.

    Args:
        differences: (N, R) of N tests.
    """
    _, _, error = intervals(None, differences)
    rounds = differences.shape[1]
    outer = max(depth(rounds, 1 - CONFIDENCE), 1) - 1
    ordered = np.sort(differences, axis=1)
    low, high = ordered[:, outer], ordered[:, -1 - outer]
    effect = np.median(differences, axis=1)
    return Findings(
        effect,
        low,
        high,
        np.maximum(error, MEDIAN_ERROR * differences.std(axis=1, ddof=1) / np.sqrt(rounds)),
        *signed_rank_p(differences),
        differences - effect[:, None],
        (rounds, rounds),
        paired=True,
        floor=np.zeros(len(differences)),
    )


def compare_sentences(differences: Floats) -> Findings:
    """Test scores of the same sentences, by the mean of what the candidate scores more in each.

    Not by the median: where most sentences score alike, it is zero however bad the others become.
    Every sentence counts the same.

    Args:
        differences: (N, R) of N tests.
    """
    low, high, error = mean_intervals(differences)
    sentences = differences.shape[1]
    effect = differences.mean(axis=1)
    return Findings(
        effect,
        low,
        high,
        np.maximum(error, differences.std(axis=1, ddof=1) / np.sqrt(sentences)),
        *signed_rank_p(differences),
        differences - effect[:, None],
        (sentences, sentences),
        paired=True,
        floor=np.zeros(len(differences)),
    )


def decide(
    found: Findings,
    worse: Floats,
    tolerance: Floats,
    p_values: tuple[Floats, Floats],
    rule: Rule,
) -> list[Verdict]:
    """Give each test its verdict.

    Changed is what the exact test finds at level `rule.alpha`, what the interval keeps clear of
    zero and what exceeds the tolerance. Same is what the interval keeps within the tolerance: it
    must be shown, as a change must. All else is inconclusive, and so is every test of which either
    side has fewer than `FEWEST_REPEATS` repeats: a rank test of 2 against 20 can reach its level,
    but the interval over 2 repeats does not mean what it says.

    Args:
        found: What was found.
        worse: (N,) 1 where larger is worse, -1 where smaller is.
        tolerance: (N,) on the tests' scale.
        p_values: (N,) corrected p-values of a change for the worse, and of one for the better.
        rule: How sure to be.
    """
    low, high = np.where(worse > 0, (found.low, found.high), (-found.high, -found.low))
    effect = found.effect * worse
    p_worse, p_better = p_values
    if min(found.repeats) < FEWEST_REPEATS:
        return [Verdict.INCONCLUSIVE] * len(effect)
    limit = tolerance + ROUNDING
    conditions = {
        Verdict.REGRESSED: (p_worse <= rule.alpha) & (low > 0) & (effect > limit),
        Verdict.IMPROVED: (p_better <= rule.alpha) & (high < 0) & (effect < -limit),
        Verdict.SAME: (low >= -limit) & (high <= limit),
    }
    names = [*conditions, Verdict.INCONCLUSIVE]
    chosen = np.select([*conditions.values()], [0, 1, 2], default=3)
    return [names[number] for number in chosen]


@dataclass(frozen=True, eq=False)
class Reach:
    """What N tests could have found.

    Attributes:
        detectable: (N,) smallest change found in `Rule.power` of comparisons.
        to_find: (N,) repeats per run to find the wanted change; 0 where no number is enough.
        to_prove_same: (N,) repeats per run to show that nothing changed; 0 likewise.
        to_claim: Repeats per run at which a change can be claimed at all: both sides have the
            fewest that any verdict needs, and the exact test can reach its level.
        can_claim: Whether the repeats that there are suffice for that.
    """

    detectable: Floats
    to_find: NDArray[np.int_]
    to_prove_same: NDArray[np.int_]
    to_claim: int
    can_claim: bool


def reach(found: Findings, tolerance: Floats, wanted: Floats, rule: Rule, family: int) -> Reach:
    """Tell what tests could have found, and what finding more takes.

    Args:
        found: What was found.
        tolerance: (N,) on the tests' scale.
        wanted: (N,) change that one wants to find, on the tests' scale.
        rule: How sure to be.
        family: Number of tests that the p-values are corrected for.
    """
    alpha = rule.alpha / family
    error = found.error * spread_margin(found.freedom)
    floor = found.floor / NORMAL
    smallest = detectable(np.hypot(error, floor), tolerance, alpha=alpha, power=rule.power)
    # The error at which the wanted change becomes the detectable one.
    per_error = detectable(np.ones(1), np.zeros(1), alpha=alpha, power=rule.power)[0]
    to_find = np.minimum(wanted / per_error, (wanted - tolerance) / quantile(rule.power))
    to_prove = tolerance / (2 * NORMAL)
    repeats = found.per_run
    runs = 1 if found.paired else 2
    to_claim = max(FEWEST_REPEATS, fewest_repeats(alpha, paired=found.paired))
    lowest_p = smallest_p(*found.repeats, paired=found.paired)
    dependable = np.maximum(
        repeats_past(far_share(found.apart, wanted, runs), rule.power),
        max(FEWEST_REPEATS, fewest_repeats(alpha / ROOM, paired=found.paired)),
    )
    return Reach(
        np.maximum(smallest, jump(found.apart, runs, min(found.repeats), rule.power)),
        repeats_for(np.maximum(to_find, 0.0), error, floor, repeats, dependable),
        repeats_for(to_prove, error, floor, repeats, np.full_like(error, FEWEST_REPEATS)),
        to_claim,
        min(found.repeats) >= FEWEST_REPEATS and lowest_p <= alpha,
    )
