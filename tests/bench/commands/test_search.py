"""`bench search` searches, lowers what it found and compares it, from one command."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from bench.cli import bench
from bench.search.explore import Explored
from bench.search.finals import Result, Verdict
from bench.search.space import Cost, Space
from bench.search.study import Found, History
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
    won = [Verdict("mixed-12-abcdef", "8da8w", (0.9, 0.85, 0.95), 0.25)]
    text = render(EXPLORED, RESULTS, won, form)
    assert "8 trials: 1 evaluated, 7 pruned" in text
    assert "0.40%" in text
    assert "too hard" in text
    assert "mixed-12-abcdef wins: 0.900 of the RTF of 8da8w (0.850 to 0.950" in text
    assert "None of" not in text


def test_that_nothing_won_is_said_with_the_history():
    lost = [Verdict("mixed-12-abcdef", "8da8w", (1.2, 1.1, 1.3), 0.25)]
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


@pytest.mark.slow
def test_tiny_is_searched_lowered_and_compared(tmp_path):
    command = [sys.executable, "-m", "bench", "--results", str(tmp_path / "results"), "search"]
    command += ["--model", "tiny", "--trials", "40", "--finalists", "1", "--repeats", "2"]
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
