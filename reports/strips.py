"""The geometry of strips: how the repeats of one case lie around their median."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.results import Measurement
from reports.units import interval, scale_for

WIDTH, HEIGHT = 120, 16
MARGIN = 4  # so that dots at the ends are whole
MOST_REACH = 0.2  # one wild repeat must not flatten all other strips
LEAST_REACH = 0.02


@dataclass(frozen=True)
class Strip:
    """The repeats of one case, as deviations from their median.

    Attributes:
        dots: SVG path with a point per repeat.
        left: Where the interval starts.
        width: How wide it is.
        description: The same in words.
        spread: Largest deviation from the median, as a share of it.
    """

    dots: str
    left: float
    width: float
    description: str
    spread: float


def deviation(measurement: Measurement) -> float:
    """Take the largest distance of a sample from the median, over the median."""
    if not measurement.median:
        return 0.0
    return max(abs(v / measurement.median - 1) for v in measurement.samples)


def strip_reach(measurements: Iterable[Measurement]) -> float:
    """Choose one scale for all strips of a table, so that they can be compared."""
    widest = max((deviation(measurement) for measurement in measurements), default=0)
    return min(max(widest, LEAST_REACH), MOST_REACH)


def strip_of(measurement: Measurement, reach: float) -> Strip | None:
    """Draw the repeats of one case; None where there is only one.

    Args:
        measurement: Of time.
        reach: Deviation at the strip's ends; what lies beyond is drawn there.
    """
    if len(measurement.samples) < 2 or not measurement.median:
        return None

    def place(value: float) -> float:
        share = max(-1.0, min(1.0, (value / measurement.median - 1) / reach))
        return round(WIDTH / 2 + share * (WIDTH / 2 - MARGIN), 1)

    scale = scale_for(measurement.samples, measurement.unit)
    low, high = scale.number(min(measurement.samples)), scale.text(max(measurement.samples))
    left = place(measurement.low)
    return Strip(
        "".join(f"M{place(value):g} {HEIGHT // 2}h0" for value in measurement.samples),
        left,
        round(place(measurement.high) - left, 1),
        f"{len(measurement.samples)} repeats from {low} to {high},"
        f" 95 % interval of the median {interval(measurement, scale)}",
        round(deviation(measurement), 6),
    )
