"""What a person types, and what comes back: text, exit codes, one document with --json."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from bench import pipeline
from bench.cli import bench
from bench.migrations import FORMAT
from bench.pipeline import NEWEST
from bench.results import save_run
from model.errors import DeviceUnavailableError, IncomparableError, RunInterrupted, StageFailedError


def invoke(*arguments, results="results"):
    return CliRunner().invoke(bench, ["--results", str(results), *map(str, arguments)])


@pytest.fixture
def finished(plan, device, tmp_path):
    """A finished run in a folder of results."""
    return pipeline.run(plan, device, tmp_path, lambda step: None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--scheme", "8da4"], "Did you mean '8da4w'?"),
        (["run", "--backend", "xnpack"], "Did you mean 'xnnpack'?"),
        (["run", "--utterance", "shrt"], "Did you mean 'short'?"),
        (["run", "--model", "huge"], "unknown model 'huge'. Known: base"),
        (["run", "--passes", "8,x"], "--passes takes numbers"),
        (["run", "--passes", "8,0"], "passes must be"),
        (["run", "--suite", "nightly"], "unknown suite 'nightly'"),
        (["run", "--checkpoint", "nowhere.safetensors"], "no file nowhere.safetensors"),
        (["--config", "nowhere.toml", "run"], "nowhere.toml"),
        (["run", "--until", "ci:2"], "write 2% or 0.02"),
        (["search", "--max-loss", "2"], "write 2% or 0.02"),
        (["report", "--format", "htm"], "Did you mean 'html'?"),
        (["say"], "nothing to say"),
        (["say", "hello", "--prompt", "nowhere.wav"], "no file nowhere.wav"),
        (["say", "hello", "--prompt", "hart"], "Did you mean 'heart'?"),
    ],
)
def test_a_wrong_name_is_one_line_with_the_remedy_and_exit_code_2(arguments, said):
    result = invoke(*arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [(StageFailedError, 1), (DeviceUnavailableError, 4), (IncomparableError, 6)],
)
def test_each_kind_of_error_has_its_exit_code(monkeypatch, error, code):
    def fail(*_):
        raise error("it is so")

    monkeypatch.setattr("bench.commands.listing.listing", fail)
    result = invoke("list", "schemes")
    assert (result.exit_code, result.stderr) == (code, "Error: it is so\n")


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        ((), None),
        (("--resume",), NEWEST),
        (("--resume", "--quiet"), NEWEST),
        (("--resume", "0003"), "0003"),
    ],
)
def test_a_run_to_go_on_with_may_be_named(monkeypatch, flags, wanted):
    given = []

    def launch(*_, resume, **__):
        given.append(resume)
        raise StageFailedError("enough")

    monkeypatch.setattr("bench.commands.launch.launch", launch)
    invoke("run", *flags)
    assert given == [wanted]


@pytest.mark.parametrize(
    ("command", "where", "said"),
    [
        (("list", "schemes"), "bench.commands.listing.listing", "Interrupted.\n"),
        (("compare", "a", "b"), "bench.stores.store.find_kept", "Interrupted.\n"),
        (
            ("run", "--quiet"),
            "bench.commands.launch.launch",
            "Interrupted: what was measured is kept; go on with the same flags and"
            " --resume 0007_a.\n",
        ),
        (
            ("calibrate", "--quiet"),
            "bench.commands.launch.launch",
            "session 1 of 6\nInterrupted; 0007_a stays unfinished.\n",
        ),
    ],
)
def test_an_interrupt_says_how_to_go_on_only_where_that_works(monkeypatch, command, where, said):
    def interrupt(*_, **__):
        raise RunInterrupted("0007_a") if where.endswith("launch") else KeyboardInterrupt

    monkeypatch.setattr(where, interrupt)
    result = invoke(*command)
    ended = result.stderr.replace("\n\n", "\n").lstrip("\n")  # click ends the line of the "^C"
    assert (result.exit_code, ended) == (130, said)


def test_json_is_exactly_one_document_on_standard_output(finished, tmp_path):
    result = invoke("report", "latest", "--format", "json", results=tmp_path)
    document = json.loads(result.stdout)
    assert document["format"] == FORMAT
    assert document["run"] == finished.header.run
    row = document["rows"][0]
    assert row["case"] == {
        "scheme": "fp32", "backend": "xnnpack", "utterance": "short", "model": "tiny",
        "device": "",
    }  # fmt: skip
    assert set(row["metrics"]["rtf"]) == {"median", "low", "high", "unit", "samples"}
    for name in ("rtf", "first_audio_ms", "load_ms", "peak_rss_bytes", "pte_bytes", "compile_s"):
        assert name in row["metrics"]


@pytest.mark.parametrize("name", ["latest", "0001", None])
def test_a_run_is_found_by_number_by_name_and_as_the_latest(finished, tmp_path, name):
    result = invoke("show", name or finished.header.run, results=tmp_path)
    assert result.exit_code == 0, result.output
    assert "8da8w" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "0042"],
        ["show", "latest"],
        ["show", "nowhere.json"],
        ["show", "0042", "--graph"],
        ["show", "nowhere.pte", "--graph"],
        ["report", "0042"],
        ["report", "--history"],
        ["compare", "a", "b"],
        ["compare", "0042", "--schemes", "fp32,8da8w"],
        ["compare", "schemes", "0042"],
        ["history"],
        ["history", "--case", "nothing"],
        ["calibrate", "--run", "0042"],
        ["ci", "nowhere.json"],
        ["diff", "nowhere.pte", "nowhere.pte"],
        ["ab", "nothing", "fp32"],
    ],
    ids=" ".join,
)
def test_a_run_or_file_that_is_not_there_is_exit_code_2(tmp_path, arguments):
    result = invoke(*arguments, results=tmp_path)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}', '{"format": 1}', "\0\0"])
def test_a_damaged_run_is_one_line(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_text(content)
    result = invoke("show", path)
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_dry_run_lists_the_cases_and_measures_nothing(tmp_path):
    result = invoke(
        "run", "--model", "tiny", "--dry-run", "--backend", "portable", "--scheme", "fp32",
        "--scheme", "8da8w", results=tmp_path,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "8da8w x portable · short: skipped: portable operators compute in float" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_list_as_json_names_everything_registered(tmp_path):
    listed = json.loads(invoke("list", "--json", results=tmp_path).stdout)
    assert "8da4w" in listed["schemes"]
    assert "rtf" in listed["metrics"]
    assert listed["runs"] == {}


def test_a_file_is_written_where_it_is_asked_for(finished, tmp_path):
    page = tmp_path / "page.html"
    result = invoke("report", "-o", page, results=tmp_path)
    assert result.exit_code == 0, result.output
    assert page.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")


def test_an_unwritable_run_leaves_the_old_one_as_it_was(finished, tmp_path, monkeypatch):
    (path,) = (tmp_path / "host").glob("*.json")
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_run(path, finished)
    assert path.read_bytes() == before


def test_version_names_the_pins_without_importing_them():
    check = (
        "from click.testing import CliRunner; from bench.cli import bench; import sys;"
        "out = CliRunner().invoke(bench, ['--version']).output;"
        "assert 'executorch 1.5.1' in out, out; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", check], check=True)


@pytest.mark.parametrize("command", ["compare", "report", "list"])
def test_help_is_given_without_loading_numpy(command):
    script = (
        "import sys; from bench.cli import bench;"
        f"bench([{command!r}, '--help'], standalone_mode=False); print('numpy' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout.splitlines()[-1] == "False"
