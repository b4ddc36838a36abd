"""`bench ab` and `bench calibrate` measure, keep what they measured, and say what came of it."""

import pytest
from click.testing import CliRunner

from bench.cli import bench
from bench.comparing.calibration import read_calibration
from bench.stores.store import open_store

FLAGS = [
    "--device",
    "host",
    "--model",
    "tiny",
    "--utterance",
    "short",
    "--backend",
    "xnnpack",
    "--quiet",
]


@pytest.fixture
def invoke(plan, device, monkeypatch, tmp_path):
    """Run a command on a device that answers from memory."""
    monkeypatch.setattr("devices.kinds.open_device", lambda *_: device)
    monkeypatch.setattr("bench.commands.launch.open_device", lambda *_: device)

    def run(*arguments):
        return CliRunner().invoke(bench, ["--results", str(tmp_path), *arguments, *FLAGS])

    return run


def test_two_schemes_are_measured_in_turns_and_compared(invoke, device, tmp_path):
    result = invoke("ab", "fp32", "8da8w", "--rounds", "8", "--metric", "rtf")
    assert result.exit_code == 0, result.output
    assert "measured in turns" in result.stdout
    assert len(device.asked) == 16
    names = [name for name, finished in open_store(tmp_path).names() if finished]
    assert [name.partition("_")[0] for name in names] == ["host/0001", "host/0002"]
    again = CliRunner().invoke(
        bench, ["--results", str(tmp_path), "compare", "0001", "0002", "--schemes", "fp32,8da8w"]
    )
    assert "measured in turns" in again.stdout


def test_runs_of_ab_and_calibrate_are_marked_and_are_not_the_latest(invoke, tmp_path):
    invoke("run", "--repeats", "1", "--scheme", "fp32")
    invoke("ab", "fp32", "8da8w", "--rounds", "1")
    invoke("calibrate", "--sessions", "3", "--repeats", "2", "--scheme", "fp32")
    store = open_store(tmp_path)
    names = [name for name, _ in store.names()]
    made = [store.find(name).run.header.made_by for name in names]
    assert made == ["", "ab", "ab", "calibrate", "calibrate", "calibrate"]
    assert store.find("latest").run.header.run == names[0].partition("/")[2]
    shown = CliRunner().invoke(bench, ["--results", str(tmp_path), "report", names[1]])
    assert "bench ab" in shown.stdout


def test_a_side_that_fails_is_a_regression(invoke, device):
    device.broken = {"8da8w"}
    result = invoke("ab", "fp32", "8da8w", "--rounds", "5")
    assert result.exit_code == 3
    assert "it crashed" in result.stdout


def test_a_side_that_is_nothing_is_one_line(invoke):
    result = invoke("ab", "fp32", "nothing-of-ours")
    assert result.exit_code == 2
    assert "no scheme" in result.stderr
    assert "Traceback" not in result.output


def test_a_calibration_is_written_beside_the_runs_it_was_learnt_from(invoke, tmp_path):
    result = invoke("calibrate", "--sessions", "3", "--repeats", "3", "--scheme", "fp32")
    assert result.exit_code == 0, result.output
    found = read_calibration(tmp_path / "host" / "calibration.toml")
    assert found.sessions == 3
    assert found.metrics["rtf"].floor > 0  # the device grows slower all the time
    assert "rtf: floor" in result.stdout


def test_a_calibration_can_be_learnt_from_runs_that_are_there(invoke, device, tmp_path):
    invoke("calibrate", "--sessions", "4", "--repeats", "3", "--scheme", "fp32")
    asked = len(device.asked)
    runs = [word for name in ("0001", "0002", "0003") for word in ("--run", name)]
    out = tmp_path / "own.toml"
    result = invoke("calibrate", *runs, "-o", str(out))
    assert result.exit_code == 0, result.output
    assert read_calibration(out).sessions == 3
    assert len(device.asked) == asked


def test_measuring_until_something_is_checked_before_it_starts(invoke, device):
    assert invoke("run", "--until", "2%").exit_code == 2
    assert invoke("run", "--until", "ci:0%").exit_code == 2
    assert not device.asked
