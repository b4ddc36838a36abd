"""`bench search` searches, lowers what it found and compares it, from one command."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from tiny import lowered, tiny_flags

from bench.cli import bench
from bench.search.explore import TO_BEAT, UNIFORM, Explored
from bench.search.finals import Result, Verdict
from bench.search.space import Cost, Space
from bench.search.study import Found, History
from quantization.distance import End
from quantization.sensitivity import Damage
from reports.grid import WRITERS
from reports.search import document, render

FOUND = Found(12, {"smd.out": "8da8w", "head_0": "fp32"}, 80.0, 0.004)
SPACE = Space({"smd.out": {"fp32": Cost()}, "head_0": {"fp32": Cost()}}, 200, 1000)
EXPLORED = Explored((), SPACE, Found(-1, {}, 90.0, 0.02), History([FOUND], [FOUND], 7))
RESULTS = [
    Result("mixed-12-abcdef", True, 0.081, 0.005, 4 << 20),
    Result("8da8w", False, 0.09, 0.02, 5 << 20),
    Result("int8-static", False, reason="too hard"),
]


@pytest.mark.parametrize("form", list(WRITERS))
def test_front_history_and_verdict_are_said(form):
    won = [Verdict("mixed-12-abcdef", "8da8w", (0.9, 0.85, 0.95), 0.25, 5)]
    text = render(EXPLORED, RESULTS, won, form)
    assert "8 trials: 1 evaluated, 7 pruned" in text
    assert "0.40%" in text
    assert "too hard" in text
    assert "mixed-12-abcdef wins: 0.900 of the RTF of 8da8w (0.850 to 0.950" in text
    assert "None of" not in text


def test_that_nothing_won_is_said_with_the_history():
    lost = [Verdict("mixed-12-abcdef", "8da8w", (1.2, 1.1, 1.3), 0.25, 5)]
    assert "None of 8 trials gave a scheme that wins." in render(EXPLORED, RESULTS, lost, "table")
    assert [v["wins"] for v in document(EXPLORED, RESULTS, lost)["verdicts"]] == [False]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--budget", "0.3"], "--budget takes rtf:NUMBER"),
        (["--budget", "rtf:-1"], "--budget takes rtf:NUMBER"),
        (["--max-loss", "little"], "not 'little'"),
        (["--device", "lab/*"], "for one device"),
        (["--backend", "vulkan"], "programs for vulkan do not run here"),
    ],
)
def test_what_cannot_be_searched_for_is_one_line(flags, said):
    result = CliRunner().invoke(bench, ["search", "--model", "tiny", *flags])
    assert result.exit_code == 2
    assert said in result.stderr


NOISE = {"8da8w": {End.LOGITS: 1e-6}, "8da4w": {End.LOGITS: 1e-3}}
LOUD = {"8da8w": {End.WAVEFORM: 1e-4}, "8da4w": {End.WAVEFORM: 1e-2}}
DAMAGES = [Damage("codec_decoder.stem", LOUD, 0.1, 0.01), Damage("smd.out", NOISE, 0.3, 0.5)]


@pytest.fixture
def invoke(plan, device, monkeypatch, tmp_path):
    """Search on a device that answers from memory, with a model that is known by its damages."""
    judged = []

    def judge(self, candidate):
        judged.append(candidate)
        return 0.02 if candidate["codec_decoder.stem"] == "8da8w" else 0.001

    def lowered(plan, run, probe):
        return {row.case.scheme: 0.02 if row.case.scheme in TO_BEAT else 0.001 for row in run.rows}

    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("bench.commands.launch.open_device", lambda *_: device)
    monkeypatch.setattr("bench.search.explore.damages_of", lambda *_: DAMAGES)
    monkeypatch.setattr("bench.search.explore.lowered_distances", lowered)
    monkeypatch.setattr("bench.search.explore.Judge.__call__", judge)
    monkeypatch.setattr("bench.search.explore.Judge.probe", None)

    def run(*flags):
        judged.clear()
        places = ["--study", str(tmp_path / "journal"), "--out", str(tmp_path / "schemes")]
        command = ["--results", str(tmp_path / "results"), "search", "--model", "tiny", "--quiet"]
        return CliRunner().invoke(bench, [*command, "--trials", "9", *places, *flags]), judged

    return run


def test_finalists_are_measured_in_turns_with_uniform_int8(invoke, device, tmp_path):
    result, _ = invoke("--finalists", "1", "--repeats", "3", "--json")
    assert result.exit_code in (0, 1), result.output
    found = json.loads(result.stdout)
    (mixed,) = (entry["scheme"] for entry in found["results"] if entry["mixed"])
    assert device.asked[-9:-6] == ["8da8w", "int8-static", mixed]
    assert sorted(device.asked[-6:-3]) == sorted(device.asked[-9:-6])
    (verdict,) = found["verdicts"]
    assert verdict["distance_ratio"] == 0.05
    assert result.exit_code == (0 if verdict["wins"] else 1)
    (file,) = (tmp_path / "schemes").iterdir()
    assert "codec_decoder.stem" not in file.read_text()


def test_a_search_that_goes_on_measures_and_judges_nothing_twice(invoke, device):
    first, judged = invoke("--finalists", "0")
    assert first.exit_code == 0, first.output
    assert judged
    assert len(device.asked) == 3 * 5  # fp32, 8da8w and 8da4w, in five rounds
    again, judged = invoke("--finalists", "0")
    assert again.stdout == first.stdout
    assert not judged
    assert len(device.asked) == 3 * 5


@pytest.mark.slow
def test_tiny_is_searched_lowered_and_compared(tmp_path):
    lowered(*{*UNIFORM, *TO_BEAT})
    command = [sys.executable, "-m", "bench", "--results", str(tmp_path / "results"), "search"]
    command += [*tiny_flags(), "--trials", "40", "--finalists", "1", "--repeats", "2"]
    command += ["--study", str(tmp_path / "journal"), "--out", str(tmp_path), "--json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert len(found["history"]["found"]) + found["history"]["pruned"] == 40
    mixed = [result for result in found["results"] if result["mixed"]]
    assert len(mixed) == 1
    assert not mixed[0]["reason"]
    best = found["history"]["front"]
    assert min(one["distance"] for one in best) < 0.5 * found["uniform"]["distance"]
    assert list(tmp_path.glob("mixed-*.toml"))
