"""`bench compare` prints one verdict, and ends with the exit code that scripts go by."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from run_builder import make_case, make_failure, make_row, make_run

from bench.cli import bench
from bench.comparing.calibration import Calibration, Floor, conditions_of, to_toml
from bench.results import save_run
from devices.schedule import Schedule
from reports.compared import COMPARED

STEADY = 1 + 0.002 * np.array([0, 1, -1, 2, -2, 3, -3, 1.5])


@pytest.fixture
def results(tmp_path):
    """Keep a base, the same again, a slower run, one with other threads, and one that failed."""
    folder = tmp_path / "pixel8"
    folder.mkdir()
    noisy = 1 + 0.05 * np.array([0, 1, -1, 2, -2, 3, -3, 1.5])
    runs = {
        "0001_base": make_run(make_row(rtf=STEADY), make_row(make_case("8da8w"), rtf=STEADY * 0.5)),
        "0002_same": make_run(make_row(rtf=STEADY), make_row(make_case("8da8w"), rtf=STEADY * 0.5)),
        "0003_slow": make_run(
            make_row(rtf=1.1 * STEADY), make_row(make_case("8da8w"), rtf=STEADY * 0.5)
        ),
        "0004_threads": make_run(make_row(rtf=STEADY), schedule=Schedule(threads=4)),
        "0005_failed": make_run(make_row(rtf=STEADY), make_failure(make_case("8da8w"))),
        "0006_noisy": make_run(make_row(rtf=noisy), make_row(make_case("8da8w"), rtf=STEADY * 0.5)),
    }
    for name, run in runs.items():
        save_run(folder / f"{name}.json", replace(run, header=replace(run.header, run=name)))
    return tmp_path


def invoke(results, *arguments):
    return CliRunner().invoke(bench, ["--results", str(results), "compare", *arguments])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["0001", "0002"], 0, "SAME"),
        (["0001", "0003"], 3, "REGRESSED"),
        (["0003", "0001"], 0, "IMPROVED"),
        (["0001", "0005"], 3, "run failed"),
        (["0001", "0004"], 6, "threads"),
        (["0001", "0004", "--allow", "threads"], 0, "INCONCLUSIVE"),
        (["0001", "0006"], 0, "INCONCLUSIVE"),
        (["0001", "0006", "--strict"], 5, "INCONCLUSIVE"),
        (["0001", "0003", "--fail-if", "rtf:15%"], 0, "SAME"),
        (["0001", "0003", "--fail-if", "rtf:0.05"], 3, "REGRESSED"),
        (["0001", "0003", "--fail-if", "rtf:150%"], 0, "SAME"),
        (["0001", "0002", "--fail-if", "wer:5%"], 6, "neither run has wer"),
        (["0001", "0002", "--metric", "wer"], 6, "scores speech"),
        (["0001", "0002", "--fail-if", "wer:5%", "--fail-if", "rtf:5%"], 0, "INCONCLUSIVE"),
        (["0001", "0002", "--fail-if", "wer:5%", "--fail-if", "rtf:5%", "--strict"], 5, "has wer"),
        (["0001", "0003", "--fail-if", "wer:5%", "--fail-if", "rtf:5%"], 3, "REGRESSED"),
        (["0001", "0002", "--fail-if", "lsd_db:1.5"], 6, "neither run has lsd_db"),
        (["0001", "0001"], 6, "the same run"),
        (["0001", "0002", "--schemes", "fp32,fp32"], 0, "SAME"),
        (["0001", "--schemes", "fp32,fp32"], 6, "the same run"),
        (["0001", "0003", "--format", "markdown"], 3, "### Gating metrics"),
        (["0001", "--schemes", "fp32,8da8w"], 0, "IMPROVED"),
        (["0001", "0002", "--schemes", "8da8w,fp32"], 3, "REGRESSED"),
    ],
)
def test_the_exit_code_is_the_verdict_s(results, arguments, code, said):
    result = invoke(results, *arguments)
    assert result.exit_code == code, result.output
    assert said in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["0001"],
        ["0001", "0002", "--fail-if", "rtf"],
        ["0001", "0002", "--fail-if", "rtf:fast"],
        ["0001", "0002", "--fail-if", "rtf:nan"],
        ["0001", "0002", "--fail-if", "rft:5%"],
        ["0001", "0002", "--metric", "speed"],
        ["0001", "0002", "--allow", "weather"],
        ["0001", "0002", "--format", "xml"],
        ["0001", "0002", "--detect", "-5%"],
        ["0001", "0002", "--detect", "5"],
        ["0001", "0003", "--fail-if", "rtf:5"],
        ["0001", "0003", "--fail-if", "rtf:1"],
        ["0001", "0003", "--fail-if", "rtf:1e3%"],
        ["0001", "0002", "--fail-if", "lsd_db:5%"],
        ["0001", "0002", "--fail-if", "lsd_db:inf"],
        ["0001", "0002", "--fail-if", "audio_frames:0"],
        ["0001", "0099"],
        ["a", "b"],
        ["schemes", "0099"],
        ["0001", "0002", "-o", "nowhere/out.md"],
        ["0001", "--schemes", "fp32"],
        ["0001", "--schemes", "fp32,4w"],
        ["0001", "0002", "--calibration", "nowhere.toml"],
    ],
)
def test_what_was_typed_wrongly_is_said_in_one_line(results, arguments):
    result = invoke(results, *arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_bare_number_is_refused_with_both_ways_to_write_it(results):
    result = invoke(results, "0001", "0003", "--fail-if", "rtf:5")
    assert result.exit_code == 2
    assert "write 5% or 0.05 for the one, 500% for the other" in result.stderr


def test_json_is_one_document_of_everything(results):
    document = json.loads(invoke(results, "0001", "0003", "--format", "json").stdout)
    assert document["format"] == 1
    assert document["verdict"] == "regressed"
    assert {change["metric"] for change in document["changes"]} == {"rtf"}


def test_a_comparison_can_be_written_to_a_file(results, tmp_path):
    out = tmp_path / "out.md"
    result = invoke(results, "0001", "0003", "--format", "markdown", "-o", str(out))
    assert result.exit_code == 3
    assert out.read_text().startswith("## REGRESSED")


def test_the_device_s_calibration_beside_its_runs_is_used(results):
    header = make_run(make_row(rtf=STEADY)).header
    floors = {"rtf": Floor(0.2, 0.01, 1)}
    path = results / "pixel8" / "calibration.toml"
    path.write_text(to_toml(Calibration(6, "", conditions_of(header), floors)))
    result = invoke(results, "0001", "0003")
    assert result.exit_code == 0
    assert "bench ab" in " ".join(result.output.split())
    path.write_text(to_toml(Calibration(6, "", {"os": "another"}, floors)))
    assert invoke(results, "0001", "0003").exit_code == 3


@pytest.mark.parametrize("name", COMPARED)
def test_no_name_or_reason_becomes_markup_or_control(name):
    from bench.comparing.compare import compare
    from bench.comparing.terms import Terms

    case = make_case("<script>alert(1)</script>|x\x1b[2J")
    runs = [make_run(make_row(case, rtf=STEADY)), make_run(make_failure(case, reason="*a*\n# b"))]
    text = COMPARED[name](compare(*runs, Terms()))
    assert "\x1b" not in text
    if name == "markdown":
        assert "<script>" not in text
        assert "\n# b" not in text


def test_a_thousand_cases_are_summed_up_and_none_that_regressed_is_left_out():
    from bench.comparing.compare import compare
    from bench.comparing.terms import Terms

    cases = [make_case(f"s{n}") for n in range(300)]
    base = [make_row(case, pte_bytes=1000) for case in cases]
    candidate = [make_row(case, pte_bytes=2000 if n < 60 else 1000) for n, case in enumerate(cases)]
    text = COMPARED["markdown"](compare(make_run(*base), make_run(*candidate), Terms()))
    assert text.count("| regressed |") == 60
    assert "240 same" in text
    assert "| same |" not in text


def test_all_schemes_of_one_run_are_compared_in_one_table(results):
    result = invoke(results, "schemes", "0005", "--format", "json")
    assert result.exit_code == 0, result.output
    lines = {line["scheme"]: line for line in json.loads(result.stdout)["schemes"]}
    assert lines["fp32"]["pareto"]
    assert lines["8da8w"]["why"] == "run failed: it crashed"


def test_two_runs_need_no_command_s_name(results):
    assert invoke(results, "runs", "0001", "0003").output == invoke(results, "0001", "0003").output
