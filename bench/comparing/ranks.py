"""Rank tests over repeats, and Holm's correction: no assumption on how repeats are spread.

Null distributions are those of values without ties. Where values are tied, every tie is broken
against the claim: the p-value is then an upper bound. Counting ties as half would not give one:
with three different values in 5 against 5 repeats, a level of 1 % is exceeded (1.2 %).
"""

from functools import cache
from math import comb, erfc, log, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
EXACT = 64  # repeats of each side up to which null distributions are counted; above, normal


def rank_sum_p(base: Floats, candidate: Floats) -> tuple[Floats, Floats]:
    """Test whether candidates are larger, or smaller: Mann and Whitney's test, exact and one-sided.

    A tie counts against the claim.

    Args:
        base: (N, A) repeats of N tests.
        candidate: (N, B) likewise.

    Returns:
        (N,) probabilities of so large a statistic when nothing changed, and of so small a one.
    """
    larger = candidate[:, None, :] > base[:, :, None]
    smaller = candidate[:, None, :] < base[:, :, None]
    tail = rank_sum_tail(base.shape[1], candidate.shape[1])
    return tail[larger.sum(axis=(1, 2))], tail[smaller.sum(axis=(1, 2))]


def signed_rank_p(differences: Floats) -> tuple[Floats, Floats]:
    """Test whether differences are positive, or negative: Wilcoxon's test, exact and one-sided.

    Differences of zero are left out, as Wilcoxon did: the signs of all others are as likely as
    before. Among equal sizes, those that support the claim get the lowest ranks.

    Args:
        differences: (N, R) of the rounds of N tests.

    Returns:
        (N,) probabilities of so large a statistic when differences lie symmetrically about zero,
        as those of identical programs do, and of so small a one.
    """
    sizes = np.abs(differences)
    zeros = (sizes == 0).sum(axis=1)
    below = (sizes[:, None, :] < sizes[:, :, None]).sum(axis=2) - zeros[:, None]
    equal = sizes[:, None, :] == sizes[:, :, None]
    places = np.arange(differences.shape[1])
    sums = []
    for supports in (differences > 0, differences < 0):
        before = equal & supports[:, None, :] & (places <= places[:, None])  # and itself
        sums.append(np.where(supports, below + before.sum(axis=2), 0).sum(axis=1))
    found = np.ones((2, len(differences)))
    for left_out in np.unique(zeros):
        alike = zeros == left_out
        tail = signed_rank_tail(differences.shape[1] - int(left_out))
        found[:, alike] = tail[np.stack(sums)[:, alike]]
    return found[0], found[1]


@cache
def rank_sum_tail(base: int, candidate: int) -> Floats:
    """Return P(U >= u) for u from 0 to base * candidate, of Mann and Whitney's U without ties."""
    if base * candidate > EXACT**2:  # a short side is counted out against a longer one
        mean = base * candidate / 2
        deviation = sqrt(base * candidate * (base + candidate + 1) / 12)
        return normal_tail(base * candidate, mean, deviation)
    # Mann and Whitney 1947: whose is the largest of all values, and what that adds to U.
    rows: list[Floats] = [np.ones(1) for _ in range(candidate + 1)]
    for a in range(1, base + 1):
        after: list[Floats] = [np.ones(1)]
        for b in range(1, candidate + 1):
            of_base = np.pad(rows[b], (0, b)) * (a / (a + b))
            of_candidate = np.pad(after[b - 1], (a, 0)) * (b / (a + b))
            after.append(of_base + of_candidate)
        rows = after
    return upper_sums(rows[candidate])


@cache
def signed_rank_tail(rounds: int) -> Floats:
    """Return P(W >= w) for w from 0 to the sum of ranks, of Wilcoxon's W without ties."""
    if rounds > EXACT:
        mean = rounds * (rounds + 1) / 4
        deviation = sqrt(rounds * (rounds + 1) * (2 * rounds + 1) / 24)
        return normal_tail(rounds * (rounds + 1) // 2, mean, deviation)
    chances = np.ones(1)
    for rank in range(1, rounds + 1):
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    return upper_sums(chances)


def upper_sums(chances: Floats) -> Floats:
    """Sum from each entry to the last; smallest first, so that tails keep their digits."""
    return np.minimum(np.cumsum(chances[::-1])[::-1], 1.0)


def normal_tail(largest: int, mean: float, deviation: float) -> Floats:
    """Approximate a tail by the normal distribution, with the correction for whole steps."""
    steps = (np.arange(largest + 1) - 0.5 - mean) / deviation / sqrt(2)
    return np.array([erfc(step) / 2 for step in steps])


def smallest_p(base: int, candidate: int, *, paired: bool) -> float:
    """Return the smallest one-sided p-value that an exact test of so many repeats can give."""
    tail = signed_rank_tail(base) if paired else rank_sum_tail(base, candidate)
    return float(tail[-1])


def fewest_repeats(alpha: float, *, paired: bool) -> int:
    """Return the repeats per run (or rounds) that an exact test needs to reach `alpha`."""
    repeats = 1
    # In logarithms: alpha may be very small among many tests.
    while (repeats * log(2) if paired else log(comb(2 * repeats, repeats))) < -log(alpha):
        repeats += 1
    return repeats


def holm(p_values: Floats) -> Floats:
    """Correct p-values of one family so that the chance of any false claim stays below alpha.

    Holm 1979, "A simple sequentially rejective multiple test procedure": the smallest counts as
    many times as there are tests, the next one time less, and none less than the one before.
    """
    order = np.argsort(p_values, kind="stable")
    counts = np.arange(len(p_values), 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(p_values[order] * counts), 1.0)
    result: Floats = np.empty_like(p_values)
    result[order] = adjusted
    return result
