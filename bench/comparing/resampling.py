"""The bootstrap over repeats, for many tests at once.

A resample's median depends only on which of the sorted values come to stand in the middle. So the
middles of resamples are drawn once per number of repeats, and every test looks them up: the same
bootstrap as drawing values and taking medians, without sorting anything per draw. Of few repeats
most draws have the same middles (of 5 against 5 there are 25 of them): each is looked up once, and
counts as often as it was drawn.
"""

from dataclasses import dataclass
from functools import cache
from math import sqrt
from statistics import NormalDist

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


@dataclass(frozen=True, eq=False)
class Middles:
    """Which sorted values stand in the middle of resamples, the U different ones among all draws.

    Attributes:
        base: (2, U) lower and upper middle of the base; of no meaning where there is none.
        candidate: (2, U) likewise.
        drawn: (U,) how often.
    """

    base: NDArray[np.intp]
    candidate: NDArray[np.intp]
    drawn: NDArray[np.intp]


@cache
def different_middles(base: int, candidate: int) -> Middles:
    """Draw resamples of `base` and of `candidate` values; of no base where that is 0."""
    sides = (*(middles(base, 0) if base else ()), *middles(candidate, 1))
    different, drawn = np.unique(np.stack(sides), axis=1, return_counts=True)
    return Middles(different[:2], different[-2:], drawn)


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
    found = different_middles(0 if base is None else base.shape[1], candidate.shape[1])
    parts = []
    block = max(1, CELLS // len(found.drawn))
    for start in range(0, len(candidate), block):
        draws = medians(candidate[start : start + block], found.candidate)
        if base is not None:
            draws -= medians(base[start : start + block], found.base)
        order = np.argsort(draws, axis=1)
        upto = np.cumsum(found.drawn[order], axis=1)
        ends = [
            np.take_along_axis(order, (upto > place).argmax(axis=1)[:, None], axis=1)
            for place in (first, DRAWS - 1 - first)
        ]
        low, high = (np.take_along_axis(draws, end, axis=1)[:, 0] for end in ends)
        apart = draws - (draws @ found.drawn / DRAWS)[:, None]
        parts.append((low, high, np.sqrt(apart**2 @ found.drawn / DRAWS)))
    low, high, error = (np.concatenate(part) for part in zip(*parts, strict=True))
    return low, high, error


def mean_intervals(values: Floats, confidence: float = CONFIDENCE) -> tuple[Floats, Floats, Floats]:
    """Bootstrap means.

    Percentile intervals of few values are too narrow. So they are widened to what Student's would
    be of normal values (Hesterberg 2015, "What Teachers Should Know About the Bootstrap", expanded
    percentile intervals).

    Args:
        values: (N, R) of N tests, two values or more each.
        confidence: Of the interval.

    Returns:
        Low end, high end and standard error, (N,) each.
    """
    count = values.shape[1]
    drawn = np.random.default_rng((SEED, count)).multinomial(count, [1 / count] * count, DRAWS)
    draws = np.sort(values @ drawn.T / count, axis=1)
    first = int(DRAWS * (1 - confidence) / 2)
    error: Floats = draws.std(axis=1)
    normal = NormalDist().inv_cdf((1 + confidence) / 2)
    wider = student(normal, count - 1) / normal * sqrt(count / (count - 1))
    centre = values.mean(axis=1)
    ends = [centre + wider * (draws[:, place] - centre) for place in (first, -1 - first)]
    return ends[0], ends[1], error


def student(normal: float, freedom: int) -> float:
    """Return Student's quantile at a normal one (Abramowitz and Stegun 1964, 26.7.5)."""
    return (
        normal
        + (normal**3 + normal) / (4 * freedom)
        + (5 * normal**5 + 16 * normal**3 + 3 * normal) / (96 * freedom**2)
    )


def medians(values: Floats, places: NDArray[np.intp]) -> Floats:
    """Return the medians of resamples of N rows of values, (N, U), by their two middles."""
    ordered = np.sort(values, axis=1)
    found: Floats = (ordered[:, places[0]] + ordered[:, places[1]]) / 2
    return found
