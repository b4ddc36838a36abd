"""Speed against distance, memory and size: which schemes no other beats."""

import itertools
from collections.abc import Sequence
from typing import Any

import pandas as pd

from reports.charts.chart import (
    VEGA_LITE,
    Chart,
    Spec,
    choices_among,
    plottable,
    short,
    tooltip,
)
from reports.columns import Column, metric_columns
from reports.frames import on_front
from reports.units import text

SPEEDS = ("rtf", "first_audio_ms")
DISTANCES = ("lsd_db", "mcd_db", "wer")
COSTS = ("peak_rss_bytes", "pte_bytes", "load_ms")
LINEAR_SPAN = 8  # speeds that differ more get a logarithmic axis
SHAPES = ("circle", "square", "diamond", "triangle-up")  # one per backend
HEIGHT = 300
COLUMNS = (
    ("name", "Scheme"),
    ("x_said", "Speed"),
    ("y_said", "Against"),
    ("size_said", "Size"),
    ("pareto_said", "Pareto"),
    ("cases", "Cases"),
)

Row = dict[str, Any]


def trade_off_charts(schemes: pd.DataFrame, names: Sequence[str]) -> list[Chart]:
    """Draw what speed costs, less being better in everything.

    Args:
        schemes: `reports.frames.schemes_frame`.
        names: What to call each of its lines.

    Returns:
        Distance and cost, each against speed; what fewer than two schemes have is left out.
    """
    named = schemes.assign(name=names)
    charts = (
        trade_off("distance", "Distance from fp32 against speed", named, DISTANCES, from_zero=True),
        trade_off("cost", "Memory, size and loading against speed", named, COSTS, from_zero=False),
    )
    return [chart for chart in charts if chart]


def trade_off(
    name: str, title: str, schemes: pd.DataFrame, metrics: Sequence[str], *, from_zero: bool
) -> Chart | None:
    """Draw some metrics against speed; None where there is nothing to compare."""
    pairs = itertools.product(metric_columns(schemes, SPEEDS), metric_columns(schemes, metrics))
    panels = [rows for pair in pairs if (rows := pair_rows(schemes, *pair))]
    if not panels:
        return None
    rows = [row for panel in panels for row in panel]
    said = [f"{r['name']}: {r['x_said']}, {r['y_said']}, {r['pareto_said']}" for r in panels[0]]
    return Chart(
        name,
        title,
        f"Less is better in both. {'; '.join(said)}.",
        spec_of(rows, from_zero=from_zero),
        rows,
        COLUMNS,
        choices_among(rows, {"y_title": "Show", "x_title": "against"}),
    )


def pair_rows(schemes: pd.DataFrame, speed: Column, metric: Column) -> list[Row]:
    """List the schemes that have both numbers; none where they are fewer than two."""
    known = schemes[[speed.name, metric.name]].map(plottable).all(axis=1)
    shown = schemes[known]
    complete = shown["ok"] == shown["cases"]
    costs = shown[[speed.name, metric.name]].where(complete, axis=0)
    on_line = on_front(costs.to_numpy())
    rows = [
        {
            "name": line["name"],
            "backend": line["backend"],
            "x": short(line[speed.name] / speed.scale.one),
            "y": short(line[metric.name] / metric.scale.one),
            "x_title": speed.title,
            "y_title": metric.title,
            "x_said": f"{speed.label} {speed.scale.text(line[speed.name])}",
            "y_said": f"{metric.label} {metric.scale.text(line[metric.name])}",
            "size": short(line["pte_bytes"]) if plottable(line["pte_bytes"]) else None,
            "size_said": text(line["pte_bytes"], "bytes"),
            "pareto": bool(line["pareto"]),
            "pareto_said": "not beaten" if line["pareto"] else "beaten",
            "complete": bool(line["ok"] == line["cases"]),
            "cases": f"{line['ok']}/{line['cases']}",
            "front": bool(front),
        }
        for line, front in zip(shown.to_dict("records"), on_line, strict=True)
    ]
    return rows if len(rows) > 1 else []


def spec_of(rows: Sequence[Row], *, from_zero: bool) -> Spec:
    """Put schemes as marks, larger for a larger .pte, on a line through the best of them."""
    speeds = [row["x"] for row in rows if row["x_title"] == rows[0]["x_title"]]
    far_apart = 0 < min(speeds) < max(speeds) / LINEAR_SPAN
    scale = {"type": "log"} if far_apart else {"zero": False, "padding": 24}
    room = {"zero": True} if from_zero else {"zero": False, "padding": 24}
    backends = list(dict.fromkeys(row["backend"] for row in rows))
    shapes = list(itertools.islice(itertools.cycle(SHAPES), len(backends)))
    legend = {"title": None, "symbolFillColor": "var(--soft)", "symbolStrokeWidth": 0}
    size = {"field": "size", "type": "quantitative", "legend": None}
    line = {"type": "line", "interpolate": "step-after", "color": "var(--accent)", "opacity": 0.45}
    point = {"type": "point", "opacity": 1, "strokeWidth": 1.75}
    label = {"type": "text", "fontSize": 12, "color": "var(--ink)"}
    return {
        "$schema": VEGA_LITE,
        "width": "container",
        "height": HEIGHT,
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "scale": scale, "axis": {"tickCount": 5}},
            "y": {"field": "y", "type": "quantitative", "scale": room, "axis": {"tickCount": 5}},
        },
        "layer": [
            {"transform": [{"filter": "datum.front"}], "mark": line},
            {
                "name": "points",
                "mark": point,
                "encoding": {
                    "shape": {
                        "field": "backend",
                        "type": "nominal",
                        "scale": {"domain": backends, "range": shapes},
                        "legend": legend if len(backends) > 1 else None,
                    },
                    "size": {**size, "scale": {"range": [70, 420], "zero": True}},
                    "fill": {
                        "condition": {"test": "datum.pareto", "value": "var(--accent)"},
                        "value": "var(--card)",
                    },
                    "stroke": {
                        "condition": {"test": "datum.pareto", "value": "var(--card)"},
                        "value": "var(--soft)",
                    },
                    "strokeDash": {
                        "condition": {"test": "datum.complete", "value": [1, 0]},
                        "value": [3, 2],
                    },
                    "tooltip": tooltip(COLUMNS),
                },
            },
            {"name": "labels", "mark": label, "encoding": {"text": {"field": "name"}}},
        ],
    }
