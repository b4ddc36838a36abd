"""A run as columns: a metric's values of all rows in arrays, as comparing many of them wants it."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from bench.comparing.ranks import Floats
from bench.results import Header, Measurement, Row

Indices = NDArray[np.intp]
KEPT = tuple(spec.name for spec in fields(Row) if spec.name != "metrics")


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
    """A column that rows are added to; plain arrays, because NumPy's do not grow."""

    rows: "array[int]" = field(default_factory=lambda: array("q"))
    medians: "array[float]" = field(default_factory=lambda: array("d"))
    counts: "array[int]" = field(default_factory=lambda: array("q"))
    samples: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, row: int, measurement: Measurement) -> None:
        """Add what was measured in a row."""
        samples = measurement.samples
        self.rows.append(row)
        self.medians.append(measurement.median)
        self.counts.append(len(samples))
        self.samples.extend(samples)

    def column(self, rows: int) -> Column:
        """Return it as a column of a run with so many rows."""
        place = np.full(rows, -1, np.intp)
        place[np.frombuffer(self.rows, np.int64)] = np.arange(len(self.rows))
        return Column(
            place,
            np.frombuffer(self.medians, np.float64),
            np.frombuffer(self.counts, np.int64),
            np.frombuffer(self.samples, np.float64),
        )


def columns_of(header: Header, rows: Iterable[Row]) -> Columns:
    """Turn a run into columns; of rows that are read one by one, only one is held at a time."""
    kept: list[Row] = []
    growing: defaultdict[str, Growing] = defaultdict(Growing)
    for number, row in enumerate(rows):
        for name, measurement in row.metrics.items():
            growing[name].add(number, measurement)
        kept.append(Row(**{name: getattr(row, name) for name in KEPT}))
    columns = {name: column.column(len(kept)) for name, column in growing.items()}
    return Columns(header, kept, columns)
