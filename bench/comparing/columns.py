"""A run as columns: a metric's values of all rows in arrays, as comparing many of them wants it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from bench.comparing.ranks import Floats
from bench.results import Header, Measurement, Row

Indices = NDArray[np.intp]
CHUNK = 200  # rows whose metrics are gathered at once: few enough to stay in the cache


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


def columns_of(header: Header, rows: Iterable[Row]) -> Columns:
    """Turn a run into columns; of rows that are read one by one, only some are held at a time."""
    kept: list[Row] = []
    parts: dict[str, list[tuple[int, Column]]] = {}
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        metrics = [row.metrics for row in chunk]
        for name in dict.fromkeys(chain.from_iterable(metrics)):
            column = column_of([found.get(name) for found in metrics])
            parts.setdefault(name, []).append((len(kept), column))
        kept += [replace(row, metrics={}) for row in chunk]
    columns = {name: joined(found, len(kept)) for name, found in parts.items()}
    return Columns(header, kept, columns)


def column_of(measurements: Sequence[Measurement | None]) -> Column:
    """Put one metric of some rows, None where they have it not, into a column."""
    found = [measurement for measurement in measurements if measurement is not None]
    has = np.array([measurement is not None for measurement in measurements])
    samples = [measurement.samples for measurement in found]
    counts = np.fromiter(map(len, samples), np.intp, len(samples))
    return Column(
        np.where(has, np.cumsum(has) - 1, -1),
        np.array([measurement.median for measurement in found], np.float64),
        counts,
        np.fromiter(chain.from_iterable(samples), np.float64, int(counts.sum())),
    )


def joined(parts: Sequence[tuple[int, Column]], rows: int) -> Column:
    """Put columns of parts of a run, each with the number of its first row, into one."""
    place, before = np.full(rows, -1, np.intp), 0
    for start, column in parts:
        its = place[start : start + len(column.place)]
        its[:] = np.where(column.place < 0, -1, column.place + before)
        before += len(column.medians)
    columns = [column for _, column in parts]
    return Column(
        place,
        np.concatenate([column.medians for column in columns]),
        np.concatenate([column.counts for column in columns]),
        np.concatenate([column.samples for column in columns]),
    )
