"""What a comparison can find, and how many repeats it would take to find more.

A change is reported when three things hold (`bench.comparing.judging`), so it is found as often as
the hardest of them lets through: the rank test below its corrected level, the bootstrap interval
clear of zero, and the effect beyond the tolerance. All are measured in standard errors of the
median, which shrink with the square root of the repeats. For normal, skewed and moderately heavy
noise (t with 3 degrees of freedom) rank tests are more efficient than medians, so that their need
is not understated; for double-exponential noise medians are more efficient (Lehmann,
"Nonparametrics", 1975). Spread is known from few repeats only, so it is taken with a margin.

A standard error tells little of noise with modes far apart: there a median does not spread, it
jumps, once half of the repeats are in another mode. So that is counted beside it: how many repeats
lie farther from the median than the change, and with how many repeats an interval leaves them out.
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


def spread_margin(freedom: float) -> float:
    """Return what to multiply a spread with that is known with so many degrees of freedom.

    For normal noise it is then understated in one of ten comparisons, where a spread as it is would
    be in every other. Chi-squared's quantile is Wilson and Hilferty's (1931).
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


def far_share(apart: Floats, change: Floats, runs: int) -> Floats:
    """Return what share of further repeats to expect farther from the median than a change.

    Args:
        apart: (N, R) distances of repeats from the median of their run.
        change: (N,) on the same scale; taken above or below, where more repeats are.
        runs: That the repeats are of.
    """
    limit = change[:, None]
    far = np.maximum((apart > limit).sum(axis=1), (apart < -limit).sum(axis=1))
    return expected_share(far, apart.shape[1], runs)


def expected_share(seen: NDArray[np.int_], repeats: int, runs: int) -> Floats:
    """Return the share to expect of what was seen in so many of the repeats of some runs.

    By Laplace's rule of succession in each run: none among few is not never.
    """
    share: Floats = (seen + runs) / (repeats + 2 * runs)
    return share


def repeats_past(share: Floats, power: float) -> Floats:
    """Return the repeats whose median has an interval that leaves out a share of far repeats.

    The interval of the median of n repeats ends z √n / 2 places from the middle, so at most
    n / 2 - z √n / 2 may be far; their number is binomial, and taken as normal.

    Args:
        share: (N,) of far repeats.
        power: How often it has to be left out.
    """
    end, find = quantile((1 + CONFIDENCE) / 2) / 2, quantile(power)
    with np.errstate(divide="ignore"):
        needed = np.square((end + find * np.sqrt(share * (1 - share))) / (0.5 - share))
    return np.where(share < 0.5, np.ceil(needed), np.inf)


def jump(apart: Floats, runs: int, repeats: int, power: float) -> Floats:
    """Return the smallest change that so many repeats tell from a jump of the median.

    Args:
        apart: (N, R) distances of repeats from the median of their run.
        runs: That the repeats are of.
        repeats: Of a run, or rounds.
        power: How often they have to.
    """
    count = apart.shape[1]
    shares = expected_share(np.arange(count), count, runs)
    far = max(int((repeats_past(shares, power) <= repeats).sum()) - 1, 0)
    ordered = np.sort(apart, axis=1)
    return np.maximum(np.maximum(ordered[:, -1 - far], -ordered[:, far]), 0.0)


def repeats_for(
    needed: Floats, error: Floats, floor: Floats, repeats: float, fewest: Floats
) -> NDArray[np.int_]:
    """Return the repeats at which an error shrinks to `needed`; 0 where no number is enough.

    Args:
        needed: (N,) standard errors wanted.
        error: (N,) standard errors at `repeats`, without the floor.
        floor: (N,) standard error of the floor, which repeats do not reduce.
        repeats: Repeats per run (or rounds) so far; of unequal runs, those of two equal ones with
            the same error.
        fewest: (N,) that anything can be said with.
    """
    left = np.square(needed) - np.square(floor)
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.maximum(np.ceil(repeats * np.square(error) / left), fewest)
    possible = (left > 0) & (wanted <= MOST_REPEATS)
    return np.where(possible, wanted, 0).astype(int)
