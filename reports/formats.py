"""Every format that a run can be written in, by name. A new format goes here.

Each takes the run and the folder that its audio files are relative to, None where there is none,
and returns text, or bytes where the format is no text. What a format needs is imported when it is
used: listing names costs nothing.
"""

import json
from collections.abc import Callable
from pathlib import Path

from bench.results import Run, run_document, to_json
from model.registry import Registry

Render = Callable[[Run, Path | None], str | bytes]

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
    from reports.units import printable

    frame = rows_frame(run).rename(columns=printable)
    frame[FACTS] = frame[FACTS].map(lambda words: defused(printable(words)))
    return frame.to_csv(index=False)


def defused(words: str) -> str:
    """Keep a spreadsheet from taking text for a formula."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words


@FORMATS.register("html")
def html(run: Run, folder: Path | None) -> str:
    """One self-contained page with plots and the speech itself."""
    from reports.html import write

    return write(run, folder)


@FORMATS.register("parquet")
def parquet(run: Run, folder: Path | None) -> bytes:
    """One line per sample, for questions over many files."""
    from reports import exports

    return exports.parquet(run)


@FORMATS.register("pytorch-v3")
def pytorch_v3(run: Run, folder: Path | None) -> str:
    """Records of PyTorch's benchmark database, schema version 3."""
    from reports.exports import pytorch_records

    return json.dumps(pytorch_records(run), indent=1) + "\n"


@FORMATS.register("customSmallerIsBetter")
def custom_smaller_is_better(run: Run, folder: Path | None) -> str:
    """For github-action-benchmark, what is better when lower."""
    from reports.exports import action_entries

    return json.dumps(action_entries(run, "lower"), indent=1) + "\n"


@FORMATS.register("customBiggerIsBetter")
def custom_bigger_is_better(run: Run, folder: Path | None) -> str:
    """For github-action-benchmark, what is better when higher."""
    from reports.exports import action_entries

    return json.dumps(action_entries(run, "higher"), indent=1) + "\n"


@FORMATS.register("pytest-benchmark")
def pytest_benchmark(run: Run, folder: Path | None) -> str:
    """For pytest-benchmark and its compare command: times, in seconds."""
    from reports.exports import pytest_document

    return json.dumps(pytest_document(run), indent=1) + "\n"
