"""Every repeat of every case as a dot, over the interval of the median."""

from collections.abc import Sequence
from typing import Any

from bench.results import Run
from reports.charts.chart import VEGA_LITE, Chart, Spec, choices_among, plottable, short, tooltip
from reports.columns import Column, metric_columns
from reports.frames import rows_frame
from reports.units import interval

SPREAD = ("rtf", "first_audio_ms", "load_ms", "peak_rss_bytes")
STEP = 38  # pixels per scheme
COLUMNS = (
    ("name", "Scheme"),
    ("utterance", "Utterance"),
    ("metric", "Metric"),
    ("median_said", "Median"),
    ("interval_said", "95 % interval"),
    ("samples", "Repeats"),
)


def distribution_chart(run: Run, parts: Sequence[str]) -> Chart | None:
    """Draw the repeats of each case; None where none was measured twice.

    Args:
        run: The run.
        parts: Of a case that tell its schemes apart.
    """
    frame = rows_frame(run)
    rows = [row for column in metric_columns(frame, SPREAD) for row in rows_of(run, column, parts)]
    if not rows:
        return None
    shown = [r for r in rows if all(r[f] == rows[0][f] for f in ("metric", "utterance"))]
    said = [f"{r['name']}: {r['median_said']} ({r['interval_said']})" for r in shown]
    return Chart(
        "distribution",
        "Every repeat",
        f"{rows[0]['metric']} of {rows[0]['utterance']}, median and 95 % interval."
        f" {'; '.join(said)}.",
        spec_of(len({row["name"] for row in rows})),
        rows,
        COLUMNS,
        choices_among(rows, {"metric": "Metric", "utterance": "Utterance"}),
    )


def rows_of(run: Run, column: Column, parts: Sequence[str]) -> list[dict[str, Any]]:
    """List the cases that have several samples of a metric."""
    measured = [(row.case, row.metrics.get(column.name)) for row in run.rows]
    return [
        {
            "name": " x ".join(getattr(case, part) for part in parts),
            "utterance": case.utterance,
            "metric": column.title,
            "median": short(m.median / column.scale.one),
            "low": short(m.low / column.scale.one),
            "high": short(m.high / column.scale.one),
            "median_said": column.scale.text(m.median),
            "interval_said": interval(m, column.scale),
            "samples": [short(value / column.scale.one) for value in m.samples],
        }
        for case, m in measured
        if m and len(m.samples) > 1 and all(map(plottable, (m.low, m.high, *m.samples)))
    ]


def spec_of(schemes: int) -> Spec:
    """Lay the dots of each scheme over its interval and its median."""
    shared = {
        "type": "quantitative",
        "title": None,
        "scale": {"zero": False, "padding": 12},
        "axis": {"tickCount": 5},
    }
    band = {"type": "bar", "height": 18, "cornerRadius": 4, "color": "var(--accent-soft)"}
    middle = {"type": "tick", "size": 24, "thickness": 2, "color": "var(--accent)"}
    dot = {"type": "circle", "size": 36, "opacity": 0.75, "color": "var(--ink)"}
    spread = {"field": "jitter", "type": "quantitative", "scale": {"domain": [-1.5, 1.5]}}
    tips = tooltip([("name", "Scheme"), ("median_said", "Median"), ("interval_said", "95 %")])
    return {
        "$schema": VEGA_LITE,
        "width": "container",
        "height": STEP * schemes,
        "encoding": {
            "y": {"field": "name", "type": "nominal", "title": None, "sort": None},
        },
        "layer": [
            {
                "mark": band,
                "encoding": {
                    "x": {"field": "low", **shared},
                    "x2": {"field": "high"},
                    "tooltip": tips,
                },
            },
            {"mark": middle, "encoding": {"x": {"field": "median", **shared}, "tooltip": tips}},
            {
                "transform": [
                    {"calculate": "sequence(1, length(datum.samples) + 1)", "as": "numbers"},
                    {"flatten": ["samples", "numbers"], "as": ["sample", "number"]},
                    # Dots of nearly the same value lie above one another; no randomness.
                    {"calculate": "(datum.number * 2) % 3 - 1", "as": "jitter"},
                ],
                "mark": dot,
                "encoding": {
                    "x": {"field": "sample", **shared},
                    "yOffset": spread,
                    "tooltip": tooltip([("number", "Repeat"), ("sample", "Value")]),
                },
            },
        ],
    }
