"""A run as columns: a metric's values of all rows in arrays, as comparing many of them wants it."""

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from bench.comparing.ranks import Floats
from bench.results import Header, Measurement, Row

Indices = NDArray[np.intp]
MEDIAN, SAMPLES = attrgetter("median"), attrgetter("samples")
KEPT = tuple(spec.name for spec in fields(Row) if spec.name != "metrics")
# Row numbers, medians, counts and samples of one metric, in rows that have the same metrics.
Part = tuple[Indices, Floats, Indices, Floats]


@dataclass(frozen=True, eq=False)
class Column:
    """One metric of those rows that have it.

    Attributes:
        place: (N,) by row of the run, where in the column it stands; -1 where it has none.
        medians: (M,)
        counts: (M,) how many samples each has.
        samples: Of all, one after the other.
    """

    place: Indices
    medians: Floats
    counts: Indices
    samples: Floats

    def table(self, places: Indices, count: int) -> Floats:
        """Return the samples of some rows that have equally many, (len(places), count)."""
        starts = np.cumsum(self.counts) - self.counts
        table: Floats = self.samples[starts[places][:, None] + np.arange(count)]
        return table


@dataclass(frozen=True, eq=False)
class Columns:
    """A run whose rows have left their metrics to columns.

    Attributes:
        header: Conditions.
        rows: All but their metrics.
        metrics: By name.
    """

    header: Header
    rows: Sequence[Row]
    metrics: Mapping[str, Column]


@dataclass(frozen=True, eq=False)
class Growing:
    """Rows that have the same metrics in the same order, one behind the other.

    Plain arrays, because NumPy's do not grow; a row at a time, because its values lie close
    together in memory then, and a column at a time would take twice as long.

    Attributes:
        rows: (R,) where in the run they stand.
        medians: (R x K,) of all their metrics.
        counts: (R x K,) how many samples each has.
        samples: Of all.
    """

    rows: "array[int]" = field(default_factory=lambda: array("q"))
    medians: "array[float]" = field(default_factory=lambda: array("d"))
    counts: "array[int]" = field(default_factory=lambda: array("q"))
    samples: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, row: int, measurements: Collection[Measurement]) -> None:
        """Add what was measured in a row."""
        samples = list(map(SAMPLES, measurements))
        self.rows.append(row)
        self.medians.fromlist(list(map(MEDIAN, measurements)))
        self.counts.fromlist(list(map(len, samples)))
        self.samples.fromlist(list(chain.from_iterable(samples)))

    def parts(self) -> Iterator[Part]:
        """Return each metric's share."""
        rows, samples = np.frombuffer(self.rows, np.int64), np.frombuffer(self.samples, np.float64)
        medians = np.frombuffer(self.medians, np.float64).reshape(len(rows), -1)
        counts = np.frombuffer(self.counts, np.int64).reshape(len(rows), -1)
        starts = (np.cumsum(counts) - counts.ravel()).reshape(counts.shape)
        for start, median, count in zip(starts.T, medians.T, counts.T, strict=True):
            first = np.cumsum(count) - count
            within = np.arange(count.sum()) - np.repeat(first, count)
            yield rows, median.copy(), count.copy(), samples[np.repeat(start, count) + within]


def columns_of(header: Header, rows: Iterable[Row]) -> Columns:
    """Turn a run into columns; of rows that are read one by one, only one is held at a time."""
    kept: list[Row] = []
    growing: defaultdict[tuple[str, ...], Growing] = defaultdict(Growing)
    for number, row in enumerate(rows):
        growing[tuple(row.metrics)].add(number, row.metrics.values())
        kept.append(Row(**{name: getattr(row, name) for name in KEPT}))
    parts: defaultdict[str, list[Part]] = defaultdict(list)
    for names, alike in growing.items():
        for name, part in zip(names, alike.parts(), strict=True):
            parts[name].append(part)
    columns = {name: joined(found, len(kept)) for name, found in parts.items()}
    return Columns(header, kept, columns)


def joined(parts: Sequence[Part], rows: int) -> Column:
    """Put a metric's shares together as a column of a run with so many rows."""
    numbers, medians, counts, samples = (np.concatenate(some) for some in zip(*parts, strict=True))
    place = np.full(rows, -1, np.intp)
    place[numbers] = np.arange(len(numbers))
    return Column(place, medians, counts, samples)
