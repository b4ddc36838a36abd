"""A journal holds every entry once, in the order in which it was written, and none of another."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from bench import pipeline
from bench.rows import assemble
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


@pytest.mark.parametrize("number", range(1, 9))
def test_a_line_that_stands_twice_is_named(path, number):
    lines = lines_of(path)
    said = refusal(path, [*lines[:number], lines[number - 1], *lines[number:]])
    assert f"damaged in line {number + 1}: " in said
    assert (f"it is line {number} once more: remove it" in said) == (number > 1)


def test_a_line_that_stands_twice_at_the_end_is_named(path):
    lines = lines_of(path)
    said = refusal(path, [*lines, lines[3]])
    assert f"damaged in line {len(lines) + 1}: it is line 4 once more: remove it" in said


@pytest.mark.parametrize("number", [2, 4, 7])
def test_lines_that_were_swapped_are_named(path, number):
    lines = lines_of(path)
    lines[number - 1 : number + 1] = lines[number], lines[number - 1]
    said = f"damaged in line {number}: it was written as line {number + 1}: lines are missing or"
    assert said in refusal(path, lines)


@pytest.mark.parametrize("number", [2, 4, 7])
def test_a_line_that_was_taken_out_is_named(path, number):
    lines = lines_of(path)
    assert f"damaged in line {number}: it was written as" in refusal(
        path, [*lines[: number - 1], *lines[number:]]
    )


@pytest.mark.parametrize("number", [2, 4, 7])
def test_a_line_of_another_journal_is_named(path, other, number):
    lines = lines_of(path)
    lines[number - 1] = lines_of(other)[number - 1]
    said = f"damaged in line {number}: it is a line of another journal: remove it"
    assert said in refusal(path, lines)


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
    said = refusal(path, lines_of(path)[1:])
    assert "nothing was measured" not in said


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
