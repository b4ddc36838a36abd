"""Every format that a run can be written in, by name. A new format goes here.

Each takes the run and the folder that its audio files are relative to, None where there is none,
and returns text. What a format needs is imported when it is used: listing names costs nothing.
"""

import json
from collections.abc import Callable
from pathlib import Path

from bench.results import Run, run_document, to_json
from model.registry import Registry

Render = Callable[[Run, Path | None], str]

FORMATS: Registry[Render] = Registry("report format")


@FORMATS.register("table")
def table(run: Run, folder: Path | None) -> str:
    """Tables for the terminal, as wide as it is."""
    from reports.terminal import draw

    return draw(run)


@FORMATS.register("markdown")
def markdown(run: Run, folder: Path | None) -> str:
    """GitHub-flavoured markdown."""
    from reports.markdown import write

    return write(run)


@FORMATS.register("json")
def json_document(run: Run, folder: Path | None) -> str:
    """The run's document, with all samples."""
    return json.dumps(json.loads(to_json(run_document(run))), indent=1) + "\n"


@FORMATS.register("csv")
def csv(run: Run, folder: Path | None) -> str:
    """One line per case with every metric, in base units."""
    from reports.frames import FACTS, rows_frame

    frame = rows_frame(run)
    frame[FACTS] = frame[FACTS].map(defused)
    return frame.to_csv(index=False)


def defused(words: str) -> str:
    """Keep a spreadsheet from taking text for a formula."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words


@FORMATS.register("html")
def html(run: Run, folder: Path | None) -> str:
    """One self-contained page with plots and the speech itself."""
    from reports.html import write

    return write(run, folder)
