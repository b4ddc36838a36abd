"""Whether the device changed while it was measured: RTF from round to round."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from bench.results import Row, Run
from reports.charts.chart import VEGA_LITE, Chart, Spec, plottable, short, tooltip
from reports.units import text

FEWEST = 3  # rounds
HEIGHT = 200
COLUMNS = (("name", "Scheme"), ("round", "Round"), ("said", "RTF against the median"))


def round_chart(run: Run, parts: Sequence[str]) -> Chart | None:
    """Draw how far each round's RTF lies from its case's median, mean over utterances.

    Cases are measured in rounds, so that a device that grows hot, or is used by others, shows as a
    slope or a step that all schemes share. None where there were too few rounds.

    Args:
        run: The run.
        parts: Of a case that tell its schemes apart.
    """
    repeats = run.header.schedule.repeats
    cases: defaultdict[str, list[Row]] = defaultdict(list)
    for row in run.rows:
        measured = row.metrics.get("rtf")
        if measured and measured.median > 0 and len(measured.samples) == repeats:
            cases[" x ".join(getattr(row.case, part) for part in parts)].append(row)
    rows = [line for name, of_name in cases.items() for line in round_rows(name, of_name)]
    if repeats < FEWEST or not rows:
        return None
    worst = max(rows, key=lambda row: abs(row["change"]))
    return Chart(
        "rounds",
        "RTF from round to round",
        f"Farthest from its median is {worst['name']} in round {worst['round']}: {worst['said']}.",
        spec_of(list(cases)),
        rows,
        COLUMNS,
    )


def round_rows(name: str, of_name: Sequence[Row]) -> list[dict[str, Any]]:
    """Take the mean over a scheme's cases of each round's distance from the median."""
    measured = [row.metrics["rtf"] for row in of_name]
    changes = [
        fmean(value / m.median - 1 for m, value in zip(measured, of_round, strict=True))
        for of_round in zip(*(m.samples for m in measured), strict=True)
    ]
    return [
        {
            "name": name,
            "round": number,
            "change": short(change),
            "said": f"{'+' if change >= 0 else ''}{text(change, 'share')}",
        }
        for number, change in enumerate(changes, 1)
        if plottable(change)
    ]


def spec_of(names: Sequence[str]) -> Spec:
    """Draw a line per scheme over a line of no change."""
    colours = [f"var(--s{number % 7})" for number in range(len(names))]
    line = {"type": "line", "point": {"size": 45}, "strokeWidth": 2}
    name = {
        "field": "name",
        "type": "nominal",
        "scale": {"domain": list(names), "range": colours},
        "legend": {"title": None},
    }
    return {
        "$schema": VEGA_LITE,
        "width": "container",
        "height": HEIGHT,
        "layer": [
            {
                "mark": {"type": "rule", "color": "var(--soft)", "strokeDash": [4, 3]},
                "encoding": {"y": {"datum": 0}},
            },
            {
                "mark": line,
                "encoding": {
                    "x": {
                        "field": "round",
                        "type": "ordinal",
                        "title": "round",
                        "axis": {"labelAngle": 0},
                    },
                    "y": {
                        "field": "change",
                        "type": "quantitative",
                        "title": "RTF against its median",
                        "axis": {"format": "+.2~p", "tickCount": 5},
                    },
                    "color": name,
                    "shape": {**name, "scale": {"domain": list(names)}},
                    "tooltip": tooltip(COLUMNS),
                },
            },
        ],
    }
