"""Warm-up that was too short is noticed, and so is drift; noise is neither."""

import numpy as np
import pytest
from scipy import stats

from bench.steady import drifts, trend_tail, warm_from

RNG = np.random.default_rng(4)


@pytest.mark.parametrize("slow", [0, 1, 3])
def test_slow_first_iterations_are_counted(slow):
    curve = np.r_[np.full(slow, 1.3), np.ones(10 - slow)]
    repeats = curve * RNG.uniform(0.8, 1.2, (7, 1)) * (1 + 0.01 * RNG.standard_normal((7, 10)))
    assert warm_from(repeats.tolist()) == slow


def test_one_disturbed_repeat_is_no_warm_up():
    repeats = np.ones((5, 6))
    repeats[2, 0] = 9.0
    assert warm_from(repeats.tolist()) == 0


def test_a_repeat_of_one_iteration_says_nothing():
    assert warm_from([[3.0], [1.0]]) == 0


def test_drift_is_a_trend_that_matters():
    assert drifts([1.00, 1.03, 1.06, 1.09, 1.12])
    assert drifts([1.12, 1.09, 1.06, 1.03, 1.00])
    assert not drifts([1.000, 1.003, 1.006, 1.009, 1.012])
    assert not drifts([1.0, 1.2, 0.9, 1.3, 1.1])
    assert not drifts([1.0, 1.0, 1.0, 1.0, 1.0])
    assert not drifts([1.0])


def test_noise_is_rarely_taken_for_drift():
    assert np.mean([drifts(1 + 0.1 * RNG.standard_normal(8)) for _ in range(500)]) <= 0.03


def test_the_trend_s_tail_is_kendall_s():
    values = RNG.normal(size=8)
    expected = stats.kendalltau(np.arange(8), values, alternative="greater", method="exact")
    rising = sum(values[j] > values[i] for i in range(8) for j in range(i + 1, 8))
    assert trend_tail(8)[rising] == pytest.approx(expected.pvalue)
