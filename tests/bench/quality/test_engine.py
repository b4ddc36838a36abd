"""Every look is looked at once, its observation is kept, and what cannot be scored is a reason."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from bench.quality import engine
from bench.quality.clips import Clip, Look, Score, Unscored, to_samples
from bench.quality.engine import observe, scoring_workers
from bench.quality.judges import Judge, named, the_number
from bench.quality.judging import judge
from bench.quality.packages import PACKAGES, Package
from bench.quality.scorers import SCORERS, Scorer
from model.errors import ConfigError, HarnessError


def tone(seconds=0.1, pitch_hz=200.0):
    ticks = np.arange(int(seconds * 24_000)) / 24_000
    return to_samples((0.3 * np.sin(2 * np.pi * pitch_hz * ticks)).astype(np.float32))


class Loudness:
    """A scorer that counts how often it is loaded and asked."""

    def __init__(self):
        self.loaded = 0
        self.asked = 0

    def load(self):
        self.loaded += 1
        return self.observe

    def observe(self, look):
        self.asked += 1
        if not look.speech.any():
            raise ValueError("nothing to hear\nin it")
        return float(np.abs(np.diff(look.speech.astype(np.float64))).mean())


@pytest.fixture
def scorer(monkeypatch, tmp_path):
    """The only scorer; nothing of it is in the cache."""
    engine.loaded.cache_clear()
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path))
    loudness = Loudness()
    monkeypatch.setitem(SCORERS._entries, "loudness", Scorer((), loudness.load))
    yield loudness
    engine.loaded.cache_clear()


@pytest.fixture
def executor():
    with ThreadPoolExecutor(1) as pool:
        yield pool


def nothing(done, total):
    """Show no progress."""


def test_equal_looks_are_looked_at_once_and_a_model_is_loaded_once(scorer, executor):
    looks = [Look("loudness", tone(pitch_hz=hz)) for hz in (100, 200, 100, 300, 200, 400)]
    answers = list(observe(looks, executor, nothing))
    assert (scorer.loaded, scorer.asked) == (1, 4)
    assert answers[0] == answers[2]
    assert len(set(answers)) > 1


def test_what_was_observed_is_kept_for_the_next_run(scorer, executor):
    looks = [Look("loudness", tone())]
    first = list(observe(looks, executor, nothing))
    steps = []
    assert list(observe(looks, executor, lambda *step: steps.append(step))) == first
    assert scorer.asked == 1
    assert steps[0] == (1, 1)


@pytest.mark.parametrize("change", ["audio", "language", "reference", "version"])
def test_an_observation_depends_on_all_that_went_into_it(scorer, executor, monkeypatch, change):
    list(observe([Look("loudness", tone(), lang="en")], executor, nothing))
    other = {
        "audio": Look("loudness", tone(pitch_hz=201), lang="en"),
        "language": Look("loudness", tone(), lang="zh"),
        "reference": Look("loudness", tone(), tone(), lang="en"),
        "version": Look("loudness", tone(), lang="en"),
    }[change]
    if change == "version":
        again = Scorer((), scorer.load, version=2)
        monkeypatch.setitem(SCORERS._entries, "loudness", again)
    list(observe([other], executor, nothing))
    assert scorer.asked == 2


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"other": 1}'])
def test_a_damaged_observation_is_made_again(scorer, executor, tmp_path, damage):
    looks = [Look("loudness", tone())]
    first = list(observe(looks, executor, nothing))
    (path,) = tmp_path.rglob("*.json")
    path.write_text(damage)
    assert list(observe(looks, executor, nothing)) == first
    assert json.loads(path.read_text())["observation"] == first[0]


def test_an_observation_that_was_changed_to_another_is_made_again(scorer, executor, tmp_path):
    looks = [Look("loudness", tone())]
    first = list(observe(looks, executor, nothing))
    (path,) = tmp_path.rglob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "observation": first[0] + 1}))
    assert list(observe(looks, executor, nothing)) == first


def test_a_clip_that_cannot_be_scored_is_a_reason_in_one_line_and_tried_again(scorer, executor):
    looks = [Look("loudness", np.zeros(2400, np.int16)), Look("loudness", tone())]
    for asked in (2, 3):
        failed, fine = observe(looks, executor, nothing)
        assert failed == Unscored("loudness failed: ValueError: nothing to hear")
        assert isinstance(fine, float)
        assert scorer.asked == asked


def test_a_worker_with_other_packages_is_refused(scorer):
    with pytest.raises(HarnessError, match="and not with"):
        engine.look_at([Look("loudness", tone())], {"jiwer": "0.1"})


@pytest.mark.parametrize("where", ["", "0", "-1", "two", "lab:8786"])
def test_workers_are_a_number_or_an_address(where):
    with pytest.raises(ConfigError, match="neither"), scoring_workers(where):
        pass


def clip(speech, **fields):
    return Clip("a", speech, "text", "en", **fields)


def test_metrics_that_need_what_a_clip_lacks_do_not_apply_to_it(scorer, executor):
    judges = {
        "loud": Judge("loudness", the_number),
        "alike": Judge("loudness", the_number, ("reference",)),
        "voice": Judge("loudness", the_number, ("prompt",)),
    }
    clips = [clip(tone(), reference=tone(0.2)), clip(tone(), reference=tone(0.1))]
    said = judge(clips, judges, executor, nothing)
    assert [set(scores) for scores in said.scores] == [{"loud"}, {"loud", "alike"}]
    assert said.reasons == {"voice": "no voice was asked for"}


def test_a_metric_whose_package_is_missing_is_a_reason_that_says_what_to_install(
    scorer, executor, monkeypatch
):
    monkeypatch.setitem(PACKAGES._entries, "ears", Package("ears==2", "no_such_module"))
    monkeypatch.setitem(SCORERS._entries, "ears", Scorer(("ears",), scorer.load))
    judges = {"heard": Judge("ears", the_number), "loud": Judge("loudness", the_number)}
    said = judge([clip(tone())], judges, executor, nothing)
    assert set(said.scores[0]) == {"loud"}
    assert "not installed: pip install ears==2" in said.reasons["heard"]


def test_a_metric_that_fails_on_every_clip_says_how(scorer, executor):
    said = judge(
        [clip(np.zeros(2400, np.int16))], {"loud": Judge("loudness", the_number)}, executor, nothing
    )
    assert said.reasons == {"loud": "loudness failed: ValueError: nothing to hear"}


def test_one_of_several_numbers_is_read_and_may_be_left_out(scorer, executor, monkeypatch):
    several = Scorer((), lambda: lambda look: {"one": 1.0})
    monkeypatch.setitem(SCORERS._entries, "several", several)
    judges = {name: Judge("several", named(name)) for name in ("one", "two")}
    said = judge([clip(tone())], judges, executor, nothing)
    assert said.scores[0] == {"one": Score(1.0)}
    assert said.reasons == {"two": "it applies to none of the sentences"}


KILLED = """
import os, signal
from bench.quality.engine import scoring_workers

if __name__ == "__main__":
    with scoring_workers("1") as executor:
        print(executor.submit(os.getpid).result(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_process_that_scores_ends_when_its_parent_is_killed(tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    found = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=60,
    )
    stop_s = time.monotonic() + 20
    while is_running(int(found.stdout)) and time.monotonic() < stop_s:
        time.sleep(0.1)
    assert not is_running(int(found.stdout))
