"""A lab's run: every member measures the same plan, and all is gathered in one run."""

import copy
from dataclasses import replace

import pytest

from bench.lab import run_lab
from bench.results import Outcome
from bench.stores.schema import series_of
from bench.stores.store import find_kept
from devices.lab_config import Lab
from model.errors import ConfigError, DeviceUnavailableError
from reports.formats import FORMATS

NOTHING_EXCLUDED = {"left": {}, "right": {}}


@pytest.fixture
def lab(device):
    """Two members of a lab; the right one is emulated."""
    right = copy.deepcopy(device)
    info = replace(device.info(), model="an emulator", emulated=True)
    right.info = lambda: info
    return {"left": device, "right": right}


@pytest.fixture
def lab_plan(plan):
    return replace(plan, device_name="lab/*")


def nothing(_):
    """Show no progress."""


def outcomes(run, member):
    return [row.outcome for row in run.rows if row.case.device == member]


def test_every_member_measures_every_case_and_all_are_rows_of_one_run(lab_plan, lab, tmp_path):
    finished = run_lab(lab_plan, NOTHING_EXCLUDED, lab, tmp_path, nothing)
    assert len(finished.rows) == 8
    assert outcomes(finished, "left") == outcomes(finished, "right") == [Outcome.OK] * 4
    for member in lab.values():
        assert sorted(member.asked) == ["8da8w"] * 6 + ["fp32"] * 6
    assert all(row.operators for row in finished.rows)
    assert len({row.audio for row in finished.rows}) == 8
    assert find_kept("latest", tmp_path).run.header.members == finished.header.members


def test_each_member_is_claimed_once_and_one_in_use_is_rows_that_say_so(lab_plan, lab, tmp_path):
    def in_use():
        raise DeviceUnavailableError("in use by another run")

    lab["right"].claim = in_use
    finished = run_lab(lab_plan, NOTHING_EXCLUDED, lab, tmp_path, nothing)
    assert lab["left"].claims == [0, len(lab["left"].asked)]
    assert outcomes(finished, "right") == [Outcome.LOST] * 4
    assert {row.reason for row in finished.rows if row.reason} == {"in use by another run"}


def test_only_the_rows_of_an_emulated_member_say_so(lab_plan, lab, tmp_path):
    finished = run_lab(lab_plan, NOTHING_EXCLUDED, lab, tmp_path, nothing)
    emulated = {row.case.device for row in finished.rows if "EMULATED" in row.warnings}
    assert emulated == {"right"}
    assert finished.header.device.emulated


def test_a_member_that_is_lost_is_rows_that_say_so_and_the_others_go_on(lab_plan, lab, tmp_path):
    lab["right"].gone_after = 4
    finished = run_lab(lab_plan, NOTHING_EXCLUDED, lab, tmp_path, nothing)
    assert outcomes(finished, "left") == [Outcome.OK] * 4
    assert outcomes(finished, "right") == [Outcome.LOST] * 4
    assert {row.reason for row in finished.rows if row.reason} == {"the cable was pulled"}


def test_a_member_that_is_not_there_is_rows_that_say_so(lab_plan, lab, tmp_path):
    def gone(*_):
        raise DeviceUnavailableError("no such worker")

    lab["right"].info = lab["right"].measure = gone
    finished = run_lab(lab_plan, NOTHING_EXCLUDED, lab, tmp_path, nothing)
    assert outcomes(finished, "right") == [Outcome.LOST] * 4
    lab["left"].info = gone
    with pytest.raises(DeviceUnavailableError, match="no member of the lab is there"):
        run_lab(lab_plan, NOTHING_EXCLUDED, lab, tmp_path, nothing)


def test_a_backend_that_applies_to_one_member_only_is_skipped_on_the_other(lab_plan, lab, tmp_path):
    excluded = {"left": {}, "right": {"xnnpack": "no such processor"}}
    finished = run_lab(lab_plan, excluded, lab, tmp_path, nothing)
    assert outcomes(finished, "left") == [Outcome.OK] * 4
    assert outcomes(finished, "right") == [Outcome.SKIPPED] * 4
    assert lab["right"].asked == []


def test_a_bug_in_one_member_s_measuring_ends_the_run_and_keeps_its_traceback(
    lab_plan, lab, tmp_path
):
    def buggy(*_):
        raise ZeroDivisionError

    lab["right"].measure = buggy
    with pytest.raises(ZeroDivisionError):
        run_lab(lab_plan, NOTHING_EXCLUDED, lab, tmp_path, nothing)


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_report_tells_the_members_apart(lab_plan, lab, tmp_path, name):
    finished = run_lab(lab_plan, NOTHING_EXCLUDED, lab, tmp_path, nothing)
    written = FORMATS[name](finished, tmp_path / "lab")
    content = written if isinstance(written, bytes) else written.encode()
    members = ((b"left", b"right"), (b"a machine", b"an emulator"))  # by name, or by model
    assert any(all(words in content for words in pair) for pair in members)


def test_a_member_s_history_goes_on_in_a_lab(lab_plan, lab, tmp_path):
    finished = run_lab(lab_plan, NOTHING_EXCLUDED, lab, tmp_path, nothing)
    assert {key[0] for key, _ in series_of(finished)} == {"left", "right"}


def test_members_are_chosen_by_pattern():
    lab = Lab(members={"left": "desk", "right": "desk", "pixel8": "shelf"})
    assert list(lab.chosen("lab/*")) == ["left", "right", "pixel8"]
    assert lab.chosen("lab/pix*") == {"pixel8": "shelf"}
    with pytest.raises(ConfigError, match="Known: left, right, pixel8"):
        lab.chosen("lab/s24*")
    with pytest.raises(ConfigError, match=r"lab\.members"):
        Lab().chosen("lab/*")
