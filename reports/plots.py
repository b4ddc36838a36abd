"""The geometry of scatter plots: a frame in, places of marks out; the page's template draws them.

Coordinates are in the units of an SVG `viewBox`, y downwards.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.metrics import METRICS
from reports.columns import metric_columns
from reports.frames import on_front
from reports.summary import name_of
from reports.units import Scale, scale_for, text

WIDTH, HEIGHT = 360, 280
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 32, 44  # margins of a panel
LETTER, LINE = 7.2, 12  # size of a label's letters, a little generous
GAP = 9  # between a mark and its label
MOST_TICKS = 5
LINEAR_SPAN = 8  # RTFs that differ more get a logarithmic axis
PLOTTABLE = 1e18  # beyond, a number is no measurement
# One per backend, as paths around (0, 0).
MARKERS = (
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "M-4.5 -4.5h9v9h-9z",
    "M0 -6l6 6l-6 6l-6 -6z",
    "M0 -6l5.5 10h-11z",
)


@dataclass(frozen=True)
class Axis:
    """One axis of a panel.

    Attributes:
        title: With unit.
        ticks: Values.
        labels: Their texts.
        start: Where the first tick is, in the panel.
        end: Where the last one is.
        logarithmic: Whether equal distances are equal ratios.
    """

    title: str
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    start: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Find the place of a value."""
        first, at, last = self.ticks[0], value, self.ticks[-1]
        if self.logarithmic:
            first, at, last = math.log(first), math.log(at), math.log(last)
        share = (at - first) / (last - first)
        return round(self.start + share * (self.end - self.start), 1)


@dataclass(frozen=True)
class Label:
    """A text beside a mark: where it starts, ends or is centred, as `anchor` says."""

    x: float
    y: float
    anchor: str


@dataclass(frozen=True)
class Mark:
    """One scheme in a panel.

    Attributes:
        x: Place.
        y: Place.
        name: Of the scheme.
        tip: Its values in words.
        marker: Shape, one of `MARKERS`.
        complete: Whether every case of the scheme went well.
        pareto: Whether no other scheme beats it in everything.
        label: Where its name stands; None where there is no room.
    """

    x: float
    y: float
    name: str
    tip: str
    marker: str
    complete: bool
    pareto: bool
    label: Label | None


@dataclass(frozen=True)
class Panel:
    """A scatter plot of two metrics.

    Attributes:
        title: What it shows.
        description: The same in words, for those who do not see it.
        x: Axis.
        y: Axis.
        marks: Schemes.
        front: Points of the line through the complete schemes that are best in these two metrics.
    """

    title: str
    description: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    front: str


def ticks_over(low: float, high: float) -> tuple[float, ...]:
    """Choose round values that span an interval: 1, 2 or 5 times a power of ten apart."""
    raw = (high - low) / MOST_TICKS
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return tuple(number * step for number in range(first, last + 1))


def ratio_ticks_over(low: float, high: float) -> tuple[float, ...]:
    """Choose round values that span an interval: 1, 2 and 5 times powers of ten, or these only."""
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    steps = (1, 2, 5) if high < low * 200 else (1,)
    values = [step * 10.0**power for power in powers for step in steps]
    values.append(10.0 ** (powers[-1] + 1))
    first = max(number for number, value in enumerate(values) if value <= low)
    last = min(number for number, value in enumerate(values) if value >= high)
    return tuple(values[first : last + 1])


def axis_over(values: Sequence[float], scale: Scale, title: str, start: float, end: float) -> Axis:
    """Fit an axis to values: from zero, unless they are far from it and close together."""
    least, most = min(values), max(values)
    room = (most - least) / 6 or abs(most) / 6 or scale.one
    low = least - room if least > 0.6 * most and least != most else min(0.0, least)
    in_scale = ticks_over(low / scale.one, (most + room / 2) / scale.one)
    decimals = max(0, -math.floor(math.log10(in_scale[1] - in_scale[0]) + 1e-9))
    labels = tuple(f"{tick:,.{decimals}f}" for tick in in_scale)
    return Axis(title, tuple(tick * scale.one for tick in in_scale), labels, start, end)


def ratio_axis_over(values: Sequence[float], title: str, start: float, end: float) -> Axis:
    """Fit a logarithmic axis to positive values without a unit."""
    ticks = ratio_ticks_over(min(values) / 1.1, max(values) * 1.1)
    labels = tuple(f"{tick:,g}" for tick in ticks)
    return Axis(f"{title}, logarithmic", ticks, labels, start, end, logarithmic=True)


def speed_axis(values: Sequence[float]) -> Axis:
    """Fit the axis of RTF, a logarithmic one where it spans backends of quite another speed."""
    title, start, end = METRICS["rtf"].label, LEFT, WIDTH - RIGHT
    if 0 < min(values) < max(values) / LINEAR_SPAN:
        return ratio_axis_over(values, title, start, end)
    return axis_over(values, scale_for(values, METRICS["rtf"].unit), title, start, end)


def trade_off(schemes: pd.DataFrame, names: pd.Series, y_metric: str) -> Panel | None:
    """Draw speed against another metric, less being better in both.

    Args:
        schemes: `reports.frames.schemes_frame`.
        names: What to write beside each line's mark.
        y_metric: Column of it.

    Returns:
        The panel; None where fewer than two schemes have both.
    """
    pairs = schemes[["rtf", y_metric]]
    shown = schemes[pairs.notna().all(axis=1) & (pairs.abs() < PLOTTABLE).all(axis=1)]
    if len(shown) < 2:
        return None
    (column,) = metric_columns(shown, [y_metric])
    x = speed_axis(list(shown["rtf"]))
    y = axis_over(list(shown[y_metric]), column.scale, column.title, HEIGHT - BOTTOM, TOP)
    lines = shown.assign(name=names[shown.index]).to_dict("records")
    places = [(x.place(line["rtf"]), y.place(line[y_metric])) for line in lines]
    labels = place_labels(places, [line["name"] for line in lines])
    markers = markers_of(schemes)
    marks = tuple(
        Mark(
            *place,
            line["name"],
            f"{name_of(line)}: RTF {text(line['rtf'], METRICS['rtf'].unit)},"
            f" {column.label} {text(line[y_metric], METRICS[y_metric].unit)}",
            markers[line["backend"]],
            line["ok"] == line["cases"],
            bool(line["pareto"]),
            label,
        )
        for line, place, label in zip(lines, places, labels, strict=True)
    )
    complete = shown["ok"] == shown["cases"]
    on_line = on_front(shown[["rtf", y_metric]].where(complete, axis=0).to_numpy())
    best = sorted(place for place, on in zip(places, on_line, strict=True) if on)
    title = f"{column.label} against speed"
    return Panel(title, ". ".join(mark.tip for mark in marks), x, y, marks, staircase(best))


def markers_of(schemes: pd.DataFrame) -> dict[str, str]:
    """Give each backend a shape."""
    backends = dict.fromkeys(schemes["backend"])
    return dict(zip(backends, itertools.cycle(MARKERS), strict=False))


def staircase(points: Sequence[tuple[float, float]]) -> str:
    """Write the corner-to-corner line through points of a front, as `points` of a polyline."""
    corners = [points[0]] if points else []
    for (_, before_y), (x, y) in itertools.pairwise(points):
        corners += [(x, before_y), (x, y)]
    return " ".join(f"{x:g},{y:g}" for x, y in corners)


Box = tuple[float, float, float, float]


def place_labels(places: Sequence[tuple[float, float]], names: Sequence[str]) -> list[Label | None]:
    """Put each name beside its mark where it covers neither a mark nor another name."""
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in places]
    labels: list[Label | None] = []
    for (x, y), name in zip(places, names, strict=True):
        wide = len(name) * LETTER
        candidates = (
            (Label(x + GAP, y + 4, "start"), x + GAP),
            (Label(x - GAP, y + 4, "end"), x - GAP - wide),
            (Label(x, y - GAP, "middle"), x - wide / 2),
            (Label(x, y + GAP + LINE - 3, "middle"), x - wide / 2),
        )
        chosen = None
        for label, left in candidates:
            box = (left, label.y - LINE + 2, left + wide, label.y + 2)
            inside = left >= LEFT and left + wide <= WIDTH - 2 and box[1] >= 0
            if inside and not any(overlap(box, other) for other in taken):
                taken.append(box)
                chosen = label
                break
        labels.append(chosen)
    return labels


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes (left, top, right, bottom) share any ground."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
