"""What a device says is compared with what the same .pte says on this computer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import pipeline
from bench.evidence import Speech, facts_from_json, facts_of
from bench.here import said_here
from bench.pipeline import run
from devices.base import Job
from devices.host import Host
from model.errors import DeviceError
from model.generate import Limits, Request

RNG = np.random.default_rng(0)


@pytest.fixture
def spoken(device):
    repeat = device.measure(Job(Path("fp32"), None, None), None)
    waveform = RNG.standard_normal(9600).astype(np.float32)
    return replace(repeat, waveform=waveform)


def test_the_same_speech_is_equal_in_every_code_and_sample(spoken):
    said = Speech(spoken.codes, spoken.waveform)
    facts = facts_of(spoken, 0, spoken.codes, said)
    assert (facts.host_agreement, facts.host_lsd_db) == (1.0, 0.0)


def test_one_other_code_is_seen_and_speech_is_then_not_compared(spoken):
    codes = spoken.codes.copy()
    codes[3, 7] += 1
    facts = facts_of(spoken, 0, spoken.codes, Speech(codes, spoken.waveform))
    assert 0.99 < facts.host_agreement < 1
    assert facts.host_lsd_db is None


def test_speech_decoded_wrongly_from_the_same_codes_is_seen(spoken):
    facts = facts_of(spoken, 0, spoken.codes, Speech(spoken.codes, spoken.waveform * 2))
    assert facts.host_agreement == 1.0
    assert facts.host_lsd_db == pytest.approx(6.02, abs=0.1)


def test_journals_of_before_are_still_read(spoken):
    entry = vars(facts_of(spoken, 0, spoken.codes))
    entry = {name: value for name, value in entry.items() if not name.startswith("host_")}
    entry["trials"] = [vars(trial) for trial in entry["trials"]]
    assert facts_from_json(entry).host_agreement is None


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path))
    return tmp_path


def job(tmp_path, seed=0):
    request = Request(((1, 2, seed + 1),), np.zeros((8, 4), np.int64))
    return Job(tmp_path / "model.pte", Limits(2, 64, 64, 32, 4), request)


def test_this_computer_says_a_thing_once(cache, monkeypatch, spoken, tmp_path):
    asked = []
    monkeypatch.setattr(Host, "measure", lambda _, job, __: asked.append(job) or spoken)
    for _ in range(2):
        said = said_here(job(tmp_path), "sha")
        np.testing.assert_array_equal(said.codes, spoken.codes)
        np.testing.assert_array_equal(said.waveform, spoken.waveform)
    assert len(asked) == 1
    said_here(job(tmp_path, seed=1), "sha")
    said_here(job(tmp_path), "other sha")
    assert len(asked) == 3


def test_a_pte_that_this_computer_cannot_run_is_not_compared(cache, monkeypatch, tmp_path):
    def fail(*_):
        raise DeviceError("no such backend")

    monkeypatch.setattr(Host, "measure", fail)
    assert said_here(job(tmp_path), "sha") is None


def test_rows_of_other_devices_tell_and_warn(plan, device, tmp_path, monkeypatch, spoken):
    other = Speech(spoken.codes + 1, spoken.waveform)
    monkeypatch.setattr(pipeline, "said_here", lambda *_: other)
    finished = run(replace(plan, checked_here=True), device, tmp_path, lambda _: None)
    for row in finished.rows:
        assert row.metrics["host_agreement"].median == 0
        assert "HOST_DIFFERS" in row.warnings
    alone = run(plan, device, tmp_path, lambda _: None)
    assert all("host_agreement" not in row.metrics for row in alone.rows)
