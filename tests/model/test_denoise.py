"""Noise is taken out of noisy prompts, and clean ones are left as they are."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.audio import load_prompt
from model.codec.providers import load_codec
from model.config import CONFIGS
from model.decoding import DecodingOptions
from model.denoise import without_noise
from model.prepare import prepare
from model.utterance import Prompt, Utterance, built_in_prompts

RATE_HZ = 24_000


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """A prompt with its silences."""
    return load_prompt(built_in_prompts()["michael"].path)


def noise_like(speech: np.ndarray, snr_db: float) -> np.ndarray:
    """Noise that falls with frequency as a room's does, so far below speech."""
    white = np.random.default_rng(0).normal(size=len(speech) + 1)
    noise = white[1:] + 0.9 * white[:-1]
    return noise * np.sqrt(np.mean(speech**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20)


def power_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


@pytest.mark.parametrize("name", list(built_in_prompts()))
def test_a_clean_prompt_is_left_bit_for_bit(name: str) -> None:
    samples = load_prompt(built_in_prompts()[name].path)
    assert without_noise(samples) is samples


@pytest.mark.parametrize("snr_db", [10, 20, 30])
def test_noise_goes_and_speech_stays(speech: np.ndarray, snr_db: float) -> None:
    noise = noise_like(speech, snr_db)
    noisy = (speech + noise).astype(np.float32)
    found = without_noise(noisy)
    assert found.shape == noisy.shape
    assert found.dtype == np.float32
    frames = speech[: len(speech) // 240 * 240].reshape(-1, 240)
    silent = np.repeat(np.sqrt((frames**2).mean(1)) < 1e-3, 240)
    assert silent.mean() > 0.05
    before, after = (power_db(x[: len(silent)][silent]) for x in (noisy, found))
    assert after < before - 8
    assert power_db(found - speech) < power_db(noise) + 0.5
    assert power_db(found) == pytest.approx(power_db(speech), abs=1.5)


def test_digital_silence_between_clips_does_not_hide_their_noise(speech: np.ndarray) -> None:
    noisy = (speech + noise_like(speech, 20)).astype(np.float32)
    gap = np.zeros(RATE_HZ // 2, np.float32)
    joined = np.concatenate((noisy, gap, noisy))
    found = without_noise(joined)
    assert found is not joined
    alone = without_noise(noisy)
    assert power_db(found[: len(noisy)] - alone) < power_db(alone) - 20


def test_a_prompt_is_encoded_without_its_noise(speech: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "noisy.wav"
    soundfile.write(path, speech + noise_like(speech, 20), RATE_HZ, subtype="PCM_16")
    codec = load_codec()
    seen = []

    class Listening:
        def encode(self, waveform):
            seen.append(waveform[0].numpy())
            return codec.encode(waveform)

    utterance = Utterance("one", "Hello.", Prompt("noisy", path))
    prepare(utterance, Listening(), CONFIGS["base"], DecodingOptions())
    np.testing.assert_array_equal(seen[0], without_noise(load_prompt(path))[: len(seen[0])])
    assert power_db(seen[0][:2400]) < power_db(load_prompt(path)[:2400]) - 8


def test_a_prompt_of_less_than_a_window_is_no_error() -> None:
    short = np.ones(100, np.float32)
    assert without_noise(short) is short


@pytest.mark.parametrize("kind", ["tone", "noise", "click"])
def test_what_is_no_speech_stays_finite_and_as_long(kind: str) -> None:
    time_s = np.arange(RATE_HZ) / RATE_HZ
    click = np.zeros(RATE_HZ)
    click[12_000] = 0.9
    samples = {
        "tone": 0.3 * np.sin(2 * np.pi * 440 * time_s),
        "noise": np.random.default_rng(1).normal(0, 0.1, RATE_HZ),
        "click": click,
    }[kind].astype(np.float32)
    found = without_noise(samples)
    assert found.shape == samples.shape
    assert np.isfinite(found).all()
