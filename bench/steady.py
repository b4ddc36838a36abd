"""Whether times stay: within a repeat after its warm-up, and from the first repeat to the last."""

from collections.abc import Sequence
from itertools import combinations
from statistics import median

import numpy as np

from bench.comparing.ranks import Floats, upper_sums

WARM_SHARE = 0.05  # slower than later ones by more than this is not warm yet
DRIFT_SHARE = 0.05  # from the first repeat to the last
DRIFT_LEVEL = 0.02  # 5 repeats that all grow reach it


def warm_from(wall_ms: Sequence[Sequence[float]]) -> int:
    """Return which iteration is the first that is as fast as the later ones are.

    Each repeat is measured in its own later half, and the median taken over repeats, so that
    neither a slow repeat nor one that was disturbed once decides.

    Args:
        wall_ms: Per repeat, of each iteration, in order; as many in each.
    """
    count = min(map(len, wall_ms))
    if count < 2:
        return 0
    later = [median(repeat[count // 2 : count]) for repeat in wall_ms]
    for place in range(count // 2):
        relative = median(
            repeat[place] / level for repeat, level in zip(wall_ms, later, strict=True)
        )
        if relative <= 1 + WARM_SHARE:
            return place
    return count // 2


def drifts(samples: Sequence[float]) -> bool:
    """Say whether repeats grew slower, or faster, from the first to the last.

    Mann and Kendall's trend test, exact, with Theil and Sen's slope, which single outliers leave
    alone.
    """
    count = len(samples)
    slopes = [(samples[j] - samples[i]) / (j - i) for i, j in combinations(range(count), 2)]
    if not slopes:
        return False
    rising = sum(slope > 0 for slope in slopes) + sum(slope == 0 for slope in slopes) // 2
    falling = len(slopes) - rising
    tail = float(trend_tail(count)[max(rising, falling)])
    change = abs(median(slopes)) * (count - 1)
    return 2 * tail <= DRIFT_LEVEL and change > DRIFT_SHARE * median(samples)


def trend_tail(count: int) -> Floats:
    """Return P(K >= k) of the number of rising pairs K among `count` repeats in random order."""
    chances = np.ones(1)
    for number in range(2, count + 1):  # where the next one stands among those before it
        chances = np.convolve(chances, np.full(number, 1 / number))
    return upper_sums(chances)
