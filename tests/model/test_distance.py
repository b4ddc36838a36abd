"""Distances are zero between equals, and grow with the difference."""

import numpy as np
import pytest

from model.distance import log_spectral_distance_db, mel_cepstral_distortion_db

RNG = np.random.default_rng(0)
NOISE = (0.1 * RNG.standard_normal(24_000)).astype(np.float32)
DISTANCES = [log_spectral_distance_db, mel_cepstral_distortion_db]


@pytest.mark.parametrize("distance", DISTANCES)
def test_equal_waveforms_are_at_no_distance(distance):
    assert distance(NOISE, NOISE) == 0


@pytest.mark.parametrize("distance", DISTANCES)
def test_more_noise_is_farther(distance):
    other = RNG.standard_normal(24_000).astype(np.float32)
    near, far = (distance(NOISE, NOISE + level * other) for level in (0.01, 0.1))
    assert 0 < near < far


def test_twice_as_loud_is_six_decibels_away_and_the_same_timbre():
    assert log_spectral_distance_db(NOISE, 2 * NOISE) == pytest.approx(6.02, abs=0.05)
    assert mel_cepstral_distortion_db(NOISE, 2 * NOISE) < 0.01


@pytest.mark.parametrize("distance", DISTANCES)
def test_silence_is_farther_than_any_level_and_at_a_finite_distance(distance):
    levels = [distance(NOISE, level * NOISE) for level in (0.5, 0.1)]
    assert max(levels) < distance(NOISE, np.zeros_like(NOISE)) < np.inf
