"""Whether times stay: within a repeat after its warm-up, and from the first repeat to the last.

Each check has two parts: an effect that matters, and a test whose rate of false alarms does not
grow with the number of repeats. `benchmarks/warning_rates.py` simulates the rates.
"""

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from math import sqrt
from statistics import median

import numpy as np

from bench.comparing.ranks import EXACT, Floats, normal_tail, signed_rank_p, upper_sums

STEADY_SPREAD = (
    0.03  # standard deviation of repeats, relative to their median, that is still steady
)
STEADY_LEVEL = 0.05  # chance that repeats with just this spread are called unsteady
STEADY_DRAWS = 4000
SEED = 20240214  # the limits are the same everywhere
WARM_SHARE = 0.05  # slower than later ones by more than this is not warm yet
WARM_LEVEL = 0.05  # 5 repeats whose first iterations are all slower reach it
DRIFT_SHARE = 0.05  # from the first repeat to the last
DRIFT_LEVEL = 0.02  # 5 repeats that all grow reach it


def unsteady(samples: Sequence[float]) -> bool:
    """Say whether repeats vary by more than `STEADY_SPREAD`.

    Their interquartile range, which single outliers leave alone, is held against the one that only
    `STEADY_LEVEL` of as many normal samples with that standard deviation exceed.
    """
    if len(samples) < 2:
        return False
    values = np.asarray(samples, np.float64)
    limit = STEADY_SPREAD * widest_range(len(values))
    return bool(middle_half(values) > limit * np.median(values))


@cache
def widest_range(count: int) -> float:
    """Return the interquartile range that few of `count` standard normal samples exceed."""
    drawn = np.random.default_rng((SEED, count)).standard_normal((STEADY_DRAWS, count))
    return float(np.quantile(middle_half(drawn), 1 - STEADY_LEVEL))


def middle_half(values: Floats) -> Floats:
    """Return the interquartile range along the last axis."""
    low, high = np.quantile(values, (0.25, 0.75), axis=-1)
    difference: Floats = high - low
    return difference


def warm_from(wall_ms: Sequence[Sequence[float]]) -> int:
    """Return which iteration is the first that is as fast as the later ones are.

    The median over repeats decides, so that neither a slow repeat nor one that was disturbed once
    does.

    Args:
        wall_ms: Per repeat, of each iteration, in order; as many in each.
    """
    relative = against_later(wall_ms)
    warm = np.median(relative, axis=0) <= 1 + WARM_SHARE
    return int(warm.argmax()) if warm.any() else len(warm)


def slow_at_first(wall_ms: Sequence[Sequence[float]]) -> bool:
    """Say whether the first iterations are slower than the later ones, beyond chance.

    Wilcoxon's signed-rank test over repeats, exact: no fewer than 5 repeats can show it.

    Args:
        wall_ms: Per repeat, of each iteration, in order; as many in each.
    """
    if warm_from(wall_ms) == 0:
        return False
    first = np.log(against_later(wall_ms)[:, 0])
    return bool(signed_rank_p(first[None])[0][0] <= WARM_LEVEL)


def against_later(wall_ms: Sequence[Sequence[float]]) -> Floats:
    """Divide the iterations of the earlier half of each repeat by the median of its later half.

    Returns:
        (repeats, iterations // 2).
    """
    count = min(map(len, wall_ms))
    times = np.array([repeat[:count] for repeat in wall_ms], np.float64)
    relative: Floats = times[:, : count // 2] / np.median(times[:, count // 2 :], axis=1)[:, None]
    return relative


def drifts(samples: Sequence[float]) -> bool:
    """Say whether repeats grew slower, or faster, from the first to the last.

    Mann and Kendall's trend test, exact, with Theil and Sen's slope, which single outliers leave
    alone.
    """
    count = len(samples)
    slopes = [(samples[j] - samples[i]) / (j - i) for i, j in combinations(range(count), 2)]
    if not slopes:
        return False
    rising, falling = (sum(sign * slope > 0 for slope in slopes) for sign in (1, -1))
    tail = float(trend_tail(count)[max(rising, falling)])  # ties count against the claim
    change = abs(median(slopes)) * (count - 1)
    return 2 * tail <= DRIFT_LEVEL and change > DRIFT_SHARE * median(samples)


@cache
def trend_tail(count: int) -> Floats:
    """Return P(K >= k) of the number of rising pairs K among `count` repeats in random order."""
    pairs = count * (count - 1) // 2
    if count > EXACT:  # Kendall 1938: its variance is n (n - 1) (2 n + 5) / 72
        return normal_tail(pairs, pairs / 2, sqrt(count * (count - 1) * (2 * count + 5) / 72))
    chances = np.ones(1)
    for number in range(2, count + 1):  # where the next one stands among those before it
        chances = np.convolve(chances, np.full(number, 1 / number))
    return upper_sums(chances)
