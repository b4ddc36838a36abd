"""Columns hold what rows held, whichever metrics each of them has."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.comparing.columns import columns_of
from bench.results import Case, Measurement, Outcome, Row, Run, decode_parts, encode_run, load_run

OLD = Path(__file__).parents[2] / "format1"


def row(number):
    samples = tuple(float(number + repeat) for repeat in range(1 + number % 3))
    metrics = {"rtf": Measurement(samples[0], samples[0], samples[-1], "ratio", samples)}
    if number % 4 == 1:  # a metric that most rows lack
        metrics["load_ms"] = replace(metrics["rtf"], unit="ms")
    return Row(Case("fp32", "xnnpack", f"u{number}", "tiny"), Outcome.OK, metrics=metrics)


def test_a_run_read_row_by_row_gives_the_columns_of_the_whole():
    rows = tuple(row(number) for number in range(23))
    header = load_run(OLD / "run.json").header
    content = encode_run(Run(header, rows))
    found = columns_of(*decode_parts(content, "it"))
    assert [one.case for one in found.rows] == [one.case for one in rows]
    assert not any(one.metrics for one in found.rows)
    for name, column in found.metrics.items():
        for number, one in enumerate(rows):
            place = column.place[number]
            if name not in one.metrics:
                assert place == -1
                continue
            samples = one.metrics[name].samples
            assert column.medians[place] == one.metrics[name].median
            table = column.table(np.array([place]), len(samples))
            assert tuple(table[0]) == samples
