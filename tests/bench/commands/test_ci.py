"""`bench ci`: files, standard output and exit codes, on GitHub and elsewhere."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from comparison_builder import make_change, make_comparison, regressed, unlike
from run_builder import make_row, make_run

from bench.cli import bench
from bench.comparing.comparison_file import read_comparison
from bench.comparing.verdicts import Verdict, comparison_document
from bench.results import save_run
from reports.compared import COMPARED


@pytest.fixture
def post(tmp_path, monkeypatch):
    """Runs `bench ci` on a comparison, on GitHub or not."""
    monkeypatch.chdir(tmp_path)

    def invoke(comparison, *flags, github=False):
        path = tmp_path / "comparison.json"
        path.write_text(COMPARED["json"](comparison))
        for name, value in (("ACTIONS", "true"), ("STEP_SUMMARY", str(tmp_path / "summary.md"))):
            if github:
                monkeypatch.setenv(f"GITHUB_{name}", value)
            else:
                monkeypatch.delenv(f"GITHUB_{name}", raising=False)
        return CliRunner().invoke(bench, ["ci", str(path), *flags])

    return invoke


@pytest.mark.parametrize(
    ("comparison", "flags", "code"),
    [
        (regressed(), (), 3),
        (unlike(), (), 6),
        (make_comparison(Verdict.INCONCLUSIVE), (), 0),
        (make_comparison(Verdict.INCONCLUSIVE), ("--strict",), 5),
        (make_comparison(Verdict.SAME, (make_change(),)), ("--strict",), 0),
        (make_comparison(Verdict.IMPROVED), (), 0),
    ],
)
def test_the_exit_code_is_the_verdict(post, comparison, flags, code):
    assert post(comparison, *flags).exit_code == code


def test_on_github_the_summary_is_appended_and_standard_output_has_annotations(post, tmp_path):
    (tmp_path / "summary.md").write_text("before\n")
    result = post(regressed(), github=True)
    page = (tmp_path / "summary.md").read_text()
    assert page.startswith("before\n## ❌ Regressed")
    assert all(line.startswith(("::error ", "::warning ")) for line in result.stdout.splitlines())


def test_a_summary_that_others_filled_is_not_overrun(post, tmp_path):
    (tmp_path / "summary.md").write_text("x" * ((1 << 20) - 900))
    assert post(regressed(), github=True).exit_code == 3
    assert (tmp_path / "summary.md").stat().st_size <= 1 << 20


def test_elsewhere_the_summary_is_standard_output(post):
    assert post(regressed()).stdout.startswith("## ❌ Regressed")


def test_comment_and_junit_are_written_where_one_says(post, tmp_path):
    post(regressed(), "--comment", "comment.md", "--junit", "junit.xml", "--id", "pixel8")
    assert (tmp_path / "comment.md").read_text().startswith("<!-- bench-report:pixel8 -->")
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().tag == "testsuites"


def test_a_file_that_cannot_be_written_is_one_line(post):
    result = post(regressed(), "--junit", "nowhere/junit.xml")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: nowhere/junit.xml cannot be written")


@pytest.mark.parametrize(
    "flags",
    [
        ("--comment", "comparison.json"),
        ("--junit", "./comparison.json"),
        ("--summary", "comparison.json"),
        ("--comment", "same", "--junit", "same"),
        ("--comment", "same", "--summary", "same"),
    ],
    ids=" ".join,
)
def test_no_file_is_written_over_the_comparison_or_twice(post, tmp_path, flags):
    result = post(regressed(), *flags)
    assert result.exit_code == 2
    assert result.stderr.endswith("is named twice: give each of the files its own name\n")
    assert read_comparison(tmp_path / "comparison.json") == regressed()
    assert not (tmp_path / "same").exists()


@pytest.mark.parametrize("flag", ["--comment", "--junit", "--summary"])
def test_what_is_posted_does_not_take_the_place_of_a_run(post, tmp_path, flag):
    path = tmp_path / "0001_good.json"
    save_run(path, make_run(make_row()))
    content = path.read_bytes()
    result = post(regressed(), flag, path.name)
    assert (result.exit_code, path.read_bytes()) == (2, content)
    assert "is a run, which would be replaced" in result.stderr


def test_a_comparison_reads_back_as_it_was(tmp_path):
    for comparison in (regressed(), unlike()):
        path = tmp_path / "comparison.json"
        path.write_text(COMPARED["json"](comparison))
        assert read_comparison(path) == comparison


DOCUMENT = json.loads(json.dumps(comparison_document(regressed())))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"format": 99}',
        '{"format": 1}',
        "[" * 100_000,
        "\x1f\x8b",
        json.dumps({**DOCUMENT, "verdict": "splendid"}),
        json.dumps({**DOCUMENT, "changes": 7}),
        json.dumps({**DOCUMENT, "changes": [{**DOCUMENT["changes"][0], "effect": "1"}]}),
        json.dumps({**DOCUMENT, "changes": [{**DOCUMENT["changes"][0], "metric": "rtff"}]}),
        json.dumps(DOCUMENT)[:-10],
        json.dumps(DOCUMENT).replace("0.228", "NaN"),
    ],
)
def test_a_damaged_comparison_is_one_line_and_writes_nothing(tmp_path, content):
    path = tmp_path / "comparison.json"
    path.write_text(content)
    out = tmp_path / "junit.xml"
    result = CliRunner().invoke(bench, ["ci", str(path), "--junit", str(out)])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert not out.exists()


def test_numbers_at_the_end_of_what_floats_hold_can_be_posted(post):
    huge = make_change(Verdict.REGRESSED, effect=1.0, base=1e308, low=-1e308, high=1e308)
    tiny = replace(huge, base=5e-324, candidate=-1e308)
    for change in (huge, tiny):
        assert post(replace(regressed(), changes=(change,))).exit_code == 3
