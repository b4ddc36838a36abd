"""A history as tables for the terminal, or as one JSON document."""

import io
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.comparing.changes import Step
from bench.comparing.history import History, Series, title, verdict
from bench.metrics import METRICS
from bench.warnings import FEWEST_REPEATS
from reports.units import printable, scale_for

BARS = "▁▂▃▄▅▆▇█"
SHOWN = 16  # newest points that a line draws
STYLES = {"worse": "red", "better": "green", "changed": "yellow"}


def draw_history(history: History, last: int) -> str:
    """Draw tables, as wide as the terminal is.

    Args:
        history: What was read.
        last: Newest runs to list of each series; 0 for none.
    """
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=sys.stdout.isatty(), highlight=False)
    console.print(overview(history))
    for series in history.series if last else ():
        console.print(points_table(history, series, last))
    for line in changes_of(history):
        console.print(line, soft_wrap=True)
    for failure in history.failures:
        case = f"{failure.scheme} x {failure.backend} · {failure.utterance}"
        console.print(Text(printable(f"{case}: {failure.outcome}: {failure.reason}"), "red"))
    return drawn.getvalue()


def overview(history: History) -> Table:
    """One line per series: how many runs, the course of the newest, the newest value."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    several = len({one.line.device for one in history.series}) > 1
    unlike = conditions_matter(history)
    heads = ["Device"] * several + ["Case", "Metric", "Runs", f"Newest {SHOWN}", "Now", "Level", ""]
    for head in heads:
        table.add_column(head, justify="right" if head in ("Runs", "Now", "Level") else "left")
    for one in history.series:
        scale = scale_for(one.median, one.line.unit)
        place = one.steps[-1].place if one.steps else 0
        level = sorted(one.median[place:])[(len(one.median) - place) // 2]
        case = title(one.line) + (f" ({one.line.conditions})" if unlike else "")
        label = METRICS[one.line.metric].label if one.line.metric in METRICS else one.line.metric
        cells = [one.line.device] * several + [
            case, label, str(len(one.median)), course(one), scale.text(float(one.median[-1])),
            scale.text(float(level)), mark(one),
        ]  # fmt: skip
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def conditions_matter(history: History) -> bool:
    """Whether two series differ in nothing but their conditions."""
    names = [(one.line.device, title(one.line), one.line.metric) for one in history.series]
    return len(set(names)) < len(names)


def course(series: Series) -> str:
    """Draw the newest points as bars between their smallest and largest."""
    newest = series.median[-SHOWN:]
    low, span = float(newest.min()), float(newest.max() - newest.min())
    if span == 0:
        return BARS[0] * len(newest)
    return "".join(BARS[int((value - low) / span * (len(BARS) - 1))] for value in newest)


def mark(series: Series) -> str:
    """Say in a few words what was found."""
    words = []
    if series.steps:
        step = series.steps[-1]
        words.append(f"{share(step.before, step.after)} {which(series, step.before, step.after)}")
        if len(series.steps) > 1:
            words.append(f"{len(series.steps) - 1} earlier")
    if series.drift:
        drift = series.drift
        words.append(f"drifts {share(drift.before, drift.after)}")
    few = int((~series.judged).sum())
    if few:
        words.append(f"{few} not judged: under {FEWEST_REPEATS} repeats")
    return ", ".join(words)


def changes_of(history: History) -> Iterable[Text]:
    """Tell every step, newest first, and every drift; cases that went together in one line."""
    steps: defaultdict[tuple[int, str, str], list[tuple[Series, Step]]] = defaultdict(list)
    for series in history.series:
        for step in series.steps:
            went = which(series, step.before, step.after)
            steps[int(series.runs[step.place]), series.line.metric, went].append((series, step))
    for (place, metric, went), found in sorted(steps.items(), reverse=True):
        found.sort(key=lambda one: -abs(one[1].after - one[1].before) / (abs(one[1].before) or 1))
        series, step = found[0]
        before, after = history.runs[series.runs[series.last_before(step)]], history.runs[place]
        scale = scale_for((step.before, step.after), series.line.unit)
        others = f"; and {len(found) - 1} more cases" if len(found) > 1 else ""
        line = (
            f"{went:<7} {metric} between {before.commit or before.run} and"
            f" {after.commit or after.run} ({after.run}, {after.started_at[:10]}):"
            f" {title(series.line)} on {series.line.device}: {scale.text(step.before)} to"
            f" {scale.text(step.after)} ({share(step.before, step.after)}){others}"
        )
        if before.system != after.system:
            line += f"; the system changed too: {before.system} to {after.system}"
        yield Text(printable(line), STYLES[went])
    for series in history.series:
        if series.drift:
            drift = series.drift
            first = history.runs[series.runs[drift.place]]
            line = (
                f"drifts  {series.line.metric} since {first.commit or first.run} ({first.run}):"
                f" {title(series.line)} on {series.line.device}: {share(drift.before, drift.after)}"
            )
            yield Text(printable(line), STYLES[which(series, drift.before, drift.after)])


def points_table(history: History, series: Series, last: int) -> Table:
    """List the newest points of one series, with a mark where a new level begins."""
    table = Table(box=None, pad_edge=False, title_justify="left", header_style="bold")
    name = f"{series.line.metric} · {title(series.line)} · {series.line.device}"
    table.title = Text(printable(name))
    for head in ("Started", "Run", "Commit", "Median", "Low", "High", ""):
        table.add_column(head, justify="right" if head in ("Median", "Low", "High") else "left")
    scale = scale_for(series.median, series.line.unit)
    steps = {step.place: step for step in series.steps}
    for place in range(max(0, len(series.median) - last), len(series.median)):
        run = history.runs[series.runs[place]]
        numbers = (series.median[place], series.low[place], series.high[place])
        step = steps.get(place)
        changed = share(step.before, step.after) if step else ""
        cells = [run.started_at[:16], run.run, run.commit, *map(scale.text, map(float, numbers))]
        table.add_row(*(Text(printable(cell)) for cell in (*cells, changed)))
    return table


def which(series: Series, before: float, after: float) -> str:
    """Say which way a change of a series went."""
    return verdict(series.line.metric, before, after)


def share(before: float, after: float) -> str:
    """Write a change in percent; of zero, as what it came to."""
    return f"{(after / before - 1) * 100:+.1f} %" if before else f"0 to {after:.3g}"


def history_document(history: History) -> dict[str, Any]:
    """Arrange a history as one JSON document."""
    return {
        "runs": [asdict(run) for run in history.runs],
        "series": [
            {
                **asdict(one.line),
                "samples": one.samples,
                "points": {
                    "run_id": [history.runs[place].id for place in one.runs],
                    "median": one.median.tolist(),
                    "low": one.low.tolist(),
                    "high": one.high.tolist(),
                    "judged": one.judged.tolist(),
                },
                "steps": [
                    {
                        **asdict(step),
                        "run_id": history.runs[one.runs[step.place]].id,
                        "verdict": which(one, step.before, step.after),
                    }
                    for step in one.steps
                ],
                "drift": asdict(one.drift) if one.drift else None,
            }
            for one in history.series
        ],
        "failures": [asdict(failure) for failure in history.failures],
        "problems": list(history.problems),
    }
