"""A run as one self-contained page: no network, no file beside it, nothing in it executed but ours.

Jinja escapes every text that comes from the run. Should markup slip in all the same, the page's
content security policy lets no script run but its own, known by hash, and no address be fetched.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.results import Case, Outcome, Row, Run
from reports import plots, strips
from reports.audio import Clip, clips_of
from reports.bars import OperatorBar, Pair, Segment, operator_bars, stage_bars, stage_labels
from reports.columns import (
    COVERAGE_METRICS,
    KEY_METRICS,
    Column,
    case_columns,
    metric_columns,
)
from reports.findings import findings, ranking
from reports.frames import BASELINE, PAIR, rows_frame, schemes_frame
from reports.summary import Line, conditions, doubts, marks, subject, unmeasured
from reports.units import MISSING, text, times

PAGE = Path(__file__).parent / "page"
TILES = ("rtf", "first_audio_ms", "peak_rss_bytes", "pte_bytes", "lsd_db")
SEARCHED = 30  # tables longer than this can be searched


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        text: As written, without unit.
        sort: As sorted; empty where there is no number.
        best: Whether it is the best of its column.
        percent: Of the largest of its column; None where no bar is drawn.
    """

    text: str
    sort: str
    best: bool = False
    percent: float | None = None


@dataclass(frozen=True)
class Tile:
    """One number of the fastest scheme, large."""

    label: str
    value: str
    compared: str


@dataclass(frozen=True)
class SchemeView:
    """All that the page shows of one scheme on one backend."""

    name: str
    line: Line
    parts: Sequence[str]
    cells: Sequence[Cell]
    speedup: Cell
    stages: Sequence[Segment]
    operators: Sequence[OperatorBar]
    methods: Mapping[str, Mapping[str, Any]]
    left_out: Sequence[tuple[str, str]]

    @property
    def stages_ms(self) -> float:
        """Milliseconds of all stages per second of speech."""
        return sum(segment.ms for segment in self.stages)


@dataclass(frozen=True)
class CaseView:
    """All that the page shows of one case."""

    row: Row
    parts: Sequence[str]
    cells: Sequence[Cell]
    strip: strips.Strip | None


@dataclass(frozen=True)
class UtteranceView:
    """One utterance with the speech that schemes made of it."""

    name: str
    said: str
    prompt: str
    clips: Sequence[Clip]


def write(run: Run, folder: Path | None) -> str:
    """Write a run as a page.

    Args:
        run: The run.
        folder: What `Row.audio` is relative to; None where the files are not at hand.
    """
    frame, schemes = rows_frame(run), schemes_frame(run)
    script = (PAGE / "page.js").read_text("utf-8")
    scheme_columns = metric_columns(schemes, (*KEY_METRICS, *COVERAGE_METRICS))
    columns = metric_columns(frame)
    environment = Environment(
        loader=FileSystemLoader(PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(text=text, missing=MISSING)
    return environment.get_template("page.html.j2").render(
        header=run.header,
        subject=subject(run),
        ok=sum(row.outcome is Outcome.OK for row in run.rows),
        total=len(run.rows),
        marks=marks(run.header),
        findings=findings(run, schemes),
        tiles=tiles(schemes),
        unmeasured=unmeasured(run),
        doubts=doubts(run),
        conditions=conditions(run.header),
        scheme_parts=case_columns(schemes),
        scheme_columns=scheme_columns,
        schemes=scheme_views(run, schemes, scheme_columns),
        panels=panels(schemes),
        markers=plots.markers_of(schemes),
        plots=plots,
        strips=strips,
        stage_labels=stage_labels(),
        case_parts=case_columns(frame),
        columns=columns,
        cases=case_views(run, frame, columns),
        reach=text(reach_of(run), "share"),
        searched=len(run.rows) > SEARCHED,
        utterances=utterance_views(run, clips_of(run, folder)),
        style=Markup((PAGE / "page.css").read_text("utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def tiles(schemes: pd.DataFrame) -> list[Tile]:
    """Show the fastest scheme's numbers with fp32's beside them."""
    ranked = ranking(schemes)
    if not ranked:
        return []
    best = ranked[0]
    fp32 = next(
        (o for o in ranked if o["scheme"] == BASELINE and o["backend"] == best["backend"]), best
    )
    shown = metric_columns(pd.DataFrame([best, fp32]), TILES)
    compared = {} if fp32 is best else fp32
    return [
        Tile(
            column.label,
            column.scale.text(best[column.name]),
            f"{BASELINE}: {column.scale.text(compared[column.name])}" if compared else "",
        )
        for column in shown
    ]


def panels(schemes: pd.DataFrame) -> list[plots.Panel]:
    """Draw speed against distance, memory and size."""
    parts = [part for part in case_columns(schemes) if part != "backend"]
    names = schemes[parts].agg(" x ".join, axis=1)
    drawn = [
        plots.trade_off(schemes, names, metric)
        for metric in ("lsd_db", "peak_rss_bytes", "pte_bytes")
    ]
    return [panel for panel in drawn if panel]


def scheme_cell(column: Column, value: float, schemes: pd.DataFrame) -> Cell:
    """Write one number of a scheme; only schemes that finished every case can be the best."""
    if pd.isna(value):
        return Cell(MISSING, "")
    complete = schemes.loc[schemes["ok"] == schemes["cases"], column.name]
    best = complete.min() if column.better == "lower" else complete.max()
    ranked = column.better != "neither" and complete.nunique() > 1
    most = schemes[column.name].max()
    percent = round(100 * value / most, 1) if column.better == "lower" and most > 0 else None
    return Cell(column.cell(value), sortable(value), bool(ranked and value == best), percent)


def sortable(value: float) -> str:
    """Write a number for the page's script to sort by."""
    return "" if pd.isna(value) else f"{value:.6g}"


def scheme_views(run: Run, schemes: pd.DataFrame, columns: Sequence[Column]) -> list[SchemeView]:
    """Gather what is known of each scheme."""
    stages, operators = stage_bars(run), operator_bars(run)
    first_ok: dict[Pair, Row] = {}
    for row in run.rows:
        if row.outcome is Outcome.OK:
            first_ok.setdefault((row.case.scheme, row.case.backend, row.case.model), row)
    nothing = Row(Case("", "", "", ""), Outcome.SKIPPED)
    parts, views = case_columns(schemes), []
    for line in schemes.to_dict("records"):
        pair = tuple(line[part] for part in PAIR)
        row = first_ok.get(pair, nothing)
        views.append(
            SchemeView(
                " x ".join(line[part] for part in parts),
                line,
                [line[part] for part in parts],
                [scheme_cell(column, line[column.name], schemes) for column in columns],
                Cell(times(line["speedup"]), sortable(line["speedup"])),
                stages.get(pair, ()),
                operators.get(pair, ()),
                row.methods,
                row.left_out,
            )
        )
    return views


def reach_of(run: Run) -> float:
    """Choose the scale of all cases' strips."""
    return strips.strip_reach(row.metrics["rtf"] for row in run.rows if "rtf" in row.metrics)


def case_views(run: Run, frame: pd.DataFrame, columns: Sequence[Column]) -> list[CaseView]:
    """Gather what is known of each case."""
    parts, reach = case_columns(frame), reach_of(run)
    views = []
    for row, values in zip(run.rows, frame.to_dict("records"), strict=True):
        cells = [
            Cell(column.cell(values[column.name]), sortable(values[column.name]))
            for column in columns
        ]
        rtf = row.metrics.get("rtf")
        views.append(
            CaseView(
                row,
                [values[part] for part in parts],
                cells,
                strips.strip_of(rtf, reach) if rtf else None,
            )
        )
    return views


def utterance_views(run: Run, clips: Sequence[Clip]) -> list[UtteranceView]:
    """Gather the speech of each utterance that has any."""
    views = []
    for name in dict.fromkeys(clip.case.utterance for clip in clips):
        facts = run.header.utterances.get(name, {})
        of_name = [clip for clip in clips if clip.case.utterance == name]
        views.append(UtteranceView(name, facts.get("text", ""), facts.get("prompt", ""), of_name))
    return views
