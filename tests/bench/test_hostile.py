"""Run files, journals, stores and configurations from anywhere: one line, an exit code, no more.

Whatever a file holds, a command that reads it says in one line what is wrong, writes nothing and
shows no traceback.
"""

import bz2
import gzip
import hashlib
import json
import lzma
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import pipeline
from bench.cli import bench
from bench.config import load_config
from bench.migrations import FORMAT
from bench.results import encode_run, load_run, save_run
from bench.rows import assemble
from bench.stores.journal import FileJournal, key_of, to_line
from model.errors import HarnessError
from reports.formats import FORMATS

OLD = Path(__file__).parents[1] / "format1"
GOOD = encode_run(load_run(OLD / "run.json"))
HEADER = GOOD.split(b"\n")[0]
DEEP = 100_000
REMOVED = object()


def invoke(*arguments):
    return CliRunner().invoke(bench, [*map(str, arguments)])


def state_of(folder):
    """All that a folder holds, with sizes and times."""
    return {
        path: (path.lstat().st_size, path.lstat().st_mtime_ns) for path in sorted(folder.rglob("*"))
    }


def assert_refused(result, code, said=""):
    """A command ended as every command ends that cannot do what it should."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert len(line) < 1500
    assert line.isprintable()
    assert said in line


def sealed(content):
    """Give any content the first line of a run file, with the checksum that is right for it."""
    checksum = hashlib.sha256(content).hexdigest().encode()
    return b'{"format":%d,"sha256":"%s",\n%s' % (FORMAT, checksum, content)


def with_value(path, value):
    """Put a value, or raw JSON as bytes, at a place of a good file; the checksum is right."""
    document = json.loads(GOOD)
    del document["format"], document["sha256"]
    place = document
    for key in path[:-1]:
        place = place[key]
    if value is REMOVED:
        del place[path[-1]]
    else:
        place[path[-1]] = "@@" if isinstance(value, bytes) else value
    content = json.dumps(document).encode()[1:]
    return sealed(content.replace(b'"@@"', value) if isinstance(value, bytes) else content)


def archive(name, content):
    """Pack content as a zip file."""
    import io

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return packed.getvalue()


ROW = ("rows", 0)
RTF = (*ROW, "metrics", "rtf")
RAW = {
    "empty": b"",
    "blank": b" \n\t\n",
    "null": b"null",
    "a number": b"3",
    "a string": b'"run"',
    "a list": b"[]",
    "an empty table": b"{}",
    "a list of runs": b"[" + GOOD + b"]",
    "only a format": b'{"format": 2}',
    "only format 1": b'{"format": 1}',
    "rows that are a number": b'{"format": 1, "rows": 3}',
    "rows of numbers": b'{"format": 1, "rows": [1, 2]}',
    "a newer format": GOOD.replace(b'"format":2', b'"format":99', 1),
    "a format that is text": GOOD.replace(b'"format":2', b'"format":"2"', 1),
    "a format below one": GOOD.replace(b'"format":2', b'"format":-1', 1),
    "a format that is true": b'{"format": true, "rows": []}',
    "a format that is a fraction": b'{"format": 1.5, "rows": []}',
    "a huge format": b'{"format": 1' + b"0" * 5000 + b"}",
    "no checksum": GOOD.replace(HEADER, b'{"format":2,', 1),
    "a wrong checksum": GOOD.replace(b'"sha256":"', b'"sha256":"0', 1),
    "another's checksum": HEADER.replace(HEADER[22:30], b"00000000") + GOOD[len(HEADER) :],
    "an edited number": GOOD.replace(b'"repeats":3', b'"repeats":5', 1),
    "Windows line ends": GOOD.replace(b"\n", b"\r\n"),
    "indented anew": json.dumps(json.loads(GOOD), indent=1).encode(),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "Latin-1": sealed(b'"run": "\xe9"}'),
    "cut in half": GOOD[: len(GOOD) // 2],
    "cut by a byte": GOOD[:-2],
    "more behind it": GOOD + b"{}",
    "twice": GOOD + GOOD,
    "zeros": bytes(10_000),
    "noise": hashlib.shake_256(b"noise").digest(10_000),
    "a program": b"\x7fELF" + bytes(1000),
    "a pickle": b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system",
    "a page": b"<!doctype html><script>alert(1)</script>",
    "YAML": b"format: 2\nrows: !!python/object/apply:os.system ['id']\n",
    "lists in lists": b"[" * DEEP,
    "tables in tables": b'{"format": 1, "rows":' + b'{"a":' * DEEP,
    "lists in a sealed file": sealed(b'"run":' + b"[" * DEEP),
    "closed lists in lists": b"[" * DEEP + b"]" * DEEP,
    "a key twice": b'{"format": 1, "format": 1, "rows": []}',
    "a deep key twice": (OLD / "run.json").read_bytes().replace(
        b'"median":', b'"median": 1, "median":', 1
    ),
    "gzip": gzip.compress(GOOD),
    "a bomb in gzip": gzip.compress(bytes(1_000_000)),
    "a bomb in zip": archive("run.json", bytes(1_000_000)),
    "zip": archive("../../run.json", GOOD),
    "bzip2": bz2.compress(GOOD),
    "xz": lzma.compress(GOOD),
    "zstd": b"\x28\xb5\x2f\xfd" + bytes(100),
    "NaN in format 1": (OLD / "run.json").read_bytes().replace(
        b'"median": 0.26', b'"median": NaN, "was": 0.26', 1
    ),
}  # fmt: skip
VALUES = {
    "no rows": (("rows",), REMOVED),
    "rows that are a table": (("rows",), {}),
    "no artifacts": (("artifacts",), REMOVED),
    "no device": (("device",), REMOVED),
    "a device without a name": (("device", "name"), REMOVED),
    "a device that is a list": (("device",), ["host"]),
    "cores in words": (("device", "cores"), "two"),
    "half a core": (("device", "cores"), 1.5),
    "cores without end": (("device", "cores"), b"1" + b"0" * 5000),
    "memory that is true": (("device", "memory_bytes"), True),
    "no schedule": (("schedule",), None),
    "repeats in words": (("schedule", "repeats"), "5"),
    "a name that is a number": (("run",), 7),
    "no time": (("started_at",), REMOVED),
    "a time in words": (("started_at",), "yesterday"),
    "an impossible time": (("started_at",), "2026-13-45T99:99:99"),
    "trained in words": (("trained",), "no"),
    "passes that are text": (("passes",), "16"),
    "versions that are a list": (("versions",), ["torch"]),
    "a version that is a number": (("versions", "torch"), 2.13),
    "utterances that are text": (("utterances",), "short"),
    "cases that are text": (("cases",), ["fp32"]),
    "half a surrogate": (("commit",), b'"\\ud800"'),
    "a bad escape": (("commit",), b'"\\x41"'),
    "a raw line break": (("commit",), b'"a\nb"'),
    "a row without a case": ((*ROW, "case"), REMOVED),
    "a case that is text": ((*ROW, "case"), "fp32"),
    "a scheme that is null": ((*ROW, "case", "scheme"), None),
    "an unknown outcome": ((*ROW, "outcome"), "won"),
    "the same case twice": (("rows", 1, "case", "scheme"), "fp32"),
    "an artifact that is not there": ((*ROW, "artifact"), 9),
    "a negative artifact": ((*ROW, "artifact"), -1),
    "an artifact in words": ((*ROW, "artifact"), "0"),
    "audio above the folder": ((*ROW, "audio"), "../../../etc/passwd"),
    "audio from the root": ((*ROW, "audio"), "/etc/passwd"),
    "audio by a way round": ((*ROW, "audio"), "a/../../b.flac"),
    "audio with a zero byte": ((*ROW, "audio"), "a\0.flac"),
    "audio with a long name": ((*ROW, "audio"), "a" * 5000),
    "audio that is a list": ((*ROW, "audio"), ["a.flac"]),
    "warnings that are text": ((*ROW, "warnings"), "UNSTEADY"),
    "metrics that are a list": ((*ROW, "metrics"), []),
    "a metric that is a number": (RTF, 0.5),
    "no samples": ((*RTF, "samples"), []),
    "samples in words": ((*RTF, "samples"), ["0.5"]),
    "a sample that is null": ((*RTF, "samples"), [None]),
    "a sample that is true": ((*RTF, "samples"), [True]),
    "a sample that is NaN": ((*RTF, "samples"), b"[NaN]"),
    "a sample without end": ((*RTF, "samples"), b"[1e999]"),
    "a sample below all": ((*RTF, "samples"), b"[-1e999]"),
    "an infinite median": ((*RTF, "median"), b"Infinity"),
    "a median that is null": ((*RTF, "median"), None),
    "a median of 5000 digits": ((*RTF, "median"), b"1" + b"0" * 5000),
    "an interval in words": ((*RTF, "low"), "low"),
    "no unit": ((*RTF, "unit"), REMOVED),
    "a unit that is a table": ((*RTF, "unit"), {}),
    "operators that are text": (("artifacts", 0, "operators"), ["conv"]),
    "an operator without a time": (("artifacts", 0, "operators", 0, "total_ms"), REMOVED),
    "an operator that takes NaN": (("artifacts", 0, "operators", 0, "total_ms"), b"NaN"),
    "methods that are a list": (("artifacts", 0, "methods"), []),
    "a method without facts": (("artifacts", 0, "methods", "smd"), {}),
    "left out by threes": (("artifacts", 0, "left_out"), [["a", "b", "c"]]),
}
RUNS = {**RAW, **{name: with_value(*change) for name, change in VALUES.items()}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "host").mkdir(parents=True)
    return tmp_path / "results" / "host"


@pytest.mark.parametrize("content", RUNS.values(), ids=RUNS)
def test_a_run_file_that_is_none_is_refused_by_every_command(folder, content):
    path = folder / "0001_bad.json"
    path.write_bytes(content)
    before = state_of(folder.parent)
    for arguments in (("show", path), ("report", "latest", "--format", "markdown")):
        assert_refused(invoke(*arguments), 1, "is not a run that can be read")
    assert state_of(folder.parent) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "0001", "--raw"), ("compare", "0001", "0001"), ("compare", "latest", "0001"),
        *(("report", "--format", name) for name in FORMATS),
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_refuses_a_run_file_that_is_none(folder, arguments):
    (folder / "0001_bad.json").write_bytes(RUNS["an edited number"])
    before = state_of(folder.parent)
    assert_refused(invoke(*arguments), 1, "damaged or changed after it was written")
    assert state_of(folder.parent) == before


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "nowhere", "endless", "two GiB"])
def test_what_is_no_file_of_a_sensible_size_is_refused(folder, kind):
    path = folder / "0001_bad.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "two GiB":
        with path.open("wb") as file:
            file.truncate(2**31)
    else:
        target = {"loop": path, "nowhere": folder / "nothing", "endless": "/dev/zero"}[kind]
        path.symlink_to(target)
    assert_refused(invoke("show", "latest"), 1, "0001_bad.json")
    assert_refused(invoke("history"), 1, "no run")


NAMES = ["", "..", "/", "a" * 5000, "\0", "x\ny", "\x1b[2J", "🎉", "0001"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_of_no_run_is_refused(folder, name):
    assert_refused(invoke("show", name), 2, "no run")


def test_bad_files_do_not_keep_good_ones_from_being_read(folder):
    for number, content in enumerate(RUNS.values(), 1):
        (folder / f"{number:04d}_bad.json").write_bytes(content)
    (folder / "9999_good.json").write_bytes(GOOD)
    result = invoke("history", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert len(document["runs"]) == 1
    assert len(document["problems"]) == len(RUNS)
    assert all(line.startswith("Left out: ") for line in result.stderr.splitlines())


def journal_of(*changes):
    """The lines of a good journal, with some of them changed."""
    entries = FileJournal(OLD / "run.journal").entries()
    lines = [to_line(entries[0].pop("kind"), entries[0], 1, "")]
    key = key_of(lines[0])
    for number, one in enumerate(entries[1:], 2):
        lines.append(to_line(one.pop("kind"), one, number, key))
    for place, line in changes:
        lines[place] = line(place + 1, key) if callable(line) else line
    return b"".join(lines)


def entry(kind="repeat", **fields):
    return lambda number=1, key="": to_line(kind, fields, number, key)


SECOND = 3  # line of a journal that holds a repeat
JOURNALS = {
    "empty lines": b"\n\n\n",
    "no header": b"".join(journal_of().splitlines(keepends=True)[1:]),
    "a header twice": journal_of().splitlines(keepends=True)[0] * 2 + b"{}\n",
    "a header of nothing": entry("header")(),
    "a newer format": journal_of().replace(b'"format":3', b'"format":9', 1),
    "noise": hashlib.shake_256(b"noise").digest(1000) + b"\n",
    "zeros": bytes(1000) + b"\n",
    "gzip": gzip.compress(journal_of()),
    "lists in lists": b"[" * DEEP + b"\n",
    "tables in tables": b'{"kind":' * DEEP + b"\n",
    "a line without its checksum": journal_of((SECOND, b'{"kind":"repeat"}\n')),
    "a line with a wrong checksum": journal_of((SECOND, b'{"kind":"x","crc32":"00000000"}\n')),
    "a line that is a list": journal_of((SECOND, b"[]\n")),
    "a line that is half": journal_of((SECOND, b'{"kind":"rep\n')),
    "a line that is binary": journal_of((SECOND, b"\x80\xff\x00\n")),
    "a kind that is a number": journal_of((SECOND, entry(7))),
    "a repeat of nothing": journal_of((SECOND, entry())),
    "a repeat of a stranger": journal_of((SECOND, entry(case={"scheme": "x"}, facts={}))),
    "facts that are a list": journal_of((SECOND, entry(case={}, facts=[]))),
    "lowered without a manifest": journal_of((1, entry("lowered", pair={"scheme": "fp32"}))),
}


@pytest.mark.parametrize("content", JOURNALS.values(), ids=JOURNALS)
def test_a_journal_that_is_none_is_not_gone_on_with(tmp_path, plan, device, content):
    path = tmp_path / "host" / "0002_0e59a31_fixture.journal"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(HarnessError) as caught:
        pipeline.run(plan, device, tmp_path, lambda step: None, resume="")
    assert len(str(caught.value).splitlines()) == 1
    assert device.asked == []
    assert [entry.name for entry in path.parent.glob("*.json")] == []


def test_a_journal_without_a_whole_line_is_no_run(tmp_path):
    path = tmp_path / "cut.journal"
    path.write_bytes(b'{"kind":"header"')
    with pytest.raises(HarnessError, match="no whole line: nothing was measured"):
        assemble(FileJournal(path).entries())


CONFIGURATIONS = {
    "noise": hashlib.shake_256(b"noise").digest(1000),
    "zeros": bytes(100),
    "UTF-16": "[suites]".encode("utf-16"),
    "Latin-1": b"[devices.caf\xe9]",
    "JSON": b'{"suites": {}}',
    "YAML": b"suites:\n  smoke: {}\n",
    "half a table": b"[suites",
    "half a string": b'[store]\nurl = "results',
    "a key twice": b"[store]\nurl = 'a'\nurl = 'b'\n",
    "a table twice": b"[store]\n[store]\n",
    "lists in lists": b"a = " + b"[" * DEEP,
    "tables in tables": b"a = " + b"{a=" * DEEP,
    "dots without end": b"a" + b".a" * DEEP + b" = 1",
    "gzip": gzip.compress(b"[suites]"),
    "a bomb in gzip": gzip.compress(bytes(1_000_000)),
    "larger than any": b"#" * (2**20 + 1),
    "an unknown table": b"[stores]\n",
    "an unknown key": b"[schedule]\nrepeat = 5\n",
    "a table that is a number": b"suites = 3\n",
    "a table that is a list": b"devices = []\n",
    "tables in a list": b"[[store]]\nurl = 'x'\n",
    "a suite that is text": b"suites.smoke = 'all'\n",
    "a suite with an unknown key": b"[suites.smoke]\nscheme = 'fp32'\n",
    "schemes that are text": b"[suites.smoke]\nschemes = 'fp32'\n",
    "schemes of numbers": b"[suites.smoke]\nschemes = [4, 8]\n",
    "passes that are text": b"[suites.smoke]\npasses = ['16']\n",
    "repeats in words": b"[schedule]\nrepeats = 'five'\n",
    "repeats that are true": b"[schedule]\nrepeats = true\n",
    "an interval of 200 %": b"[schedule]\nuntil = 2\n",
    "fewer threads than none": b"[schedule]\nthreads = -1\n",
    "threads without end": b"[schedule]\nthreads = 100000\n",
    "no repeats": b"[schedule]\nrepeats = 0\n",
    "an endless pause": b"[schedule]\ncooldown_s = inf\n",
    "a pause that is none": b"[schedule]\ncooldown_s = nan\n",
    "a pause of 1e999": b"[schedule]\ncooldown_s = 1e999\n",
    "a date for a number": b"[schedule]\nrepeats = 2026-02-11\n",
    "a store that is a number": b"[store]\nurl = 5\n",
    "a store with another key": b"[store]\nplace = 'results'\n",
    "a foreign store": b"[store]\nurl = 'mysql://host/db'\n",
    "a hostile name": b"[suites.'<script>\\u001b[2J']\nx = 1\n",
    "a hostile key": b'"\\u001b[2J\\n<img src=x>" = 1\n',
    "control codes": b"[suites]\n\x1b[2J = 1\n",
}


def test_a_configuration_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "bench.toml"
    path.write_bytes(b"\xef\xbb\xbf[suites.of-windows]\n")
    assert set(load_config(path).suites) == {"of-windows"}


@pytest.mark.parametrize("content", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_configuration_that_is_none_is_refused(folder, content):
    path = folder.parent.parent / "bench.toml"
    path.write_bytes(content)
    before = state_of(path.parent)
    assert_refused(invoke("show"), 2)
    assert_refused(invoke("--config", path, "list", "runs"), 2)
    assert state_of(path.parent) == before


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "endless"])
def test_a_configuration_that_is_no_file_is_refused(folder, kind):
    path = folder.parent.parent / "bench.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to({"loop": path, "endless": "/dev/zero"}[kind])
    assert_refused(invoke("--config", path, "list", "runs"), 2, "bench.toml")


STORES = {
    "a file": (2, "a_file"),
    "nowhere": (2, "nowhere"),
    "a loop": (1, "loop"),
    "a name too long": (1, "x" * 5000),
    "another database": (2, "mysql://root@localhost/runs"),
    "a page": (2, "https://example.com/results"),
    "a file's URL": (2, "file:///etc/passwd"),
    "no host": (1, "postgresql:///nothing?host=/nowhere"),
    "a port in words": (2, "postgresql://host:port/db"),
    "a closed port": (1, "postgresql://127.0.0.1:1/db"),
    "hostile letters": (2, "\x1b[2J://<script>"),
    "a zero byte": (1, "results\0"),
}


@pytest.mark.parametrize(("code", "place"), STORES.values(), ids=STORES)
def test_a_place_that_is_no_store_is_refused(folder, code, place):
    (folder.parent.parent / "a_file").write_text("words")
    (folder.parent.parent / "loop").symlink_to("loop")
    before = state_of(folder.parent.parent)
    assert_refused(invoke("--results", place, "show"), code)
    assert state_of(folder.parent.parent) == before
    assert_refused(invoke("--results", place, "history"), code)


HOSTILE = (
    "<script>alert(1)</script>", "</title><img src=x onerror=alert(1)>", "javascript:alert(1)",
    "| a | b |\n|---|---|\n# h", "[x](javascript:alert(1))", "![x](http://evil/x.png)", "@everyone",
    "`${{ github.token }}`", "::error::boo", "\x1b[2J\x1b]0;title\x07", "=cmd|' /C calc'!A0",
    "{{ 7 * 7 }}", "{% raw %}", "\u202eevil\u2066", "\x00", "a" * 10_000, "--><!--", "]]>", "%s%n",
)  # fmt: skip
TEXTS = [
    ("run",), ("commit",), ("device", "name"), ("device", "model"), ("device", "os"),
    ("versions", "torch"), ("model", "name"), ("utterances", "short", "text"),
    (*ROW, "case", "scheme"), (*ROW, "case", "backend"), (*ROW, "reason"), (*RTF, "unit"),
    (*ROW, "warnings"), ("artifacts", 0, "operators", 0, "name"),
]  # fmt: skip


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: ".".join(map(str, path)))
def test_hostile_text_is_read_and_shown_as_text(folder, path):
    words = " ".join(HOSTILE)
    file = folder / "0001_bad.json"
    file.write_bytes(with_value(path, [words] if path[-1] == "warnings" else words))
    other, run = folder / "0002_later.json", load_run(file)
    later = replace(run.header, started_at="2030-01-01T00:00:00+00:00")
    save_run(other, replace(run, header=later))
    for arguments in (
        ("show", file), ("history", "--last", "3"), ("report", file),
        ("report", file, "--format", "markdown"), ("compare", file, other),
    ):  # fmt: skip
        result = invoke(*arguments)
        assert result.exit_code == 0, result.output
        if arguments[-1] != file or arguments[0] != "report":  # a page is no terminal's
            assert "\x1b" not in result.stdout
            assert "\x07" not in result.stdout
        if arguments[0] == "report":
            assert "<img src=x" not in result.stdout
            assert "<script>alert(1)" not in result.stdout
