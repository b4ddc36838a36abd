"""What can be wrong with this machine, its files and what a user names: a line and an exit code.

One table: a fault, how the command is called, and how it must end. Each is tried in an empty folder
with one good run in it.
"""

import gzip
import io
import os
import pwd
import shutil
import socket
import subprocess
import sys
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner
from run_builder import make_row, make_run

from bench.cli import bench
from bench.results import save_run

ROOT = Path(__file__).resolve().parents[2]
RUN = "results/pixel8/0001_good.json"
WORKS = ""


@dataclass(frozen=True)
class Fault:
    """What is wrong, and how it ends.

    Attributes:
        arguments: Of the command.
        said: What the line has to say; empty where the command works all the same.
        code: Exit code.
        make: Makes the fault, in the current folder.
        variables: Of the environment.
    """

    arguments: tuple[str, ...]
    said: str = WORKS
    code: int = 2
    make: Callable[[], object] = lambda: None
    variables: Mapping[str, str] = field(default_factory=dict)


def pipe(name):
    return lambda: os.mkfifo(name)


def link(name, target):
    return lambda: Path(name).symlink_to(target)


def text(name, content):
    return lambda: Path(name).write_bytes(content)


def folder(name):
    return lambda: Path(name).mkdir(parents=True)


def bound_socket(name):
    def bind():
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(name)

    return bind


def many(*steps):
    return lambda: [step() for step in steps]


def another_run():
    run = make_run(make_row(rtf=[0.3, 0.4]), name="0002_other")
    save_run(Path("results/pixel8/0002_other.json"), run)


def emptied(name):
    return lambda: (shutil.rmtree(name), Path(name).mkdir())


def sparse(name, size):
    return lambda: (Path(name).touch(), os.truncate(name, size))


def wav(size):
    """Two seconds of silence whose header says that it has `size` bytes."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(bytes(96_000))
    return content.getvalue()[:40] + size.to_bytes(4, "little") + bytes(96_000)


def converted(change):
    return lambda: Path("results/pixel8/0003_x.json").write_bytes(change(Path(RUN).read_bytes()))


SAY_LEXICON = ("say", "Hi.", "--model", "tiny", "--lexicon", "words.toml", "-o", "said.wav")
SAY_PROMPT = ("say", "Hi.", "--model", "tiny", "--prompt", "a.wav", "-o", "said.wav")
FAULTS = {
    # what -o names
    "-o is a pipe": Fault(("report", "-o", "out"), "a pipe", make=pipe("out")),
    "-o is a device": Fault(("report", "-o", "/dev/null"), "a device"),
    "-o is a socket": Fault(("report", "-o", "out"), "a socket", make=bound_socket("out")),
    "-o is a folder": Fault(("report", "-o", "results"), "a folder"),
    "-o is a link to a device": Fault(
        ("report", "-o", "out"), "a device", make=link("out", "/dev/full")
    ),
    "-o is a link to itself": Fault(("report", "-o", "out"), make=link("out", "out")),
    "-o lies in no folder": Fault(("report", "-o", "no/out"), "there is no folder no"),
    "-o lies in a file": Fault(("report", "-o", f"{RUN}/out"), "Not a directory"),
    "-o is a name too long": Fault(("report", "-o", "n" * 300), "File name too long"),
    "-o has a zero byte": Fault(("report", "-o", "a\0b"), "cannot be written"),
    "-o is the run itself": Fault(("report", RUN, "-o", RUN), "is a run"),
    "-o of a comparison is its base": Fault(
        ("compare", "0001", "0002", "-o", RUN), "is a run", make=another_run
    ),
    "-o of a report is another run": Fault(
        ("report", "0002", "-o", RUN), "is a run", make=another_run
    ),
    "-o of speech is a link to a run": Fault(
        ("say", "Hi.", "-o", "a.wav"), "is a run", make=link("a.wav", RUN)
    ),
    "-o of a calibration is a run": Fault(("calibrate", "-o", RUN), "is a run"),
    "a study is a run": Fault(("search", "--study", RUN), "is a run"),
    "-o of speech lies in no folder": Fault(("say", "Hi.", "-o", "no/a.wav"), "no folder no"),
    "-o of speech is a pipe": Fault(("say", "Hi.", "-o", "a.wav"), "a pipe", make=pipe("a.wav")),
    "-o of compiled models is a file": Fault(
        ("compile", "-o", RUN), "is not a folder"
    ),
    "-o of a search lies in a file": Fault(("search", "-o", f"{RUN}/schemes"), "is not a folder"),
    "a study is a pipe": Fault(("search", "--study", "s"), "a pipe", make=pipe("s")),
    "-o of a calibration lies in no folder": Fault(
        ("calibrate", "--run", "0001", "-o", "no/c.toml"), "no folder no"
    ),
    # what a user gives to read
    "the text is Latin-1": Fault(
        ("say", "--text-file", "t"), "t is not UTF-8", make=text("t", b"caf\xe9")
    ),
    "the text is half of UTF-16": Fault(
        ("say", "--text-file", "t"), "t is not UTF-8", make=text("t", b"\xff\xfeabc")
    ),
    "the text is a pipe": Fault(("say", "--text-file", "t"), "a pipe", make=pipe("t")),
    "the text is packed": Fault(
        ("say", "--text-file", "t"), "packed by gzip", make=text("t", gzip.compress(b"Hi."))
    ),
    "the text is missing": Fault(("say", "--text-file", "t"), "No such file"),
    "the text is blank": Fault(("say", " \n\t"), "can be said"),
    "a lexicon is a pipe": Fault(SAY_LEXICON, "words.toml cannot be read: it is a pipe",
        make=pipe("words.toml")),
    "a lexicon is an endless device": Fault(SAY_LEXICON, "it is a device",
        make=link("words.toml", "/dev/zero")),
    "a lexicon is nested without end": Fault(SAY_LEXICON, "recursion depth",
        make=text("words.toml", b"[en]\nx = " + b"[" * 3000)),
    "a lexicon has a number of 5000 digits": Fault(SAY_LEXICON, "4300 digits",
        make=text("words.toml", b"[en]\nx = " + b"1" * 5000)),
    "a lexicon has a word twice": Fault(SAY_LEXICON, "has two pronunciations",
        make=text("words.toml", b"[en]\nA = 'x'\na = 'y'\n")),
    "a lexicon is UTF-16": Fault(SAY_LEXICON, "can't decode byte 0xff",
        make=text("words.toml", "[en]".encode("utf-16"))),
    "a prompt is a web page": Fault(SAY_PROMPT, "Format not recognised",
        make=text("a.wav", b"<!DOCTYPE html>" * 99)),
    "a prompt's header says that it is empty": Fault(SAY_PROMPT, "is empty by its header",
        make=text("a.wav", wav(0))),
    "a prompt has the header of a stream and no speech": Fault(SAY_PROMPT, "is silent",
        make=text("a.wav", wav(0xFFFFFFFF))),
    "a prompt is a sparse file of ten gigabytes": Fault(SAY_PROMPT, "is larger than",
        make=sparse("a.wav", 10 << 30)),
    "a run has Windows' line ends": Fault(("show", "0003"), "line ends", 1,
        converted(lambda content: content.replace(b"\n", b"\r\n"))),
    "a run has a byte order mark": Fault(("show", "0003"), "byte order mark", 1,
        converted(lambda content: b"\xef\xbb\xbf" + content)),
    "a run is of a newer format": Fault(("show", "0003"), "it is of format 9", 1,
        text("results/pixel8/0003_x.json", b'{"format": 9}')),
    "a run's format has 400 digits": Fault(("show", "0003"), "it is of format 1", 1,
        text("results/pixel8/0003_x.json", b'{"format": 1%s}' % (b"0" * 400))),
    "a hundred million passes": Fault(
        ("run", "--dry-run", "--passes", "100000000"), "each from 1 to 1000"
    ),
    "a cool-down that is not a number": Fault(
        ("run", "--dry-run", "--cooldown", "nan"), "cooldown_s must be at most 86400, not nan"
    ),
    "a cool-down without end": Fault(
        ("run", "--dry-run", "--cooldown", "inf"), "cooldown_s must be at most 86400, not inf"
    ),
    "a suite of no schemes": Fault(
        ("run", "--dry-run"), "the suite names no quantization scheme",
        make=text("bench.toml", b"[suites.default]\nschemes = []"),
    ),
    "threads below none": Fault(("say", "Hi.", "--threads", "-1"), "-1 is not in the range"),
    "a model is a pipe": Fault(("diff", "a.pte", "a.pte"), "a pipe", 1, pipe("a.pte")),
    "a model is a folder's name": Fault(("show", "--graph", "a.pte"), "a.pte", 1, folder("a.pte")),
    "a scheme is a pipe": Fault(
        ("run", "--scheme", "s.toml", "--dry-run"), "a pipe", make=pipe("s.toml")
    ),
    "a scheme is a link to an endless device": Fault(
        ("run", "--scheme", "s.toml", "--dry-run"), "a device", make=link("s.toml", "/dev/zero")
    ),
    "weights are a pipe": Fault(
        ("run", "--checkpoint", "w", "--dry-run"), "no file w", make=pipe("w")
    ),
    "a comparison is a pipe": Fault(("ci", "c.json"), "a pipe", 1, pipe("c.json")),
    "a summary is a pipe": Fault(
        ("ci", "c.json", "--summary", "s"), "c.json", 2, pipe("s")
    ),
    "a calibration is a pipe": Fault(
        ("compare", "0001", "0002"), "a pipe",
        make=many(another_run, pipe("results/pixel8/calibration.toml")),
    ),
    "a name has half a surrogate": Fault(("show", "\udcff"), "no run '\\udcff'"),
    "a name has control codes": Fault(("show", "\x1b[2J\n"), "no run"),
    # configuration and environment
    "bench.toml is a pipe": Fault(("show",), "a pipe", make=pipe("bench.toml")),
    "bench.toml is a socket": Fault(("show",), "a socket", make=bound_socket("bench.toml")),
    "$BENCH_CONFIG is empty": Fault(("show",), variables={"BENCH_CONFIG": ""}),
    "$BENCH_CONFIG names nothing": Fault(
        ("show",), "nowhere.toml cannot be read: No such file",
        variables={"BENCH_CONFIG": "nowhere.toml"},
    ),
    "$MOBILESPEECH_CACHE is a file": Fault(
        ("say", "Hi.", "--model", "tiny", "-o", "a.wav"), RUN, variables={"MOBILESPEECH_CACHE": RUN}
    ),
    "$MOBILESPEECH_CACHE is a device": Fault(
        ("say", "Hi.", "--model", "tiny", "-o", "a.wav"), "/dev/null",
        variables={"MOBILESPEECH_CACHE": "/dev/null"},
    ),
    "a log in the cache is a pipe": Fault(
        ("say", "Hi.", "--model", "tiny", "-o", "a.wav"), "a pipe",
        make=many(folder("cache/logs"), pipe("cache/logs/say.log")),
        variables={"MOBILESPEECH_CACHE": "cache"},
    ),
    "$COLUMNS is no number": Fault(("show",), variables={"COLUMNS": "wide"}),
    "$COLUMNS is negative": Fault(("show",), variables={"COLUMNS": "-5"}),
    "$TZ is no zone": Fault(("show",), variables={"TZ": "No/Where"}),
    # results
    "results are a file": Fault(
        ("show",), "no finished run",
        make=many(lambda: shutil.rmtree("results"), text("results", b"")),
    ),
    "a run is a folder": Fault(
        ("show", "0002"), "a folder", 1, folder("results/pixel8/0002_x.json")
    ),
    "a run is a link to an endless device": Fault(
        ("show", "0002"), "a device", 1, link("results/pixel8/0002_x.json", "/dev/zero")
    ),
    "a device's folder is a file": Fault(("show",), make=text("results/host", b"words")),
    "a device's folder is a link to itself": Fault(("show",), make=link("results/host", "host")),
    "there are no runs": Fault(("show",), "no finished run", make=emptied("results")),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_fault_of_this_machine_is_one_line_and_an_exit_code(
    tmp_path, monkeypatch, record_property, fault
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / RUN).parent.mkdir(parents=True)
    save_run(tmp_path / RUN, make_run(make_row(rtf=[0.1, 0.2])))
    good = (tmp_path / RUN).read_bytes()
    for name, value in fault.variables.items():
        monkeypatch.setenv(name, value)
    fault.make()
    record_property("designed", f"exit code {fault.code}" if fault.said else "the command works")
    result = CliRunner().invoke(bench, [*fault.arguments])
    record_property("said", result.stderr.strip().splitlines()[-1] if fault.said else "")
    assert result.exception is None or isinstance(result.exception, SystemExit)
    if fault.said:
        assert result.exit_code == fault.code, result.output
        assert fault.said in result.stderr
        lines = [line for line in result.stderr.splitlines() if "Usage:" not in line]
        assert all(line.isprintable() for line in lines)
        assert lines[-1].startswith("Error: ")
    else:
        assert result.exit_code == 0, result.output
    if (tmp_path / RUN).is_file():
        assert (tmp_path / RUN).read_bytes() == good


def test_a_link_in_place_of_a_lock_leaves_what_it_leads_to(tmp_path):
    """At `.lock` of a device's folder, where opening for writing would truncate it."""
    from bench.stores.folder import FolderStore
    from model.errors import ResultError

    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    (tmp_path / "results" / "pixel8").mkdir(parents=True)
    (tmp_path / "results" / "pixel8" / ".lock").symlink_to(theirs)
    with pytest.raises(ResultError, match="symbolic link"):
        FolderStore(tmp_path / "results").begin(make_run(make_row()).header, "")
    assert theirs.read_text() == "theirs"


def test_a_user_without_a_home_is_told_what_to_set(tmp_path, monkeypatch):
    """A number that /etc/passwd does not know, as `docker run --user 12345` makes it."""

    def unknown(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MOBILESPEECH_CACHE"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(bench, ["say", "Hi.", "--model", "tiny", "-o", "a.wav"])
    assert result.exit_code == 2, result.output
    assert "no home folder: set HOME, or MOBILESPEECH_CACHE" in result.stderr
    assert list(tmp_path.iterdir()) == []  # no folder that is called ~


def test_listing_works_without_docstrings(tmp_path):
    """Python takes them out with -OO."""
    done = subprocess.run(
        [sys.executable, "-OO", "-m", "bench", "list"], capture_output=True, text=True,
        check=False, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_that_was_removed_under_the_program_is_no_reason_to_fail(tmp_path):
    script = f"mkdir gone; cd gone; rmdir ../gone; exec {sys.executable} -m bench list schemes"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_too_little_memory_is_one_line(tmp_path):
    script = f"ulimit -v 250000; exec {sys.executable} -m bench show {ROOT}/tests/format1/run.json"
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)  # how much it takes differs from machine to machine


def test_what_is_named_twice_is_measured_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    twice = ("--scheme", "fp32", "--backend", "xnnpack", "--utterance", "short") * 2
    result = CliRunner().invoke(bench, ["run", "--dry-run", "--model", "tiny", *twice])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1
