"""A run measures every case in turn, keeps what it has, and goes on where it was cut short."""

import pytest

from bench import pipeline
from bench.pipeline import run
from bench.results import Outcome, load_run
from bench.rows import assemble
from bench.stores.journal import FileJournal
from lowering.build import Built
from model.errors import ConfigError, DeviceUnavailableError


def nothing(_):
    """Show no progress."""


def journal_of(folder):
    (path,) = (folder / "host").glob("*.journal")
    return FileJournal(path)


def test_every_case_is_measured_once_per_round_in_an_order_that_turns(plan, device, tmp_path):
    run(plan, device, tmp_path, nothing)
    first, second, third = (device.asked[start : start + 4] for start in (0, 4, 8))
    assert first == ["fp32", "8da8w"] * 2
    assert second == first[1:] + first[:1]
    assert third == first[2:] + first[:2]


def test_the_device_is_claimed_once_for_the_whole_run(plan, device, tmp_path):
    run(plan, device, tmp_path, nothing)
    assert device.claims == [0, len(device.asked)] == [0, 12]


def test_a_device_in_use_ends_the_run_before_anything_is_lowered_or_kept(
    plan, device, tmp_path, monkeypatch
):
    def in_use():
        raise DeviceUnavailableError("in use by another run")

    monkeypatch.setattr(device, "claim", in_use)
    with pytest.raises(DeviceUnavailableError, match="in use"):
        run(plan, device, tmp_path, nothing)
    assert not list(tmp_path.rglob("*.journal"))


def test_a_finished_run_is_one_file_that_reads_back_as_it_was(plan, device, tmp_path):
    finished = run(plan, device, tmp_path, nothing)
    (path,) = (tmp_path / "host").glob("*.json")
    assert path.stem == finished.header.run
    assert load_run(path) == finished
    assert not list((tmp_path / "host").glob("*.journal"))
    assert {row.outcome for row in finished.rows} == {Outcome.OK}
    assert len(finished.rows) == 4


def test_rows_hold_raw_samples_and_intervals(plan, device, tmp_path):
    row = run(plan, device, tmp_path, nothing).rows[0]
    rtf = row.metrics["rtf"]
    assert len(rtf.samples) == 3
    assert rtf.low <= rtf.median <= rtf.high
    assert rtf.median == sorted(rtf.samples)[1]
    assert row.metrics["code_agreement"].median == 1
    assert row.metrics["delegated_time_share"].median == 1
    assert {"UNTRAINED", "FEW_REPEATS"} <= set(row.warnings)
    assert (tmp_path / "host" / row.audio).is_file()


def test_a_failing_case_is_a_row_and_the_others_go_on(plan, device, tmp_path):
    device.broken = {"8da8w"}
    finished = run(plan, device, tmp_path, nothing)
    outcomes = {(row.case.scheme, row.outcome) for row in finished.rows}
    assert outcomes == {("fp32", Outcome.OK), ("8da8w", Outcome.RUN)}
    assert device.asked.count("8da8w") == 2
    assert finished.failed


def test_a_scheme_that_cannot_be_lowered_is_a_row_with_the_compiler_s_reason(
    plan, device, tmp_path, monkeypatch
):
    def build(specs):
        return [Built(s, "lower failed: too big" if s.scheme == "8da8w" else "") for s in specs]

    monkeypatch.setattr(pipeline, "build_artifacts", build)
    rows = run(plan, device, tmp_path, nothing).rows
    assert [row.reason for row in rows if row.outcome is Outcome.LOWER] == [
        "lower failed: too big"
    ] * 2


def test_a_lost_device_ends_the_run_and_keeps_what_was_measured(plan, device, tmp_path):
    device.gone_after = 5
    with pytest.raises(DeviceUnavailableError):
        run(plan, device, tmp_path, nothing)
    entries = journal_of(tmp_path).entries()
    assert sum(entry["kind"] == "repeat" for entry in entries) == 5
    assert Outcome.LOST in {row.outcome for row in assemble(entries).rows}


@pytest.mark.parametrize("cut", range(3, 14, 2))
def test_a_killed_run_goes_on_where_it_was_and_measures_nothing_twice(plan, device, tmp_path, cut):
    run(plan, device, tmp_path / "whole", nothing)
    whole = len(device.asked)

    class Killed(BaseException):
        """What SIGKILL is to Python: nothing handles it."""

    def kill_at(step):
        nonlocal cut
        cut -= 1
        if cut == 0:
            raise Killed

    device.asked.clear()
    with pytest.raises(Killed):
        run(plan, device, tmp_path, kill_at)
    path = journal_of(tmp_path).path
    path.write_text(path.read_text() + '{"kind": "repeat", "case": {"sch')  # cut within a line
    finished = run(plan, device, tmp_path, nothing, resume="")
    assert len(device.asked) == whole
    assert all(len(row.metrics["rtf"].samples) == 3 for row in finished.rows)


def test_a_device_that_came_back_is_measured_to_the_end(plan, device, tmp_path):
    device.gone_after = 5
    with pytest.raises(DeviceUnavailableError):
        run(plan, device, tmp_path, nothing)
    device.gone_after = None
    finished = run(plan, device, tmp_path, nothing, resume="")
    assert {row.outcome for row in finished.rows} == {Outcome.OK}


def test_a_run_is_not_resumed_under_other_conditions(plan, device, tmp_path):
    import dataclasses

    device.gone_after = 2
    with pytest.raises(DeviceUnavailableError):
        run(plan, device, tmp_path, nothing)
    other = dataclasses.replace(plan, passes=(16,))
    with pytest.raises(ConfigError, match="another passes"):
        run(other, device, tmp_path, nothing, resume="")


def test_there_must_be_something_to_resume(plan, device, tmp_path):
    with pytest.raises(ConfigError, match="nothing to resume"):
        run(plan, device, tmp_path, nothing, resume="")
