"""`bench run` says in a row why a pair does not apply, and goes on with the others."""

import json

import pytest
from click.testing import CliRunner

from bench.cli import bench

PAIRS = ["--scheme", "fp16", "--scheme", "fp32", "--backend", "qnn", "--backend", "xnnpack"]


@pytest.mark.parametrize(
    ("device_name", "reason"),
    [
        ("s25", "name a qnn_executor_runner of your own by --runner"),
        ("snapdragon-778g", "not SM7325"),
        ("pixel8", "a Tensor SoC has no Hexagon NPU"),
        ("exynos-2400", "an Exynos SoC has no Hexagon NPU"),
    ],
)
@pytest.mark.usefixtures("plan")  # finds every artifact made
def test_qnn_without_a_runner_that_has_it_is_skipped(
    device, monkeypatch, tmp_path, device_name, reason
):
    monkeypatch.setattr("bench.commands.launch.open_device", lambda *_: device)
    flags = ["--device", device_name, "--model", "tiny", "--utterance", "short", "--repeats", "1"]
    result = CliRunner().invoke(
        bench, ["--results", str(tmp_path), "run", *flags, *PAIRS, "--json", "--quiet"]
    )
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["rows"]
    skipped = [row for row in rows if row["case"]["backend"] == "qnn"]
    assert [row["outcome"] for row in skipped] == ["skipped", "skipped"]
    assert all(reason in row["reason"] for row in skipped)
    assert [r["outcome"] for r in rows if r["case"]["backend"] == "xnnpack"] == ["ok", "ok"]


def test_a_scheme_from_a_file_is_one_more_beside_the_registered(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "found.toml"
    path.write_text('default = "8da8w"\n[parts]\ncodec_decoder = "fp32"\n')
    flags = ["--model", "tiny", "--scheme", str(path), "--scheme", "fp32", "--dry-run"]
    result = CliRunner().invoke(bench, ["run", *flags, "--utterance", "short"])
    assert result.exit_code == 0, result.output
    assert [line.split(" x ")[0].partition("-")[0] for line in result.stdout.splitlines()] == [
        "fp32",
        "found",
    ]


def test_a_scheme_file_with_a_mistake_is_one_line(tmp_path):
    path = tmp_path / "found.toml"
    path.write_text('[parts]\nsmd = "8da2w"\n')
    result = CliRunner().invoke(bench, ["run", "--model", "tiny", "--scheme", str(path)])
    assert result.exit_code == 2
    assert "smd is '8da2w', not fp32, 8da8w, 8da4w" in result.stderr
