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
