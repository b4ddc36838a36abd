"""Where the time goes: the stages of a synthesis, stacked."""

from collections.abc import Sequence
from typing import Any

from bench.metrics import METRICS
from bench.results import Outcome, Run
from model.config import FRAME_RATE_HZ
from model.generate import STAGES
from reports.charts.chart import VEGA_LITE, Chart, Spec, choices_among, plottable, short, tooltip
from reports.frames import PAIR, rows_frame
from reports.units import scale_for, text

STEP = 34  # pixels per scheme
LETTER = 8  # pixels, a little generous
TOTAL = 78  # pixels that a total takes behind its bar
COLUMNS = (("name", "Scheme"), ("stage", "Stage"), ("said", "Per second of speech"), ("share", "%"))


def stage_chart(run: Run, parts: Sequence[str]) -> Chart | None:
    """Stack the stages of each scheme: milliseconds per second of speech, mean over utterances.

    Per second of speech, schemes can be compared even where an utterance is missing. Backends can
    be tens of times apart, so one is shown at a time.

    Args:
        run: The run.
        parts: Of a case that tell its schemes apart.
    """
    rows = stage_rows(run, parts)
    if not rows:
        return None
    totals = {(row["name"], row["backend"]): row["total_said"] for row in rows}
    said = [f"{name}: {total}" for (name, _), total in totals.items()]
    return Chart(
        "stages",
        "Time per second of speech, by stage",
        f"{'; '.join(said)}.",
        spec_of(len({row["name"] for row in rows})),
        rows,
        COLUMNS,
        choices_among(rows, {"backend": "Backend"}),
    )


def stage_labels() -> list[str]:
    """Name the stages as people read them."""
    return [METRICS[f"{stage}_ms"].label for stage in STAGES]


def stage_rows(run: Run, parts: Sequence[str]) -> list[dict[str, Any]]:
    """List the stages of each scheme with where they start and stop in its bar."""
    frame = rows_frame(run)
    measured = frame[(frame["outcome"] == Outcome.OK) & (frame["audio_frames"] > 0)]
    columns = [f"{stage}_ms" for stage in STAGES]
    audio_s = measured["audio_frames"] / FRAME_RATE_HZ
    rates = measured[columns].fillna(0).div(audio_s, axis=0)
    means = rates.join(measured[PAIR]).groupby(PAIR, sort=False).mean()
    totals = means.sum(axis=1)
    scales = {
        backend: scale_for(own, "ms") for backend, own in totals.groupby("backend", sort=False)
    }
    rows = []
    for line in means.reset_index().to_dict("records"):
        total = sum(line[column] for column in columns)
        if not plottable(total) or total <= 0:
            continue
        scale = scales[line["backend"]]
        stop = 0.0
        for number, (label, column) in enumerate(zip(stage_labels(), columns, strict=True)):
            start, stop = stop, stop + line[column]
            rows.append(
                {
                    "name": " x ".join(line[part] for part in parts),
                    "backend": line["backend"],
                    "stage": label,
                    "number": number,
                    "start": short(start / scale.one),
                    "stop": short(stop / scale.one),
                    "said": text(line[column], "ms"),
                    "share": short(round(100 * line[column] / total, 1)),
                    "total": short(total / scale.one),
                    "x_title": f"{scale.suffix} per second of speech",
                    "total_said": text(total, "ms"),
                }
            )
    return rows


def spec_of(schemes: int) -> Spec:
    """Stack coloured bars, name the wide ones, and write the total behind the last."""
    labels = stage_labels()
    colours = [f"var(--s{number})" for number in range(len(labels))]
    pixels = f"(datum.stop - datum.start) / datum.widest * (width - {TOTAL})"
    return {
        "$schema": VEGA_LITE,
        "width": "container",
        "height": STEP * schemes,
        "transform": [
            {"joinaggregate": [{"op": "max", "field": "total", "as": "widest"}]},
            {"calculate": "(datum.start + datum.stop) / 2", "as": "middle"},
        ],
        "encoding": {
            "x": {"type": "quantitative", "scale": {"nice": False}, "axis": {"tickCount": 5}},
            "y": {"field": "name", "type": "nominal", "title": None, "sort": None},
        },
        "layer": [
            {
                "mark": {"type": "bar", "height": 24, "stroke": "var(--card)", "strokeWidth": 1},
                "encoding": {
                    "x": {"field": "start"},
                    "x2": {"field": "stop"},
                    "color": {
                        "field": "stage",
                        "type": "nominal",
                        "scale": {"domain": labels, "range": colours},
                        "legend": {"title": None},
                    },
                    "tooltip": tooltip(COLUMNS),
                },
            },
            {
                "mark": {"type": "text", "color": "var(--on-fill)", "fontWeight": 600},
                "encoding": {
                    "x": {"field": "middle"},
                    "text": {
                        "condition": {
                            "test": f"{pixels} > {LETTER} * length(datum.stage)",
                            "field": "stage",
                        },
                        "value": "",
                    },
                },
            },
            {
                # Unseen, so that the axis leaves room for the totals.
                "transform": [
                    {"calculate": f"datum.widest * width / max(width - {TOTAL}, 1)", "as": "room"}
                ],
                "mark": {"type": "point", "opacity": 0, "tooltip": None},
                "encoding": {"x": {"field": "room"}},
            },
            {
                "transform": [{"filter": "datum.number == 0"}],
                "mark": {"type": "text", "align": "left", "dx": 6, "fontWeight": 600},
                "encoding": {
                    "x": {"field": "total"},
                    "text": {"field": "total_said"},
                },
            },
        ],
    }
