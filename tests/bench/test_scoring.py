"""A run scores what every scheme says, against fp32, and goes on where it was cut short."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from bench import scoring
from bench.pipeline import run
from bench.quality import engine
from bench.quality.packages import PACKAGES, Package
from bench.quality.scorers import SCORERS, Scorer
from bench.quality.suite import built_in_suite
from bench.results import decode_run, encode_run
from bench.stats import summarize
from lowering.reference import Reference
from model.decoding import DecodingOptions
from model.errors import ConfigError, DeviceError
from model.generate import Request

CODES = np.arange(8 * 30).reshape(8, 30)
OPINIONS = {"fp32": 4.0, "8da8w": 3.5}  # of what schemes say; fp32 eager is worth 4.0


def nothing(_):
    """Show no progress."""


def wave(opinion, sentence):
    """Speech that the stand-in scorers take for so good, a little better in later sentences."""
    level = (opinion + 0.1 * sentence) / 10
    return np.full(30 * 320, level, np.float32)


@pytest.fixture
def quality_plan(plan, device, monkeypatch, tmp_path):
    """A plan with three sentences, a device that says them, and scorers that read the level."""
    suite = built_in_suite()[:3]
    names = {sentence.name: number for number, sentence in enumerate(suite)}
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "cache"))
    device.said = []

    def reference(spec):
        number = names[spec.utterance.name]
        request = Request(((number,),), CODES, DecodingOptions())
        return Reference(request, CODES, wave(4.0, number))

    def build(specs):
        device.references = [*getattr(device, "references", []), *(s.utterance.use for s in specs)]

    measure = device.measure

    def speak(job, schedule):
        repeat = measure(job, schedule)
        if schedule is not scoring.ONCE:
            return repeat
        (number,) = job.request.sentences[0]
        device.said.append((job.pte.name, number))
        if (job.pte.name, number) == getattr(device, "mute", None):
            raise DeviceError("it lost its voice")
        return replace(repeat, waveform=wave(OPINIONS[job.pte.name], number))

    monkeypatch.setattr(device, "measure", speak)
    monkeypatch.setattr(scoring, "read_reference", reference)
    monkeypatch.setattr(scoring, "build_references", build)
    monkeypatch.setattr(
        scoring, "scoring_workers", lambda where: contextlib.nullcontext(ThreadPoolExecutor(1))
    )

    def opinion():
        return lambda look: round(float(np.mean(look.speech)) / 3276.7, 2)

    engine.loaded.cache_clear()
    for name in SCORERS:  # none of the others is there
        monkeypatch.setitem(SCORERS._entries, name, Scorer(("ears",), opinion))
    voice = Scorer((), lambda: lambda look: [1.0, 0.0])
    monkeypatch.setitem(SCORERS._entries, "campplus", voice)
    monkeypatch.setitem(SCORERS._entries, "distillmos", Scorer((), opinion))
    monkeypatch.setitem(SCORERS._entries, "stoi", Scorer((), opinion, compares=True))
    monkeypatch.setitem(PACKAGES._entries, "ears", Package("ears==2", "no_such_module"))
    yield replace(plan, sentences=suite)
    engine.loaded.cache_clear()


def row_of(finished, scheme):
    return next(row for row in finished.rows if row.case.scheme == scheme)


def test_every_scheme_says_every_sentence_once_and_is_scored(quality_plan, device, tmp_path):
    finished = run(quality_plan, device, tmp_path, nothing)
    assert sorted(device.said) == [(s, n) for s in ("8da8w", "fp32") for n in range(3)]
    assert set(device.references) == {"score"}
    metrics = row_of(finished, "8da8w").metrics
    assert metrics["distillmos"].median == pytest.approx(3.6, abs=0.01)
    assert len(metrics["distillmos"].samples) == 3
    assert metrics["similarity"].median == 1
    assert metrics["stoi"].median == pytest.approx(3.6, abs=0.01)
    assert set(finished.header.quality) == {"q01", "q02", "q03"}


def test_damage_is_the_difference_to_fp32_paired_by_sentence(quality_plan, device, tmp_path):
    finished = run(quality_plan, device, tmp_path, nothing)
    damage = row_of(finished, "8da8w").metrics["distillmos_delta"]
    assert damage.samples == pytest.approx([-0.5] * 3, abs=0.01)
    assert damage.high < 0
    assert damage.high - damage.low < 0.02  # though sentences differ by 0.2
    assert row_of(finished, "fp32").metrics["distillmos_delta"].median == 0


def test_what_is_not_installed_is_a_reason_in_every_row_and_no_failure(
    quality_plan, device, tmp_path
):
    finished = run(quality_plan, device, tmp_path, nothing)
    assert not finished.failed
    for row in finished.rows:
        assert "pip install ears==2" in row.unscored["wer"]
        assert "wer" not in row.metrics


def test_a_sentence_that_cannot_be_said_is_a_reason_and_the_others_count(
    quality_plan, device, tmp_path
):
    device.mute = ("8da8w", 1)
    finished = run(quality_plan, device, tmp_path, nothing)
    row = row_of(finished, "8da8w")
    assert row.unscored["speech"] == "q02 could not be said: it lost its voice"
    assert len(row.metrics["distillmos_delta"].samples) == 2
    assert len(row_of(finished, "fp32").metrics["distillmos"].samples) == 3


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_run_cut_short_while_speaking_says_nothing_twice(
    quality_plan, device, tmp_path, monkeypatch, cut
):
    class Killed(BaseException):
        """What SIGKILL is to Python: nothing handles it."""

    def kill_at(step):
        if step.stage == "speak" and step.done == cut:
            raise Killed

    with pytest.raises(Killed):
        run(quality_plan, device, tmp_path, kill_at)
    finished = run(quality_plan, device, tmp_path, nothing, resume="")
    assert len(device.said) == len(set(device.said)) == 6
    assert len(row_of(finished, "8da8w").metrics["distillmos"].samples) == 3


def test_a_run_with_quality_is_not_resumed_without_it(quality_plan, device, tmp_path):
    def kill(step):
        if step.stage == "speak":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(quality_plan, device, tmp_path, kill)
    with pytest.raises(ConfigError, match="another quality"):
        run(replace(quality_plan, sentences=()), device, tmp_path, nothing, resume="")


def test_scores_and_reasons_survive_the_file(quality_plan, device, tmp_path):
    finished = run(quality_plan, device, tmp_path, nothing)
    again = decode_run(encode_run(finished), "a file")
    assert again.header.quality == finished.header.quality
    assert [row.unscored for row in again.rows] == [row.unscored for row in finished.rows]
    assert row_of(again, "8da8w").metrics == row_of(finished, "8da8w").metrics


def test_a_mean_of_rates_counts_words():
    wer = summarize([0.0, 1.0], "share", weights=[30, 10])
    assert wer.median == 0.25
    assert (wer.low, wer.high) == (0.0, 1.0)
