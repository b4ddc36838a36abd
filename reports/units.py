"""Values to text, once, at the edge.

Bytes are binary throughout (1 MiB = 1024 x 1024 bytes), as memory and page sizes are; time is SI;
shares are percent. Three significant digits at most: repeats differ by more than what is cut off.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bench.results import Measurement

MISSING = "\N{EN DASH}"
SIGNIFICANT = 3
UNREADABLE = 1e9  # from here on in powers of ten


@dataclass(frozen=True)
class Scale:
    """One way to write the values of a unit.

    Attributes:
        one: What one of `suffix` is, in the unit.
        suffix: As written behind the number; empty for plain numbers.
        decimals: As many are written at most.
    """

    one: float
    suffix: str
    decimals: int = 3

    def number(self, value: float) -> str:
        """Write a value without its suffix; what is not a number as a dash."""
        scaled = value / self.one
        if math.isnan(scaled):
            return MISSING
        if math.isinf(scaled):
            return "∞" if scaled > 0 else "-∞"
        if abs(scaled) >= UNREADABLE:
            return f"{scaled:.2e}"
        least = 10**-self.decimals
        if abs(scaled) < least / 2:
            return f"<{least:.{self.decimals}f}" if scaled else "0"
        magnitude = math.floor(math.log10(abs(scaled)))
        return f"{scaled:,.{min(max(SIGNIFICANT - 1 - magnitude, 0), self.decimals)}f}"

    def text(self, value: float) -> str:
        """Write a value with its suffix."""
        number = self.number(value)
        return f"{number} {self.suffix}" if self.suffix and number != MISSING else number


# Per unit of `bench.metrics.METRICS`, from small to large.
SCALES: Mapping[str, tuple[Scale, ...]] = MappingProxyType(
    {
        "ratio": (Scale(1, ""),),
        "share": (Scale(0.01, "%", decimals=1),),
        "ms": (Scale(1, "ms", decimals=2), Scale(1e3, "s", decimals=2)),
        "s": (Scale(1, "s", decimals=2),),
        "bytes": (
            Scale(1, "B", decimals=0),
            Scale(2**10, "KiB", decimals=1),
            Scale(2**20, "MiB", decimals=1),
            Scale(2**30, "GiB", decimals=2),
        ),
        "dB": (Scale(1, "dB", decimals=2),),
        "frames": (Scale(1, "frames", decimals=0),),
        "cosine": (Scale(1, ""),),
        "points": (Scale(1, "", decimals=2),),
        "cents": (Scale(1, "cents", decimals=0),),
    }
)


def scale_for(values: Iterable[float], unit: str) -> Scale:
    """Choose one scale for values that are read together: that of the largest."""
    finite = [abs(value) for value in values if math.isfinite(value)]
    scales = SCALES.get(unit, (Scale(1, unit),))
    reached = [scale for scale in scales if scale.one <= max(finite, default=0)]
    return reached[-1] if reached else scales[0]


def text(value: float, unit: str) -> str:
    """Write one value with its suffix."""
    return scale_for([value], unit).text(value)


def interval(measurement: Measurement, scale: Scale) -> str:
    """Write the interval of a median with a dash between; empty where there was one sample."""
    if len(measurement.samples) < 2:
        return ""
    return f"{scale.number(measurement.low)}\N{EN DASH}{scale.number(measurement.high)}"


def spread(measurement: Measurement) -> str:
    """Write half the width of a median's interval in percent of the median."""
    if len(measurement.samples) < 2 or not measurement.median:
        return ""
    half = (measurement.high - measurement.low) / 2
    return text(half / abs(measurement.median), "share")


def times(ratio: float) -> str:
    """Write how many times as much something is."""
    return f"{SCALES['ratio'][0].number(ratio)} x" if math.isfinite(ratio) else MISSING


def count(number: int, noun: str) -> str:
    """Write a number of things."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def printable(words: str) -> str:
    """Put text that came from elsewhere on one line, free of control characters."""
    return "".join(char if char.isprintable() else " " for char in words)
