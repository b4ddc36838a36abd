"""What a comparison can find, and how many repeats it would take to find more.

A change is reported when three things hold (`bench.comparing.judging`), so it is found as often as
the hardest of them lets through: the rank test below its corrected level, the bootstrap interval
clear of zero, and the effect beyond the tolerance. All are measured in standard errors of the
median, which shrink with the square root of the repeats; rank tests are more efficient than medians
for the noise that timings have, so their need is not understated. Spread is known from few repeats
only, so it is taken with a margin.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bench.comparing.ranks import Floats
from bench.comparing.resampling import CONFIDENCE

SPREAD_CONFIDENCE = 0.9
MOST_REPEATS = 1000  # what would take more is not worth asking for


@dataclass(frozen=True)
class Rule:
    """How sure a verdict has to be.

    Attributes:
        alpha: Chance of calling anything regressed where nothing changed, over a whole comparison.
        power: Share of comparisons in which a detectable change is found.
        wanted: Relative change that one wants to find: `repeats_needed` is told for it.
    """

    alpha: float = 0.01
    power: float = 0.95
    wanted: float = 0.05


def quantile(share: float) -> float:
    """Return the standard normal quantile."""
    return NormalDist().inv_cdf(share)


def spread_margin(freedom: int) -> float:
    """Return what to multiply a spread with that is known with so many degrees of freedom.

    So taken, it is understated in one of ten comparisons only, where a spread as it is would be in
    every other. Chi-squared's quantile is Wilson and Hilferty's (1931).
    """
    part = 2 / (9 * freedom)
    return float((1 - part + quantile(1 - SPREAD_CONFIDENCE) * sqrt(part)) ** -1.5)


def detectable(error: Floats, tolerance: Floats, *, alpha: float, power: float) -> Floats:
    """Return the smallest change, on the scale of `error`, that is found with the wanted power.

    Args:
        error: Standard errors of effects, the device's noise floor included.
        tolerance: Of the tests, on the same scale.
        alpha: Level of one test.
        power: Wanted power.
    """
    find = quantile(power)
    needed = max(quantile(1 - alpha), quantile((1 + CONFIDENCE) / 2)) + find
    return np.maximum(needed * error, tolerance + find * error)


def repeats_for(
    needed: Floats, error: Floats, floor: Floats, repeats: int, fewest: int
) -> NDArray[np.int_]:
    """Return the repeats at which an error shrinks to `needed`; 0 where no number is enough.

    Args:
        needed: (N,) standard errors wanted.
        error: (N,) standard errors at `repeats`, without the floor.
        floor: (N,) standard error of the floor, which repeats do not reduce.
        repeats: Repeats (or rounds) so far.
        fewest: That anything can be said with.
    """
    left = np.square(needed) - np.square(floor)
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.maximum(np.ceil(repeats * np.square(error) / left), fewest)
    possible = (left > 0) & (wanted <= MOST_REPEATS)
    return np.where(possible, wanted, 0).astype(int)
