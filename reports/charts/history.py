"""How numbers went from run to run, and where they took a step."""

from typing import Any

import numpy as np

from bench.comparing.history import History, Series, title, verdict
from bench.metrics import METRICS
from reports.charts.chart import VEGA_LITE, Chart, Spec, choices_among, plottable, short, tooltip
from reports.history import conditions_matter, share
from reports.units import scale_for

HEIGHT = 240
FEWEST = 2  # points of a series
MOST_POINTS = 20_000  # of all series: a page must not grow without end
NEWEST = 200  # points of a series
COLUMNS = (
    ("run", "Run"),
    ("started", "Started"),
    ("commit", "Commit"),
    ("said", "Median"),
    ("interval_said", "95 % interval"),
    ("change", "Change"),
)


def history_chart(history: History) -> Chart | None:
    """Draw each series over the runs, with its levels and the steps between them.

    Args:
        history: What was read, of one device.

    Returns:
        The chart; None where no series has two points.
    """
    series = [one for one in history.series if len(one.runs) >= FEWEST]
    series.sort(key=lambda one: (list(METRICS).index(one.line.metric), not one.steps))
    newest = max(FEWEST, min(NEWEST, MOST_POINTS // max(1, len(series))))
    rows = [row for one in series for row in series_rows(history, one, newest)]
    if not rows:
        return None
    steps = [f"{row['case']}, {row['run']}: {row['change']}" for row in rows if row["change"]]
    return Chart(
        "history",
        "From run to run",
        f"{'; '.join(steps[:3]) if steps else 'No number took a step'}.",
        spec_of(),
        rows,
        COLUMNS,
        choices_among(rows, {"metric": "Metric", "case": "Case"}),
    )


def series_rows(history: History, series: Series, newest: int) -> list[dict[str, Any]]:
    """List the newest points of a series, each with its level, and with the step that it begins."""
    unlike = conditions_matter(history)
    line, runs = series.line, [history.runs[place] for place in series.runs]
    label = METRICS[line.metric].label if line.metric in METRICS else line.metric
    scale = scale_for(series.median, line.unit)
    steps = {step.place: step for step in series.steps}
    level = series.steps[0].before if series.steps else float(np.median(series.median))
    rows = []
    for place, run in enumerate(runs):
        step = steps.get(place)
        level = step.after if step else level
        numbers = [float(ends[place]) for ends in (series.median, series.low, series.high)]
        if place < len(runs) - newest or not all(map(plottable, numbers)):
            continue
        median, low, high = (short(number / scale.one) for number in numbers)
        went = verdict(line.metric, step.before, step.after) if step else ""
        rows.append(
            {
                "case": title(line) + (f" ({line.conditions})" if unlike else ""),
                "metric": f"{label} ({scale.suffix})" if scale.suffix else label,
                "run": run.run,
                "started": run.started_at[:16].replace("T", " "),
                "commit": run.commit[:7],
                "median": median,
                "low": low,
                "high": high,
                "level": short(level / scale.one),
                "said": scale.text(numbers[0]),
                "interval_said": f"{scale.number(numbers[1])}\N{EN DASH}{scale.number(numbers[2])}",
                "change": f"{share(step.before, step.after)} {went}" if step else "",
                "went": went,
            }
        )
    return rows


def spec_of() -> Spec:
    """Draw the interval as a band, medians as dots, levels as a line, steps as labelled rules."""
    run = {
        "field": "run",
        "type": "nominal",
        "sort": None,
        "title": "run",
        # Runs are called NUMBER_COMMIT_TAG.
        "axis": {
            "labelExpr": "split(datum.label, '_')[0]",
            "labelAngle": 0,
            "labelOverlap": True,
        },
        "scale": {"type": "point", "padding": 0.5},
    }
    value = {"type": "quantitative", "title": None, "scale": {"zero": False, "padding": 16}}
    went = {
        "condition": [
            {"test": "datum.went == 'worse'", "value": "var(--bad)"},
            {"test": "datum.went == 'better'", "value": "var(--good)"},
        ],
        "value": "var(--soft)",
    }
    begun = [{"filter": "datum.change != ''"}]
    return {
        "$schema": VEGA_LITE,
        "width": "container",
        "height": HEIGHT,
        "encoding": {"x": run},
        "layer": [
            {
                "mark": {"type": "area", "color": "var(--accent)", "opacity": 0.18},
                "encoding": {"y": {"field": "low", **value}, "y2": {"field": "high"}},
            },
            {
                "mark": {
                    "type": "line",
                    "interpolate": "step",
                    "strokeWidth": 2,
                    "color": "var(--soft)",
                },
                "encoding": {"y": {"field": "level", **value}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 50, "color": "var(--accent)"},
                "encoding": {"y": {"field": "median", **value}, "tooltip": tooltip(COLUMNS)},
            },
            {
                "transform": begun,
                "mark": {"type": "rule", "strokeDash": [5, 3], "strokeWidth": 1.5},
                "encoding": {"color": went},
            },
            {
                "transform": begun,
                "mark": {"type": "text", "align": "right", "dx": -6, "y": 8, "fontWeight": 600},
                "encoding": {"text": {"field": "change"}, "color": went},
            },
        ],
    }
