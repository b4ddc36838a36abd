"""The real packages, on the built-in prompts: what is better scores better."""

import numpy as np
import pytest

from bench.quality.clips import Clip, Look, Seen, to_samples
from bench.quality.comparisons import pitch_error
from bench.quality.engine import loaded
from bench.quality.judges import char_error_rate, cosine, word_error_rate
from bench.quality.packages import not_installed
from bench.quality.scorers import SCORERS
from model.audio import load_prompt
from model.utterance import built_in_prompts

real = pytest.mark.slow


def scorer(name):
    """Load a scorer; skip where its packages are missing."""
    reason = not_installed(SCORERS[name].packages)
    if reason:
        pytest.skip(reason)
    return loaded(name)


def said_by(name):
    return to_samples(load_prompt(built_in_prompts()[name].path))


def noisy(samples):
    noise = np.random.default_rng(0).normal(0, 1500, len(samples))
    return np.clip(samples + noise, -32768, 32767).astype(np.int16)


@real
@pytest.mark.parametrize("name", ["heart", "xiaoxiao"])
def test_whisper_hears_what_the_prompts_say(name):
    prompt = built_in_prompts()[name]
    look = Look("whisper-base", said_by(name), lang=prompt.lang)
    heard = scorer("whisper-base")(look)
    seen = Seen(Clip("a", look.speech, prompt.text, prompt.lang), heard)
    assert char_error_rate(seen).value < 0.1
    words = word_error_rate(seen)
    assert words is None if prompt.lang == "zh" else words.value < 0.1


@real
@pytest.mark.parametrize("name", ["campplus", "resemblyzer"])
def test_a_voice_is_nearer_to_itself_than_to_another(name):
    embed = scorer(name)
    heart, emma = said_by("heart"), said_by("emma")
    halves = [embed(Look(name, half)) for half in np.array_split(heart, 2)]
    other = embed(Look(name, emma))
    assert np.linalg.norm(halves[0]) == pytest.approx(1, abs=1e-4)
    assert cosine(*halves) > max(cosine(half, other) for half in halves) + 0.05


@real
def test_opinions_fall_with_noise():
    clean, dirty = said_by("heart"), noisy(said_by("heart"))
    judge = scorer("distillmos")
    assert judge(Look("distillmos", clean)) > judge(Look("distillmos", dirty)) + 0.5
    judge = scorer("dnsmos")
    good, bad = (judge(Look("dnsmos", samples)) for samples in (clean, dirty))
    assert all(good[name] > bad[name] + 0.3 for name in ("ovrl", "p808"))


@real
@pytest.mark.parametrize(("name", "perfect"), [("pesq-wb", 4.64), ("stoi", 1.0), ("visqol", 5.0)])
def test_comparisons_are_perfect_with_oneself_and_fall_with_noise(name, perfect):
    compare = scorer(name)
    clean = said_by("heart")
    itself = compare(Look(name, clean, clean))
    assert itself == pytest.approx(perfect, abs=0.6 if name == "visqol" else 0.01)
    assert compare(Look(name, noisy(clean), clean)) < itself - 0.01


@real
def test_a_shifted_melody_is_as_far_as_it_was_shifted():
    parselmouth = pytest.importorskip("parselmouth")

    compare = scorer("pitch")
    clean = said_by("heart")
    assert compare(Look("pitch", clean, clean)) == {"voicing_error": 0.0, "rmse_cents": 0.0}
    sound = parselmouth.Sound(clean / 32768, 24_000)
    manipulation = parselmouth.praat.call(sound, "To Manipulation", 0.01, 60, 500)
    tier = parselmouth.praat.call(manipulation, "Extract pitch tier")
    parselmouth.praat.call(tier, "Shift frequencies", sound.xmin, sound.xmax, 2.0, "semitones")
    parselmouth.praat.call([tier, manipulation], "Replace pitch tier")
    higher = parselmouth.praat.call(manipulation, "Get resynthesis (overlap-add)")
    samples = to_samples(higher.values[0].astype(np.float32))[: len(clean)]
    found = compare(Look("pitch", samples, clean))
    assert found["rmse_cents"] == pytest.approx(200, rel=0.5)
    assert found["voicing_error"] < 0.2


def test_melodies_are_compared_where_both_are_voiced():
    found = pitch_error(np.array([0, 100, 100, 200.0]), np.array([0, 200, 0, 200.0]))
    assert found == {"voicing_error": 0.25, "rmse_cents": pytest.approx(1200 / np.sqrt(2))}


def test_without_a_frame_voiced_in_both_there_is_no_distance_of_melodies():
    assert pitch_error(np.array([100.0, 0]), np.array([0, 0.0])) == {"voicing_error": 0.5}
