"""A journal holds every entry once, in the order in which it was written, and none of another."""

import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from run_builder import make_row, make_run

from bench import pipeline
from bench.cli import bench
from bench.results import decode_run
from bench.rows import assemble
from bench.stores.folder import FolderStore
from bench.stores.journal import FileJournal
from bench.stores.store import open_store
from model.errors import DeviceUnavailableError, ResultError

OLD = Path(__file__).parents[2] / "format1"


@pytest.fixture
def path(plan, device, tmp_path):
    """The journal of a run that was cut short: a header, two lowered, five repeats, a failure."""
    device.gone_after = 5
    with pytest.raises(DeviceUnavailableError):
        pipeline.run(plan, device, tmp_path / "results", lambda step: None)
    (path,) = (tmp_path / "results" / "host").glob("*.journal")
    return path


@pytest.fixture
def other(plan, device, tmp_path, path):
    """The journal of another run of the same plan."""
    device.gone_after = len(device.asked) + 5
    with pytest.raises(DeviceUnavailableError):
        pipeline.run(replace(plan, tag="b"), device, tmp_path / "others", lambda step: None)
    (path,) = (tmp_path / "others" / "host").glob("*.journal")
    return path


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


def refusal(path, lines):
    path.write_bytes(b"".join(lines))
    with pytest.raises(ResultError) as caught:
        FileJournal(path).entries()
    return str(caught.value)


# What is done at a line to the lines of a journal, with those of another; and what is said of it.
FAULTS = {
    "a line stands twice": (
        lambda lines, _, n: [*lines[:n], *lines[n - 1 :]],
        lambda n: f"line {n + 1}: it is line {n} once more: remove it",
    ),
    "a line stands again at the end": (
        lambda lines, _, n: [*lines, lines[n - 1]],
        lambda n: f"it is line {n} once more: remove it",
    ),
    "two lines are swapped": (
        lambda lines, _, n: [*lines[: n - 1], lines[n], lines[n - 1], *lines[n + 1 :]],
        lambda n: f"line {n}: it was written as line {n + 1}: lines are missing or out of order",
    ),
    "a line is missing": (
        lambda lines, _, n: [*lines[: n - 1], *lines[n:]],
        lambda n: f"line {n}: it was written as line {n + 1}: lines are missing or out of order",
    ),
    "a line is another journal's": (
        lambda lines, others, n: [*lines[: n - 1], others[n - 1], *lines[n:]],
        lambda n: f"line {n}: it is a line of another journal: remove it",
    ),
    "the first line is missing": (
        lambda lines, _, n: lines[1:],
        lambda n: "line 1: it was written as line 2: lines are missing or out of order",
    ),
    "a byte is changed": (
        lambda lines, _, n: [*lines[: n - 1], lines[n - 1].replace(b"e", b"f", 1), *lines[n:]],
        lambda n: f"line {n}: its checksum is wrong",
    ),
}


@pytest.mark.parametrize(("change", "said"), FAULTS.values(), ids=FAULTS)
def test_every_fault_of_a_journal_is_named(path, other, change, said, record_property):
    lines, others = lines_of(path), lines_of(other)
    record_property("designed", "one line that names it; nothing counts twice")
    for number in (2, 4, 7):
        words = refusal(path, change(lines, others, number))
        assert f"damaged in {said(number)}" in words or said(number) in words.partition(": ")[2]
        assert "nothing was measured" not in words
        record_property("said", words)


def test_two_repeats_of_one_round_are_refused_in_older_journals_too(tmp_path):
    path = tmp_path / "old.journal"
    lines = (OLD / "run.journal").read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[3]]))
    with pytest.raises(ResultError, match=rf"line {len(lines) + 1} of .* holds round 0 of fp32 x"):
        assemble(FileJournal(path).entries())


def test_an_entry_of_a_case_that_the_run_does_not_have_is_refused(tmp_path):
    path = tmp_path / "old.journal"
    lines = (OLD / "run.journal").read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[3].replace('"short"', '"long"')]))
    with pytest.raises(ResultError, match=r"is of 'fp32 x xnnpack · long', no case of the run"):
        assemble(FileJournal(path).entries())


def test_nothing_was_measured_only_where_that_is_so(path, tmp_path):
    empty = tmp_path / "empty.journal"
    empty.write_bytes(b"")
    with pytest.raises(ResultError, match="nothing was measured"):
        assemble(FileJournal(empty).entries())
    entries = FileJournal(path).entries()
    with pytest.raises(ResultError, match="first line is not its header: that line was lost"):
        assemble(entries[1:])


def test_a_journal_that_goes_on_numbers_its_lines_further(path):
    journal = FileJournal(path)
    assert journal.claim()
    before = len(journal.entries())
    journal.append("note", {"words": "more"})
    journal.close()
    again = FileJournal(path)
    assert again.claim()
    again.append("note", {"words": "and more"})
    again.close()
    assert [entry["kind"] for entry in again.entries()[before:]] == ["note", "note"]


def test_what_an_unfinished_run_has_measured_is_shown(path):
    shown = CliRunner().invoke(bench, ["show", str(path), "--raw"])
    assert shown.exit_code == 0
    assert decode_run(shown.stdout_bytes, "it") == assemble(FileJournal(path).entries())
    assert path.exists()


def test_a_damaged_journal_that_is_to_be_shown_is_one_line(path):
    path.write_bytes(path.read_bytes().replace(b"fp32", b"fp23", 1))
    shown = CliRunner().invoke(bench, ["show", str(path)])
    assert shown.exit_code == 1
    assert "is damaged in line 1" in shown.stderr


def test_a_journal_is_no_program(path):
    assert not stat.S_IMODE(path.stat().st_mode) & 0o111


def test_what_is_no_regular_file_is_no_journal(tmp_path):
    folder = tmp_path / "host"
    folder.mkdir()
    os.mkfifo(folder / "0001_pipe.journal")
    (tmp_path / "elsewhere").write_text("mine")
    (folder / "0002_link.journal").symlink_to(tmp_path / "elsewhere")
    assert open_store(tmp_path).resume("host") is None
    assert (tmp_path / "elsewhere").read_text() == "mine"


@pytest.mark.parametrize("how", [shutil.rmtree, lambda folder: folder.rename("moved")])
def test_a_journal_that_is_gone_takes_no_more_entries(tmp_path, monkeypatch, how):
    """Else hours of a run would be written to a file without a name."""
    monkeypatch.chdir(tmp_path)
    journal = FolderStore(Path("results")).begin(make_run(make_row()).header, "")
    how(Path("results"))
    with pytest.raises(ResultError, match="was removed or moved while the run was measured"):
        journal.append("row", {})
