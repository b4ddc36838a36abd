"""A run as columns: a metric's values of all rows in arrays, as comparing many of them wants it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from bench.comparing.ranks import Floats
from bench.results import Header, Measurement, Row, Run

Indices = NDArray[np.intp]


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


def columns_of(run: Run) -> Columns:
    """Turn a run into columns. What is not held elsewhere of the run is free afterwards."""
    metrics = [row.metrics for row in run.rows]
    names = dict.fromkeys(chain.from_iterable(metrics))
    columns = {name: column_of([found.get(name) for found in metrics]) for name in names}
    return Columns(run.header, [replace(row, metrics={}) for row in run.rows], columns)


def column_of(measurements: Sequence[Measurement | None]) -> Column:
    """Put one metric of all rows, None where they have it not, into a column."""
    found = [measurement for measurement in measurements if measurement is not None]
    has = np.array([measurement is not None for measurement in measurements])
    counts = np.array([len(measurement.samples) for measurement in found], np.intp)
    samples = chain.from_iterable(measurement.samples for measurement in found)
    return Column(
        np.where(has, np.cumsum(has) - 1, -1),
        np.array([measurement.median for measurement in found], np.float64),
        counts,
        np.fromiter(samples, np.float64, int(counts.sum())),
    )
