import numpy as np
import pytest

from model.config import HOP_LENGTH, SAMPLE_RATE_HZ
from model.data.corpus import Utterance, digest
from model.data.speed import at_speed, durations_at_speed


def tone(hz, durations):
    n = np.arange(sum(durations) * HOP_LENGTH)
    samples = (8000 * np.sin(2 * np.pi * hz * n / SAMPLE_RATE_HZ)).astype(np.int16)
    phonemes = ("sil", *["a"] * (len(durations) - 2), "sil")
    facts = ("a-1", "a", "en", "train", "aaa", "made up", "CC0-1.0", len(samples))
    return Utterance(*facts, digest(samples), phonemes, durations), samples


@pytest.mark.parametrize("speed", [0.85, 1.17])
def test_speed_moves_pitch_and_length_together(speed):
    item, samples = at_speed(*tone(440, (20, 30, 40, 10)), speed)
    assert item.n_samples == len(samples) == sum(item.durations) * HOP_LENGTH
    assert sum(item.durations) == pytest.approx(100 / speed, abs=1)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    loudest_hz = spectrum.argmax() * SAMPLE_RATE_HZ / len(samples)
    assert loudest_hz == pytest.approx(440 * speed, rel=0.02)
    assert item.sha256 == digest(samples)


def test_each_speed_is_another_speaker():
    item, _ = at_speed(*tone(440, (5, 5, 5)), 1.1)
    assert (item.name, item.speaker) == ("a-1@1.1", "a@1.1")


def test_its_own_speed_changes_nothing():
    item, samples = tone(440, (5, 5, 5))
    assert at_speed(item, samples, 1) == (item, samples)


def test_the_shortest_phonemes_survive_the_fastest_speed():
    durations = durations_at_speed((1,) * 50, 1.5)
    assert min(durations) >= 1
    assert len(durations) == 50


def test_boundaries_stay_where_they_were_within_a_frame():
    rng = np.random.default_rng(0)
    durations = tuple(rng.integers(3, 20, 100).tolist())
    moved = np.cumsum(durations_at_speed(durations, 1.13))
    assert np.abs(moved - np.cumsum(durations) / 1.13).max() <= 0.5
