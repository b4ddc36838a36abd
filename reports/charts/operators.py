"""Where a profile's time goes: method, delegate, kind of operator, operator, as an icicle."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.operators import operator_kind
from bench.results import Run
from reports.charts.chart import VEGA, Chart, Spec, choices_among, plottable, short
from reports.frames import PAIR, operators_frame, pair_of, pair_operators
from reports.units import text

LEVEL = 34  # pixels
DEPTHS = ("method", "delegate", "kind", "name")  # of the levels below the root
NAMED = 3  # operators in the summary
ROOT = "profile"
OUTSIDE = "outside delegates"
COLUMNS = (
    ("scheme", "Scheme"),
    ("method", "Method"),
    ("delegate", "Where"),
    ("name", "Operator"),
    ("calls", "Calls"),
    ("said", "Time"),
    ("share", "%"),
)


def operator_chart(run: Run, parts: Sequence[str]) -> Chart | None:
    """Draw the profile of each scheme, one at a time; None where nothing was profiled.

    Args:
        run: The run.
        parts: Of a case that tell its schemes apart.
    """
    operators = pair_operators(operators_frame(run))
    operators = operators[operators["total_ms"].map(plottable) & (operators["total_ms"] > 0)]
    delegates, kinds = operators["delegate"].replace("", OUTSIDE), operators["name"]
    operators = operators.assign(delegate=delegates, kind=kinds.map(operator_kind))
    profiles = {
        tuple(profile[PAIR].iloc[0]): profile for _, profile in operators.groupby(PAIR, sort=False)
    }
    rows = []
    for pair in dict.fromkeys(pair_of(row.case) for row in run.rows):
        if pair in profiles:
            scheme = " x ".join(pair[PAIR.index(part)] for part in parts)
            rows += icicle_rows(scheme, profiles[pair])
    if not rows:
        return None
    costliest = [row for row in rows if row["level"] == len(DEPTHS)][:NAMED]
    said = [f"{row['method']} {row['name']}: {row['said']}" for row in costliest]
    return Chart(
        "operators",
        "Operators of the profile",
        f"From the left the costliest of {rows[0]['scheme']}: {'; '.join(said)}.",
        spec_of(),
        rows,
        COLUMNS,
        choices_among(rows, {"scheme": "Scheme"}),
    )


def icicle_rows(scheme: str, profile: pd.DataFrame) -> list[dict[str, Any]]:
    """Divide the time of a profile by `DEPTHS`, the costliest first.

    Args:
        scheme: Whose it is.
        profile: Its lines of `reports.frames.pair_operators`, with the kind of each operator.
    """
    total = profile["total_ms"].sum()
    rows: list[dict[str, Any]] = []

    def add(lines: pd.DataFrame, name: str, start: float, labels: Mapping[str, str]) -> None:
        level, ms = len(labels), lines["total_ms"].sum()
        leaf = level == len(DEPTHS)
        rows.append(
            {
                "scheme": scheme,
                "method": "",
                "delegate": "",
                **labels,
                "name": name,
                "level": level,
                "start": short(start),
                "stop": short(start + ms),
                "calls": short(lines["calls"].sum()) if leaf else "",
                "said": text(ms, "ms"),
                "share": short(round(100 * ms / total, 1)),
            }
        )
        if leaf:
            return
        parts = [(str(key), part) for key, part in lines.groupby(DEPTHS[level], sort=False)]
        for key, part in sorted(parts, key=lambda entry: -entry[1]["total_ms"].sum()):
            add(part, key, start, {**labels, DEPTHS[level]: key})
            start += part["total_ms"].sum()

    add(profile, ROOT, 0.0, {})
    return rows


def spec_of() -> Spec:
    """Draw a row of rectangles per level; the one that is clicked fills the width."""
    place = {"scale": "x", "field": "start"}, {"scale": "x", "field": "stop"}
    width = "max(0, scale('x', datum.stop) - scale('x', datum.start) - 10)"
    tip = (
        "{'Operator': datum.name, 'Method': datum.method, 'Where': datum.delegate,"
        " 'Time': datum.said, 'Share': datum.share + ' %'}"
    )
    rectangle = {
        "x": place[0],
        "x2": place[1],
        "y": {"signal": f"datum.level * {LEVEL}"},
        "height": {"value": LEVEL - 2},
        "fill": [
            {"test": "datum.level < 2", "value": "var(--quiet)"},
            {"test": f"datum.delegate == '{OUTSIDE}'", "value": "var(--outside)"},
            {"value": "var(--accent)"},
        ],
        "fillOpacity": {"signal": "datum.level < 2 ? 0.55 : 1"},
        "stroke": {"value": "var(--card)"},
        "cornerRadius": {"value": 3},
        "cursor": {"value": "pointer"},
        "tooltip": {"signal": tip},
    }
    label = {
        "x": {"signal": "max(0, scale('x', datum.start)) + 5"},
        "y": {"signal": f"datum.level * {LEVEL} + {LEVEL // 2 - 1}"},
        "text": {"signal": f"{width} < 24 ? '' : datum.name + '  ' + datum.said"},
        "limit": {"signal": f"min({width}, width - 10)"},
        "baseline": {"value": "middle"},
        "fill": [
            {"test": "datum.level < 2", "value": "var(--ink)"},
            {"value": "var(--on-fill)"},
        ],
    }
    size = "isFinite(containerSize()[0]) ? containerSize()[0] : 600"
    return {
        "$schema": VEGA,
        "height": LEVEL * (len(DEPTHS) + 1),
        "padding": 0,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "signals": [
            {
                "name": "width",
                "init": size,
                "on": [{"events": "window:resize", "update": size}],
            },
            {
                "name": "focus",
                "value": None,
                "on": [
                    {
                        "events": "@rectangles:click",
                        "update": "datum.level ? [datum.start, datum.stop] : null",
                    }
                ],
            },
        ],
        "data": [
            {
                "name": "rows",
                "transform": [
                    {"type": "extent", "field": "stop", "signal": "span"},
                ],
            },
            {
                "name": "shown",
                "source": "rows",
                "transform": [
                    {
                        "type": "filter",
                        "expr": "!focus || (datum.stop > focus[0] && datum.start < focus[1])",
                    }
                ],
            },
        ],
        "scales": [
            {
                "name": "x",
                "range": "width",
                "zero": False,
                "domain": {"signal": "focus || [0, span[1]]"},
            }
        ],
        "marks": [
            {
                "type": "group",
                "clip": True,
                "encode": {
                    "update": {"width": {"signal": "width"}, "height": {"signal": "height"}}
                },
                "marks": [
                    {
                        "name": "rectangles",
                        "type": "rect",
                        "from": {"data": "shown"},
                        "encode": {"update": rectangle},
                    },
                    {
                        "type": "text",
                        "interactive": False,
                        "from": {"data": "shown"},
                        "encode": {"update": label},
                    },
                ],
            }
        ],
    }
