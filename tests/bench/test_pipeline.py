"""A run measures every case in turn, keeps what it has, and goes on where it was cut short."""

import os
from dataclasses import replace

import pytest

from bench import pipeline
from bench.pipeline import NEWEST, Plan, run, texts_of
from bench.results import Outcome, load_run
from bench.rows import assemble
from bench.stores.journal import FileJournal
from lowering.build import Built
from lowering.lower import LoweringSpec
from model.choice import ModelChoice
from model.errors import ConfigError, DeviceUnavailableError, RunInterrupted
from model.hashing import file_sha256
from model.text.lexicon import Lexicon


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


def test_a_case_that_failed_is_measured_again_and_its_failure_superseded(plan, device, tmp_path):
    device.broken = {"8da8w"}
    device.gone_after = 7
    with pytest.raises(DeviceUnavailableError):
        run(plan, device, tmp_path, nothing)
    before = assemble(journal_of(tmp_path).entries())
    assert Outcome.RUN in {row.outcome for row in before.rows}
    device.broken, device.gone_after = set(), None
    finished = run(plan, device, tmp_path, nothing, resume=NEWEST)
    assert {row.outcome for row in finished.rows} == {Outcome.OK}
    assert all(len(row.metrics["rtf"].samples) == 3 for row in finished.rows)


def test_a_case_that_fails_again_is_a_row_with_its_newest_reason(plan, device, tmp_path):
    device.broken = {"8da8w"}
    device.gone_after = 5
    with pytest.raises(DeviceUnavailableError):
        run(plan, device, tmp_path, nothing)
    device.gone_after = None
    device.reason = "it crashed otherwise"
    finished = run(plan, device, tmp_path, nothing, resume=NEWEST)
    assert {row.reason for row in finished.rows if row.case.scheme == "8da8w"} == {device.reason}


def test_a_scheme_that_is_lowered_in_the_end_is_measured(plan, device, tmp_path, monkeypatch):
    def build(specs):
        return [Built(s, "lower failed: no room" if s.scheme == "8da8w" else "") for s in specs]

    device.gone_after = 1
    with monkeypatch.context() as full:
        full.setattr(pipeline, "build_artifacts", build)
        with pytest.raises(DeviceUnavailableError):
            run(plan, device, tmp_path, nothing)
    device.gone_after = None
    finished = run(plan, device, tmp_path, nothing, resume=NEWEST)
    assert {row.outcome for row in finished.rows} == {Outcome.OK}


@pytest.mark.parametrize(
    "changed",
    [
        (pipeline, "git_commit", "fedcba9", "another commit"),
        (pipeline, "source_hash", "other", "another code"),
        (Plan, "packages", {}, "another versions of packages"),
        (ModelChoice, "identity", {"weights": "other"}, "another model"),
    ],
    ids=lambda changed: changed[1],
)
def test_a_run_is_not_gone_on_with_by_other_code(plan, device, tmp_path, monkeypatch, changed):
    owner, name, value, said = changed
    device.gone_after = 2
    with pytest.raises(DeviceUnavailableError):
        run(plan, device, tmp_path, nothing)
    before = journal_of(tmp_path).path.read_bytes()
    asked = len(device.asked)
    monkeypatch.setattr(owner, name, lambda *_: value)
    with pytest.raises(ConfigError, match=said):
        run(plan, device, tmp_path, nothing, resume=NEWEST)
    assert journal_of(tmp_path).path.read_bytes() == before
    assert len(device.asked) == asked


def test_a_run_is_not_gone_on_with_by_another_pte(plan, device, tmp_path, monkeypatch):
    device.gone_after = 2
    with pytest.raises(DeviceUnavailableError):
        run(plan, device, tmp_path, nothing)
    read = LoweringSpec.read

    def another(spec):
        artifact = read(spec)
        artifact.pte.write_text(f"another {spec.scheme}")
        manifest = replace(artifact.manifest, pte_sha256=file_sha256(artifact.pte))
        return replace(artifact, manifest=manifest)

    monkeypatch.setattr(LoweringSpec, "read", another)
    asked = len(device.asked)
    with pytest.raises(ConfigError, match=r"another \.pte of fp32 x xnnpack: its SHA-256 was"):
        run(plan, device, tmp_path, nothing, resume=NEWEST)
    assert len(device.asked) == asked


def test_a_pte_that_changes_while_it_is_measured_is_a_row(plan, device, tmp_path):
    def change(step):
        if step.stage == "measure" and step.done == 5:
            (tmp_path / "8da8w").write_text("another model")

    finished = run(plan, device, tmp_path, change)
    rows = {row.case.scheme: row for row in finished.rows if row.case.utterance == "short"}
    assert rows["fp32"].outcome is Outcome.OK
    assert rows["8da8w"].outcome is Outcome.RUN
    assert "8da8w is not the .pte of its manifest, 8da8w x xnnpack" in rows["8da8w"].reason


def test_a_pte_that_changes_before_its_profile_is_not_profiled(plan, device, tmp_path):
    def change(step):
        if step.stage == "measure" and step.done == step.total:
            (tmp_path / "8da8w").write_text("another model")

    finished = run(plan, device, tmp_path, change)
    assert {row.case.scheme for row in finished.rows if row.operators} == {"fp32"}


@pytest.fixture
def two_unfinished(plan, device, tmp_path):
    """Two journals of one device: an older one of the plan, a newer one of another."""
    other = replace(plan, passes=(16,))
    names = []
    for begun in (plan, other):
        device.gone_after = len(device.asked) + 2
        with pytest.raises(DeviceUnavailableError):
            run(begun, device, tmp_path, nothing)
        names.append(max(path.stem for path in (tmp_path / "host").glob("*.journal")))
    device.gone_after = None
    return other, names


def test_the_newest_run_of_the_same_plan_goes_on(plan, device, tmp_path, two_unfinished):
    _, (older, newer) = two_unfinished
    assert run(plan, device, tmp_path, nothing, resume=NEWEST).header.run == older
    with pytest.raises(ConfigError, match=f"{newer}: it was measured with another passes"):
        run(plan, device, tmp_path, nothing, resume=NEWEST)


def test_a_run_can_be_named_to_go_on_with(plan, device, tmp_path, two_unfinished):
    other, (older, newer) = two_unfinished
    with pytest.raises(ConfigError, match=f"{older}: it was measured with another passes"):
        run(other, device, tmp_path, nothing, resume=older)
    with pytest.raises(ConfigError, match="'0009' cannot go on: it is no unfinished run of host"):
        run(other, device, tmp_path, nothing, resume="0009")
    finished = run(other, device, tmp_path, nothing, resume=f"host/{newer[:4]}")
    assert finished.header.run == newer


def test_a_clock_that_was_set_back_changes_nothing(plan, device, tmp_path):
    names = []
    for time_s in (2e9, 1e9):  # the second run is older by the clock
        device.gone_after = len(device.asked) + 2
        with pytest.raises(DeviceUnavailableError):
            run(plan, device, tmp_path, nothing)
        path = max((tmp_path / "host").glob("*.journal"))
        os.utime(path, (time_s, time_s))
        names.append(path.stem)
    device.gone_after = None
    assert run(plan, device, tmp_path, nothing, resume=NEWEST).header.run == names[1]


def test_a_damaged_journal_is_named_and_keeps_none_from_going_on(
    plan, device, tmp_path, two_unfinished
):
    _, (older, newer) = two_unfinished
    damaged = tmp_path / "host" / f"{newer}.journal"
    damaged.write_bytes(damaged.read_bytes().replace(b"fp32", b"fp23", 1))
    assert run(plan, device, tmp_path, nothing, resume=NEWEST).header.run == older
    with pytest.raises(ConfigError, match=f"{newer}: .* is damaged in line 1: its checksum"):
        run(plan, device, tmp_path, nothing, resume=NEWEST)
    assert damaged.exists()


def test_ctrl_c_names_the_run_that_can_go_on(plan, device, tmp_path):
    def interrupt(step):
        if step.stage == "measure":
            raise KeyboardInterrupt

    with pytest.raises(RunInterrupted) as caught:
        run(plan, device, tmp_path, interrupt)
    finished = run(plan, device, tmp_path, nothing, resume=caught.value.run)
    assert {row.outcome for row in finished.rows} == {Outcome.OK}


def test_a_row_that_was_not_reached_says_which_run_to_go_on_with(plan, device, tmp_path):
    device.gone_after = 1
    with pytest.raises(DeviceUnavailableError):
        run(plan, device, tmp_path, nothing)
    journal = journal_of(tmp_path)
    rows = assemble(journal.entries()).rows
    reasons = {row.reason for row in rows if row.outcome is Outcome.UNFINISHED}
    assert reasons == {
        f"the run was cut short: the flags it was started with and --resume {journal.run} go on"
    }


def test_a_journal_that_is_all_there_is_of_a_damaged_run_goes_on(plan, device, tmp_path):
    """A kill came between the run's file and the end of its journal, and the file was damaged."""
    device.gone_after = 11
    with pytest.raises(DeviceUnavailableError):
        run(plan, device, tmp_path, nothing)
    path = journal_of(tmp_path).path
    path.with_suffix(".json").write_text("{")
    device.gone_after = None
    finished = run(plan, device, tmp_path, nothing, resume=NEWEST)
    assert load_run(path.with_suffix(".json")) == finished


def test_a_lexicon_is_recorded_with_each_utterance_and_makes_it_another(plan):
    lexicon = Lexicon("words.toml", (("en", "pixel", "pick sell"),))
    plain = plan.utterances[0]
    told = replace(plain, lexicon=lexicon)
    assert "lexicon" not in texts_of([plain])[plain.name]
    assert texts_of([told])[plain.name]["lexicon"] == f"words.toml {lexicon.sha256}"
    assert plan.reference(told).folder() != plan.reference(plain).folder()
