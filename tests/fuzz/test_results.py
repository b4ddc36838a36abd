"""Whatever stands in a run file or a journal: one line or a run, and nothing is counted twice."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from fuzzing import damaged, edited, fuzzed, tried
from hypothesis import given
from hypothesis import strategies as st

from bench.cli import bench
from bench.migrations import FORMAT
from bench.results import Case, decode_run, encode_run, load_run
from bench.rows import assemble
from bench.stores.journal import FileJournal, from_lines, key_of, to_line
from reports.formats import FORMATS

OLD = Path(__file__).parents[1] / "format1"
RUN = load_run(OLD / "run.json")
GOOD = encode_run(RUN)
SHOWN = ("table", "markdown", "csv", "json")


def sealed(document):
    """A run file of a document, with the checksum that is right for it."""
    document = {key: value for key, value in document.items() if key not in ("format", "sha256")}
    content = json.dumps(document).encode()[1:]
    checksum = hashlib.sha256(content).hexdigest().encode()
    return b'{"format":%d,"sha256":"%s",\n%s' % (FORMAT, checksum, content)


@fuzzed
@given(
    damaged(GOOD)
    | edited(json.loads(GOOD)).map(sealed)
    | damaged((OLD / "run.json").read_bytes())
    | edited(json.loads((OLD / "run.json").read_bytes())).map(lambda one: json.dumps(one).encode())
)
def test_any_run_file_is_shown_or_is_refused(content):
    run, refused = tried(decode_run, content, "a run")
    if refused:
        return
    assert len({row.case for row in run.rows}) == len(run.rows)
    for name in SHOWN:
        written = FORMATS[name](run, None)
        assert name == "json" or not [c for c in written if not c.isprintable() and c != "\n"]


@pytest.mark.parametrize("command", ["show", "history", "report"])
@fuzzed
@given(content=damaged(GOOD) | edited(json.loads(GOOD)).map(sealed))
def test_commands_touch_nothing_beside_the_run_that_they_read(tmp_path_factory, command, content):
    folder = tmp_path_factory.mktemp("results")
    path = folder / "host" / "0001_odd.json"
    path.parent.mkdir()
    path.write_bytes(content)
    result = CliRunner().invoke(bench, ["--results", str(folder), command])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code in (0, 1, 2)
    assert all(line.isprintable() for line in result.stderr.splitlines())
    assert path.read_bytes() == content
    others = {one.name for one in folder.rglob("*")} - {"host", "0001_odd.json"}
    assert all(name.startswith(".index") for name in others)


def journal_lines():
    """A good journal, line by line, of this format."""
    entries = FileJournal(OLD / "run.journal").entries()
    lines = [to_line(entries[0].pop("kind"), entries[0], 1, "")]
    key = key_of(lines[0])
    for number, one in enumerate(entries[1:], 2):
        lines.append(to_line(one.pop("kind"), one, number, key))
    return lines


LINES = journal_lines()
ENTRIES = from_lines(LINES, "good")


def assembled(lines):
    """The run of a journal."""
    return assemble(from_lines(lines, "a journal"))


def repeats_of(run):
    """How many repeats there are of every case."""
    return Counter(
        {str(row.case): len(row.metrics["rtf"].samples) for row in run.rows if row.metrics}
    )


WRITTEN = Counter(
    str(Case(**one["case"])) for one in from_lines(LINES, "good") if one["kind"] == "repeat"
)


@st.composite
def shuffled(draw):
    """The lines of a good journal, with some taken out, said twice, exchanged or damaged."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(lines) - 1, 0)))
        other = draw(st.integers(0, max(len(lines) - 1, 0)))
        kind = draw(st.sampled_from(("remove", "double", "exchange", "damage", "cut")))
        if not lines:
            break
        if kind == "remove":
            del lines[at]
        elif kind == "double":
            lines.insert(other, lines[at])
        elif kind == "exchange":
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == "damage":
            lines[at] = draw(damaged(lines[at]))
        else:
            lines = lines[:at]
    return lines


@fuzzed
@given(shuffled())
def test_a_journal_whose_lines_are_moved_is_refused_or_counts_nothing_twice(lines):
    run, refused = tried(assembled, lines)
    if not refused:
        assert not repeats_of(run) - WRITTEN


@st.composite
def rewritten(draw):
    """A journal whose lines are numbered and sealed as they must be, with odd entries."""
    entries = [draw(edited(one)) if draw(st.booleans()) else one for one in ENTRIES]
    entries = [one for one in entries if isinstance(one, dict)]
    if draw(st.booleans()) and entries:
        entries.append(draw(st.sampled_from(entries)))
    lines, key = [], ""
    for number, one in enumerate(entries, 1):
        fields = {name: value for name, value in one.items() if name != "kind"}
        kind = one.get("kind", "nothing")
        lines.append(to_line(kind, fields, number, key))
        key = key or key_of(lines[0])
    return lines


@fuzzed
@given(rewritten())
def test_a_sealed_journal_of_odd_entries_is_refused_or_counts_no_round_twice(lines):
    run, refused = tried(assembled, lines)
    if refused:
        return
    rounds = Counter(
        (json.dumps(one["case"], sort_keys=True), one["facts"]["round"])
        for one in from_lines(lines, "a journal")
        if one["kind"] == "repeat"
    )
    assert all(count == 1 for count in rounds.values())
    assert len(run.rows) == len(run.header.cases)
