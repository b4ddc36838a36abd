"""Where a command writes, and what it does when that cannot be written."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from run_builder import make_row, make_run

from bench.cli import bench
from bench.commands import output
from bench.commands.output import print_safely
from bench.results import save_run

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "\x1b[2J\x1b]0;title\x07\x9b31m\u202eevil"


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A folder with one run."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "pixel8"
    folder.mkdir(parents=True)
    save_run(folder / "0001_good.json", make_run(make_row()))
    return folder


def invoke(*arguments):
    return CliRunner().invoke(bench, [*map(str, arguments)])


def assert_line(result, code, said):
    assert result.exit_code == code, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert said in line


def process(*arguments, **how):
    """Run the command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **how.pop("env", {})}
    command = [sys.executable, "-m", "bench", *map(str, arguments)]
    return subprocess.run(
        command, env=environment, stderr=subprocess.PIPE, text=True, check=False, **how
    )


COMMANDS = (("report", "latest"), ("compare", "0001", "0001"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "no folder", "a file for a folder"])
def test_where_no_file_can_be_written_is_one_line_before_anything_else(
    results, tmp_path, command, kind
):
    path = tmp_path / "out"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/null")
    elif kind == "folder":
        path.mkdir()
    else:
        path = path / "page.html"
        if kind != "no folder":
            path.parent.write_text("words")
    assert_line(invoke(*command, "-o", path), 2, "cannot be written")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_dash_is_standard_output(results, command):
    assert invoke(*command, "-o", "-").stdout == invoke(*command).stdout != ""
    assert not Path("-").exists()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_disk_that_fills_leaves_the_old_page(results, tmp_path, monkeypatch, command):
    def full(*_):
        raise OSError(28, "No space left on device")

    page = tmp_path / "page.html"
    page.write_text("old")
    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert_line(invoke(*command, "-o", page), 1, "page.html cannot be written: No space left")
    assert page.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "results"]


def test_a_page_is_written_through_a_link(results, tmp_path):
    (tmp_path / "link.html").symlink_to("page.html")
    assert invoke("report", "-o", "link.html").exit_code == 0
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "page.html").stat().st_size > 1000


@pytest.mark.parametrize(
    "arguments", [("--version",), ("--help",), ("list", "schemes"), ("report", "--format", "csv")]
)
def test_standard_output_on_a_full_disk_is_one_line(results, arguments):
    with Path("/dev/full").open("w") as full:
        done = process(*arguments, stdout=full)
    assert (done.returncode, done.stderr) == (1, "Error: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_standard_stream_is_no_error(results, closed):
    save_run(results / "0002_good.json", make_run(make_row(rtf=[0.1, 0.2]), name="0002_good"))
    command = f"{sys.executable} -m bench history {closed}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["sh", "-c", command], env=environment, stderr=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_no_file_takes_the_number_of_a_closed_standard_stream(tmp_path):
    """What prints would write into it."""
    script = (
        "import os, sys; from bench.__main__ import open_closed_streams; open_closed_streams();"
        "number = os.open('ours', os.O_WRONLY | os.O_CREAT); os.system('echo nonsense; echo >&2');"
        "print('nonsense', flush=True); sys.exit(number <= 2)"
    )
    done = subprocess.run(
        ["sh", "-c", f'exec {sys.executable} -c "{script}" <&- >&- 2>&-'], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert (tmp_path / "ours").read_bytes() == b""


def test_a_reader_that_has_enough_ends_the_program_without_a_word(results):
    command = f"{sys.executable} -m bench report | head -c 10; echo ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_an_interrupt_while_the_program_starts_is_one_line(tmp_path):
    """The module that Python is importing sends the signal itself."""
    (tmp_path / "click.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)\n")
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = process("list", "schemes", env=environment, stdout=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


def test_a_job_in_the_background_ignores_interrupts_as_before(tmp_path):
    """A shell starts it with the signal ignored; what it imports sends one all the same."""
    (tmp_path / "click.py").write_text(
        "import os, signal, sys; os.kill(os.getpid(), signal.SIGINT);"
        f"sys.path.remove({str(tmp_path)!r});"
        "del sys.modules['click']; import click; sys.modules['click'] = click"
    )
    command = f"trap '' INT; exec {sys.executable} -m bench list schemes"
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(
        ["sh", "-c", command], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("schemes:")


@pytest.mark.parametrize("variable", ["MOBILESPEECH_CACHE", "HOME"])
def test_a_cache_that_cannot_be_written_is_one_line(tmp_path, variable):
    """A file stands where the folder would be: true for root too, unlike permissions."""
    place = tmp_path / "place"
    place.write_text("words")
    variables = {"MOBILESPEECH_CACHE": "", "XDG_CACHE_HOME": "", variable: str(place)}
    done = process("say", "Hello.", "--model", "tiny", "-q", env=variables, stdout=subprocess.PIPE)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert str(place) in line


@pytest.mark.parametrize("name", ["folder", "folder of the device"])
def test_a_folder_of_results_that_may_not_be_read_is_said(results, monkeypatch, name):
    refused = results if name != "folder" else results.parent

    def guard(function):
        def guarded(path):
            if Path(path) == refused.relative_to(Path.cwd()):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path)

        return guarded

    monkeypatch.setattr("os.scandir", guard(os.scandir))
    monkeypatch.setattr("os.listdir", guard(os.listdir))
    for arguments in (("list", "runs"), ("show",), ("history",), ("report",)):
        assert_line(invoke(*arguments), 1, "cannot be read: Permission denied")


def test_a_folder_of_results_that_is_not_there_is_empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke("list", "runs").stdout == "runs:\n"


def test_names_in_a_csv_cannot_steer_a_terminal(results):
    run = make_run(make_row())
    case = replace(run.rows[0].case, scheme=HOSTILE)
    rows = (replace(run.rows[0], case=case, reason=HOSTILE),)
    save_run(results / "0002_bad.json", replace(run, rows=rows))
    for form in ("csv", "table", "markdown"):
        written = invoke("report", "0002", "--format", form).stdout
        assert written
        assert not [char for char in written if not char.isprintable() and char != "\n"]


def test_names_of_files_in_a_list_cannot_steer_a_terminal(results):
    shutil.copy(results / "0001_good.json", results / f"0002_{HOSTILE}.json")
    listed = invoke("list", "runs").stdout
    assert "0002_" in listed
    assert not [char for char in listed if not char.isprintable() and char != "\n"]


@pytest.mark.parametrize("terminal", [True, False])
def test_raw_documents_keep_their_bytes_but_for_a_terminal(capsys, monkeypatch, terminal):
    monkeypatch.setattr(output.sys.stdout, "isatty", lambda: terminal, raising=False)
    print_safely(f'{{"name": "\x1b[31mred\x1b[0m {HOSTILE} é"}}\n')
    written = capsys.readouterr().out
    assert ("\\u009b" in written) is terminal
    assert ("\x9b" in written) is not terminal
    assert ("\x1b[31mred" in written) is terminal  # click takes colours out of what is none
    assert "é" in written


@pytest.mark.parametrize("name", ["run.json", "run.journal"])
def test_old_runs_and_journals_are_not_replaced_either(results, tmp_path, name):
    path = tmp_path / name
    shutil.copy(ROOT / "tests" / "format1" / name, path)
    content = path.read_bytes()
    assert_line(invoke("report", "latest", "-o", name), 2, "is a run")
    assert path.read_bytes() == content


def test_a_report_that_is_a_document_is_replaced_by_the_next(results, tmp_path):
    for _ in range(2):
        assert invoke("report", "latest", "--format", "json", "-o", "run.json").exit_code == 0
