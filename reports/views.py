"""What the page shows of schemes, cases and utterances, in the words and order that it shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.metrics import METRICS
from bench.results import Case, Outcome, Row, Run
from reports import strips
from reports.audio import Clip
from reports.columns import Column, case_columns, metric_columns
from reports.findings import ranking
from reports.frames import BASELINE, PAIR, pair_of
from reports.summary import Line
from reports.units import MISSING, text, times

TILES = ("rtf", "first_audio_ms", "peak_rss_bytes", "pte_bytes", "lsd_db")
DISTANCES = ("lsd_db", "mcd_db", "token_agreement")  # beside a player
MOST_OPTIONS = 60  # of a filter


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
    """All that the page shows of one scheme on one backend, beside its charts."""

    name: str
    line: Line
    parts: Sequence[str]
    cells: Sequence[Cell]
    speedup: Cell
    warnings: Sequence[str]
    methods: Mapping[str, Mapping[str, Any]]
    left_out: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class CaseView:
    """All that the page shows of one case."""

    row: Row
    parts: Sequence[str]
    cells: Sequence[Cell]
    strip: strips.Strip | None


@dataclass(frozen=True)
class Filter:
    """A column of the table of cases of whose values one may be chosen."""

    label: str
    column: int
    options: Sequence[str]


@dataclass(frozen=True)
class ClipView:
    """The speech of one case, with its distance from fp32's in words."""

    clip: Clip
    name: str
    distance: str


@dataclass(frozen=True)
class UtteranceView:
    """One utterance with the speech that schemes made of it.

    Attributes:
        name: Of the utterance.
        said: Its text.
        prompt: Whose voice.
        reference: fp32's speech; None where it was not measured.
        others: All other speech.
    """

    name: str
    said: str
    prompt: str
    reference: ClipView | None
    others: Sequence[ClipView]

    @property
    def playable(self) -> bool:
        """Whether any of it can be played in the page."""
        return any(view.clip.playable for view in (self.reference, *self.others) if view)


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


def scheme_names(schemes: pd.DataFrame) -> list[str]:
    """Name each line of the frame of schemes by what tells it from the others."""
    parts = case_columns(schemes)
    return [" x ".join(line[part] for part in parts) for line in schemes.to_dict("records")]


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
    rows: dict[tuple[Any, ...], list[Row]] = {}
    for row in run.rows:
        rows.setdefault(pair_of(row.case), []).append(row)
    nothing = Row(Case("", "", "", ""), Outcome.SKIPPED)
    parts, views = case_columns(schemes), []
    for name, line in zip(scheme_names(schemes), schemes.to_dict("records"), strict=True):
        own = rows[tuple(line[part] for part in PAIR)]
        measured = next((row for row in own if row.outcome is Outcome.OK), nothing)
        views.append(
            SchemeView(
                name,
                line,
                [line[part] for part in parts],
                [scheme_cell(column, line[column.name], schemes) for column in columns],
                Cell(times(line["speedup"]), sortable(line["speedup"])),
                list(dict.fromkeys(name for row in own for name in row.warnings)),
                measured.methods,
                measured.left_out,
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
        strip = strips.strip_of(rtf, reach) if rtf else None
        views.append(CaseView(row, [values[part] for part in parts], cells, strip))
    return views


def case_filters(frame: pd.DataFrame) -> list[Filter]:
    """Offer those columns of the table of cases to choose from that have a few values."""
    parts = [*case_columns(frame), "outcome"]
    found = [
        Filter(name.capitalize(), number, [str(value) for value in frame[name].unique()])
        for number, name in enumerate(parts)
    ]
    return [filter_ for filter_ in found if 1 < len(filter_.options) <= MOST_OPTIONS]


def utterance_views(run: Run, clips: Sequence[Clip], parts: Sequence[str]) -> list[UtteranceView]:
    """Gather the speech of each utterance that has any, fp32's apart from all other.

    Args:
        run: The run.
        clips: Its speech.
        parts: Of a case that tell its schemes apart.
    """
    rows = {row.case: row for row in run.rows}
    views = []
    for name in dict.fromkeys(clip.case.utterance for clip in clips):
        facts = run.header.utterances.get(name, {})
        own = [
            ClipView(clip, pair_name(clip.case, parts), distance_words(rows[clip.case]))
            for clip in clips
            if clip.case.utterance == name
        ]
        reference = next((view for view in own if view.clip.case.scheme == BASELINE), None)
        others = [view for view in own if view is not reference]
        said, prompt = facts.get("text", ""), facts.get("prompt", "")
        views.append(UtteranceView(name, said, prompt, reference, others))
    return views


def pair_name(case: Case, parts: Sequence[str]) -> str:
    """Name a scheme by what tells it from the others."""
    return " x ".join(getattr(case, part) for part in parts)


def distance_words(row: Row) -> str:
    """Say how far speech is from fp32's, as far as known."""
    return " · ".join(
        f"{METRICS[name].label} {text(row.metrics[name].median, METRICS[name].unit)}"
        for name in DISTANCES
        if name in row.metrics
    )
