import csv
import io
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from run_builder import make_case, make_failure, make_row, make_run

from bench.migrations import FORMAT
from bench.results import Outcome, Row, run_document, to_json
from model.errors import ConfigError
from reports.formats import FORMATS
from reports.terminal import MOST_CASES

READABLE = ("table", "markdown", "html")


def test_formats_are_listed_without_what_they_need():
    loaded = subprocess.run(
        [sys.executable, "-c", "import reports.formats, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "reports.formats" in loaded
    assert not {"torch", "executorch", "pandas", "jinja2", "rich"} & set(loaded)


def test_rendering_needs_no_torch():
    program = (
        "import sys; sys.path.insert(0, 'tests/reports')\n"
        "from pathlib import Path; import tempfile, conftest\n"
        "from reports.formats import FORMATS\n"
        "folder = Path(tempfile.mkdtemp()); run = conftest.sample_run(folder)\n"
        "[render(run, folder) for render in FORMATS.values()]\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_unknown_format_names_the_nearest():
    with pytest.raises(ConfigError, match="markdown"):
        FORMATS["markdwon"]


@pytest.mark.parametrize("name", READABLE)
def test_every_format_says_what_failed_and_why(run, folder, name):
    said = " ".join(FORMATS[name](run, folder).split())
    for words in (
        "run failed",
        "the runner stopped with signal 9: out of memory at 1,187 frames",
        "groups of 32 need at least 128 frames to be calibrated",
        "UNSTEADY",
        "repeats vary by more than 3",
        "1.31 x slower than fp32",
    ):
        assert words in said


@pytest.mark.parametrize("name", READABLE)
def test_what_is_untrained_or_emulated_is_said_in_plain_sight(run, folder, name):
    device = replace(run.header.device, emulated=True)
    rows = tuple(replace(row, warnings=()) for row in run.rows)
    marked = replace(run, header=replace(run.header, device=device), rows=rows)
    plain = replace(marked, header=replace(run.header, trained=True))
    said = FORMATS[name](marked, folder).lower()
    top = said.split("<main>")[0] if name == "html" else said[:300]
    assert "untrained" in top
    assert "emulated" in top
    without = FORMATS[name](plain, folder).lower()
    assert "untrained" not in without
    assert "emulated" not in without


@pytest.mark.parametrize("width", [80, 90, 100, 160])
def test_the_table_fits_the_terminal_and_names_what_it_left_out(run, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    drawn = FORMATS["table"](run, None)
    assert max(map(len, drawn.splitlines())) <= width
    assert "…" not in drawn
    assert ("left out to fit" in drawn) == (width < 120)
    for scheme in ("fp32", "8da8w", "8da4w", "int8-static"):
        assert f"\n {scheme} " in drawn


def test_the_table_shows_the_first_of_many_cases_and_says_so():
    cases = [make_case(utterance=f"u{number}") for number in range(MOST_CASES + 500)]
    failed = make_failure(make_case(utterance="last"))
    drawn = FORMATS["table"](make_run(*(make_row(case, rtf=0.5) for case in cases), failed), None)
    assert len(drawn.splitlines()) < MOST_CASES + 50
    assert (
        f"the first {MOST_CASES:,} of {MOST_CASES + 501:,} cases: `bench report 0001_abc" in drawn
    )
    assert "it crashed" in drawn
    assert f"{MOST_CASES + 500}/{MOST_CASES + 501}" in drawn


def test_the_table_has_no_control_codes_where_output_is_no_terminal(run):
    assert "\x1b" not in FORMATS["table"](run, None)


def test_the_table_of_one_utterance_has_no_summary(run):
    rows = tuple(row for row in run.rows if row.case.utterance == "plain")
    assert "Summary over" in FORMATS["table"](run, None)
    assert "Summary over" not in FORMATS["table"](replace(run, rows=rows), None)


def test_the_json_is_one_document_equal_to_the_run_document(run):
    document = json.loads(FORMATS["json"](run, None))
    assert document == json.loads(to_json(run_document(run)))
    assert document["format"] == FORMAT


def test_the_csv_has_a_line_per_case_in_base_units(run):
    lines = list(csv.DictReader(io.StringIO(FORMATS["csv"](run, None))))
    assert len(lines) == len(run.rows)
    assert float(lines[0]["rtf"]) == run.rows[0].metrics["rtf"].median
    assert float(lines[0]["pte_bytes"]) == run.rows[0].metrics["pte_bytes"].median


def test_no_text_of_the_csv_is_a_formula(run):
    rows = tuple(replace(row, reason='=HYPERLINK("x")') for row in run.rows)
    lines = list(csv.DictReader(io.StringIO(FORMATS["csv"](replace(run, rows=rows), None))))
    assert {line["reason"] for line in lines} == {'\'=HYPERLINK("x")'}


def test_hostile_text_stays_text_in_the_terminal(hostile_run):
    drawn = FORMATS["table"](hostile_run, None)
    assert "\x1b" not in drawn
    assert "onerror=alert(1)" in drawn.replace("\n", "").replace(" ", "")


def test_hostile_text_stays_text_in_markdown(hostile_run):
    written = FORMATS["markdown"](hostile_run, None)
    assert "<img" not in written
    assert "@all" not in written
    assert "\n# **boo" not in written
    tables = [line for line in written.splitlines() if line.startswith("|")]
    separators = [line.replace("\\|", "").count("|") for line in tables]
    assert len(set(separators)) == 2  # as many columns in every line of both tables


@pytest.mark.parametrize("name", [*READABLE, "csv", "json"])
@pytest.mark.parametrize("kind", ["nothing measured", "no rows", "one row", "huge numbers"])
def test_every_format_takes_any_run(run, folder, name, kind):
    rows = {
        "nothing measured": tuple(Row(row.case, Outcome.LOWER, "no") for row in run.rows),
        "no rows": (),
        "one row": run.rows[:1],
        "huge numbers": tuple(extreme(row) for row in run.rows),
    }[kind]
    assert FORMATS[name](replace(run, rows=rows), folder)


def extreme(row):
    factors = {"rtf": 1e308, "lsd_db": float("nan"), "pte_bytes": 0.0, "head_ms": float("inf")}
    metrics = {
        name: replace(
            metric,
            median=metric.median * factors.get(name, 1.0),
            samples=tuple(sample * factors.get(name, 1.0) for sample in metric.samples),
        )
        for name, metric in row.metrics.items()
    }
    return replace(row, metrics=metrics)
