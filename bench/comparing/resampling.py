"""The bootstrap over repeats, for many tests at once.

A resample's median depends only on which of the sorted values come to stand in the middle. So the
middles of resamples are drawn once per number of repeats, and every test looks them up: the same
bootstrap as drawing values and taking medians, without sorting anything per draw.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.comparing.ranks import Floats

DRAWS = 1000
CONFIDENCE = 0.95
SEED = 20240214  # intervals of the same samples are the same everywhere
CELLS = 1 << 18  # of a block: bounds memory where there are many tests, and stays in the cache


@cache
def middles(count: int, side: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw which sorted values stand in the middle of resamples of `count` values.

    Args:
        count: Values to resample.
        side: 0 or 1. Draws of the two sides are independent, and trading the sides trades the
            halves of both: so comparing B with A is the mirror image of comparing A with B.

    Returns:
        Two of (DRAWS,): the lower and the upper middle, the same where `count` is odd.
    """
    halves = [
        np.random.default_rng((SEED, stream, count)).integers(count, size=(DRAWS // 2, count))
        for stream in (side, 1 - side)
    ]
    places = np.sort(np.concatenate(halves), axis=1)
    return places[:, (count - 1) // 2], places[:, count // 2]


def median_draws(ordered: Floats, side: int) -> Floats:
    """Return the medians of resamples, (N, DRAWS), of (N, K) values sorted along each row."""
    lower, upper = middles(ordered.shape[1], side)
    draws: Floats = (ordered[:, lower] + ordered[:, upper]) / 2
    return draws


def intervals(
    base: Floats | None, candidate: Floats, confidence: float = CONFIDENCE
) -> tuple[Floats, Floats, Floats]:
    """Bootstrap the difference of two medians, or one median where there is no base.

    Args:
        base: (N, A) repeats; None to bootstrap the candidate's median alone.
        candidate: (N, B) repeats.
        confidence: Of the percentile interval.

    Returns:
        Low end, high end and standard error, (N,) each.
    """
    first = int(DRAWS * (1 - confidence) / 2)
    parts = []
    block = max(1, CELLS // DRAWS)
    for start in range(0, len(candidate), block):
        draws = median_draws(np.sort(candidate[start : start + block], axis=1), 1)
        if base is not None:
            draws -= median_draws(np.sort(base[start : start + block], axis=1), 0)
        draws.sort(axis=1)  # quicker than numpy's quantile, which partitions
        parts.append((draws[:, first], draws[:, -1 - first], draws.std(axis=1)))
    low, high, error = (np.concatenate(part) for part in zip(*parts, strict=True))
    return low, high, error
