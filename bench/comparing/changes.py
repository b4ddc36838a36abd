"""Where a history of medians took a step, and whether it drifts.

Steps are those of the cheapest division into levels (optimal partitioning, Jackson et al., IEEE
Signal Processing Letters 2005): squared distances from the levels' means, and for each step a
penalty that grows with the length of the series. It finds what `ruptures.KernelCPD` with a linear
kernel finds, whose import alone, with SciPy's, takes longer than most histories. Noise is taken
from differences of neighbours, so that steps do not count as noise; a single outlier is no step. A
steady slope would come out as a staircase: where a straight line explains a series at less cost, it
drifts, and has no steps.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST = 8  # points that a series must have to be looked at
MOST = 5000  # newest points that are looked at: the search is quadratic
SHORTEST = 2  # points of a level: a single outlier is none
SMALLEST_NOISE = 1e-3  # a tenth of a percent, where most points are equal to the last bit
REACH = 3.0  # noise that a single point may lie off its neighbours and count in full

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """A change from one level to another.

    Attributes:
        place: Of the first point of the new level.
        before: Median of the level before.
        after: Median of the new level.
    """

    place: int
    before: float
    after: float


@dataclass(frozen=True)
class Drift:
    """A steady slope.

    Attributes:
        place: Of its first point.
        before: Where it starts.
        after: Where it has come to.
    """

    place: int
    before: float
    after: float


def find_changes(medians: Floats) -> tuple[list[Step], Drift | None]:
    """Find the steps of a series, and the drift of its last level.

    Args:
        medians: (N,) in the order of runs. Where all are positive, factors count, otherwise
            differences.
    """
    skipped = max(0, len(medians) - MOST)
    values = medians[skipped:]
    if len(values) < FEWEST:
        return [], None
    logarithmic = bool(np.all(values > 0))
    scale = 1.0 if logarithmic else float(np.max(np.abs(values))) or 1.0
    levels = np.log(values) if logarithmic else values / scale
    noise = max(noise_of(levels), SMALLEST_NOISE)
    scaled = without_outliers(levels / noise)
    # Of steady series with normal noise 3 % get a step at 10 points, 1 % at 20, fewer later.
    penalty = 3 * np.log(len(scaled)) + 8
    edges = [0, *steps_of(scaled, penalty), len(scaled)]

    def value(level: float) -> float:
        return float(np.exp(level * noise)) if logarithmic else float(level * noise * scale)

    pieces = [scaled[start:stop] for start, stop in itertools.pairwise(edges)]
    stairs = sum(spread(piece) for piece in pieces) + penalty * (len(pieces) - 1)
    if slope_cost(scaled) + penalty < min(stairs, spread(scaled)):
        edges, pieces = [0, len(scaled)], [scaled]
    centres = [value(float(np.median(piece))) for piece in pieces]
    steps = [
        Step(skipped + place, before, after)
        for place, (before, after) in zip(edges[1:-1], itertools.pairwise(centres), strict=True)
    ]
    last = pieces[-1]
    if len(last) < FEWEST or slope_cost(last) + penalty >= spread(last):
        return steps, None
    slope, start = np.polyfit(np.arange(len(last)), last, 1)
    end = start + slope * (len(last) - 1)
    return steps, Drift(skipped + edges[-2], value(start), value(end))


def steps_of(scaled: Floats, penalty: float) -> list[int]:
    """Return the places where new levels begin; a level has at least two points."""
    count = len(scaled)
    centred = scaled - scaled.mean()  # keeps the digits of sums
    sums = np.concatenate([[0.0], np.cumsum(centred)])
    lengths = np.arange(count, 0, -1.0)
    # Of the first points up to each place: the cost of their cheapest division, less the sum of
    # their squares, which all divisions share; and where its last level begins.
    cheapest = np.full(count + 1, np.inf)
    cheapest[0] = -penalty
    begins = np.zeros(count + 1, np.intp)
    for end in range(SHORTEST, count + 1):
        starts = end - SHORTEST + 1
        gains = (sums[end] - sums[:starts]) ** 2 / lengths[count - end : count - end + starts]
        costs = cheapest[:starts] + penalty - gains
        begins[end] = place = int(costs.argmin())
        cheapest[end] = costs[place]
    places, place = [], int(begins[count])
    while place:
        places.append(place)
        place = int(begins[place])
    return places[::-1]


def noise_of(levels: Floats) -> float:
    """Estimate the standard deviation of points around their level, robust to steps."""
    differences = np.diff(levels)
    deviation = np.median(np.abs(differences - np.median(differences)))
    few = 1 + 4 / len(levels)  # of a few points the estimate is often too small
    return float(1.4826 * deviation / np.sqrt(2) * few)


def without_outliers(scaled: Floats) -> Floats:
    """Pull single points to within `REACH` of the median of five neighbours."""
    padded = np.pad(scaled, 2, mode="edge")
    centres = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    return np.clip(scaled, centres - REACH, centres + REACH)


def spread(piece: Floats) -> float:
    """Sum of squared distances from the mean."""
    return float(np.sum((piece - piece.mean()) ** 2))


def slope_cost(piece: Floats) -> float:
    """Sum of squared distances from a straight line."""
    places = np.arange(len(piece), dtype=np.float64)
    places -= places.mean()
    centred = piece - piece.mean()
    width = float(places @ places)
    return float(centred @ centred - (places @ centred) ** 2 / width) if width else 0.0
