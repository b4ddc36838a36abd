"""A run as one self-contained page: no network, no file beside it, nothing in it executed but ours.

Jinja escapes every text that comes from the run. Should markup slip in all the same, the page's
content security policy lets no script run but its own, known by hash, and no address be fetched.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.comparing.history import History
from bench.results import Outcome, Run
from bench.warnings import REMEDIES
from reports import strips
from reports.audio import Clip, clips_of
from reports.charts.chart import Chart
from reports.charts.conditions import condition_chart
from reports.charts.distribution import distribution_chart
from reports.charts.history import history_chart
from reports.charts.operators import operator_chart
from reports.charts.rounds import round_chart
from reports.charts.stages import stage_chart
from reports.charts.theme import CONFIG
from reports.charts.tradeoffs import trade_off_charts
from reports.columns import COVERAGE_METRICS, KEY_METRICS, case_columns, metric_columns
from reports.findings import findings
from reports.frames import rows_frame, schemes_frame
from reports.quality import TITLES, pair_columns, quality_lines, unscored
from reports.summary import conditions, marks, subject, unmeasured, warnings_of
from reports.units import MISSING, text
from reports.vega import library
from reports.views import (
    case_filters,
    case_views,
    reach_of,
    scheme_names,
    scheme_views,
    tiles,
    utterance_views,
)

PAGE = Path(__file__).parent / "page"
SCRIPTS = ("theme.js", "tables.js", "charts.js", "speech.js")


def write(run: Run, folder: Path | None, history: History | None = None) -> str:
    """Write a run as a page that can be kept, moved and mailed.

    Args:
        run: The run.
        folder: What `Row.audio` is relative to; None where the files are not at hand.
        history: Of its cases over all runs of its device.
    """
    return render(run, clips_of(run, folder), "data:", history)


def render(run: Run, clips: Sequence[Clip], media: str, history: History | None = None) -> str:
    """Write a run as a page.

    Args:
        run: The run.
        clips: Its speech.
        media: Where sound may come from, as content security policies say it.
        history: Of its cases over all runs of its device.
    """
    frame, schemes = rows_frame(run), schemes_frame(run)
    scheme_columns = metric_columns(schemes, (*KEY_METRICS, *COVERAGE_METRICS))
    columns = metric_columns(frame)
    parts = case_columns(schemes)
    charts = {
        "tradeoffs": trade_off_charts(schemes, scheme_names(schemes)),
        "time": drawn(stage_chart(run, parts), operator_chart(run, parts)),
        "history": drawn(history_chart(history) if history else None),
        "spread": drawn(
            distribution_chart(run, parts), round_chart(run, parts), condition_chart(run)
        ),
    }
    script = "".join((PAGE / name).read_text("utf-8") for name in SCRIPTS)
    scripts = (library(), script)
    environment = Environment(
        loader=FileSystemLoader(PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(text=text, missing=MISSING, remedies=REMEDIES, strips=strips)
    return environment.get_template("page.html.j2").render(
        header=run.header,
        media=media,
        subject=subject(run),
        ok=sum(row.outcome is Outcome.OK for row in run.rows),
        total=len(run.rows),
        marks=marks(run.header),
        findings=findings(run, schemes),
        tiles=tiles(schemes),
        unmeasured=unmeasured(run),
        warnings=warnings_of(run),
        conditions=conditions(run.header),
        scheme_parts=parts,
        scheme_columns=scheme_columns,
        schemes=scheme_views(run, schemes, scheme_columns),
        quality=quality_lines(run),
        quality_heads=["metric", *pair_columns(run), *TITLES],
        unscored=unscored(run),
        charts=charts,
        charts_json=Markup(chart_data([chart for group in charts.values() for chart in group])),
        case_parts=case_columns(frame),
        columns=columns,
        cases=case_views(run, frame, columns),
        filters=case_filters(frame),
        reach=text(reach_of(run), "share"),
        utterances=utterance_views(run, clips, parts),
        style=Markup((PAGE / "page.css").read_text("utf-8")),
        scripts=[Markup(source) for source in scripts],
        script_hashes=[sha256_source(source) for source in scripts],
    )


def drawn(*charts: Chart | None) -> list[Chart]:
    """Leave out the charts that have nothing to show."""
    return [chart for chart in charts if chart]


def chart_data(charts: Sequence[Chart]) -> str:
    """Write what the page's script draws from, as JSON that cannot end its element."""
    document: dict[str, Any] = {chart.name: chart.document() for chart in charts}
    written = json.dumps(
        {"config": CONFIG, **document}, allow_nan=False, ensure_ascii=False, separators=(",", ":")
    )
    return written.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def sha256_source(script: str) -> str:
    """Name a script as content security policies do."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"
