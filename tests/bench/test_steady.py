"""Warm-up that was too short is noticed, and so is drift; noise is neither."""

import numpy as np
import pytest
from scipy import stats

from bench.steady import drifts, slow_at_first, trend_tail, unsteady, warm_from
from bench.warnings import NamedWarning, timing_warnings

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


def of_noise(shape, repeats):
    """Draw 1000 runs of so many repeats that vary by 3 %; of heavy tails, by as much or less."""
    rng, size = np.random.default_rng(11), (1000, repeats)
    drawn = rng.standard_normal(size) if shape == "normal" else rng.standard_t(3, size) / np.sqrt(3)
    return 1 + 0.03 * drawn


@pytest.mark.parametrize("shape", ["normal", "heavy tails"])
@pytest.mark.parametrize("repeats", [2, 5, 10, 40, 100])
def test_steady_repeats_are_as_rarely_called_unsteady_however_many_they_are(shape, repeats):
    rate = np.mean([unsteady(run) for run in of_noise(shape, repeats)])
    assert rate <= 0.07
    if shape == "normal":
        assert rate >= 0.03  # at the limit itself


@pytest.mark.parametrize(("repeats", "found"), [(5, 0.6), (10, 0.9), (40, 1.0)])
def test_repeats_that_vary_by_a_tenth_are_unsteady(repeats, found):
    rng = np.random.default_rng(12)
    runs = 1 + 0.1 * rng.standard_normal((300, repeats))
    assert np.mean([unsteady(run) for run in runs]) >= found


def test_one_disturbed_repeat_is_not_unsteady():
    assert not unsteady([1.0, 1.01, 0.99, 1.0, 3.0])


@pytest.mark.parametrize("repeats", [1, 4, 5, 8, 40, 100])
def test_noise_is_rarely_taken_for_drift(repeats):
    rng = np.random.default_rng(13)
    runs = 1 + 0.1 * rng.standard_normal((300, repeats))
    assert np.mean([drifts(run) for run in runs]) <= 0.04


@pytest.mark.parametrize("repeats", [1, 3, 5, 8, 40])
def test_noise_is_rarely_taken_for_a_slow_first_run(repeats):
    rng = np.random.default_rng(14)
    runs = np.exp(0.08 * rng.standard_normal((500, repeats, 3)))
    assert np.mean([slow_at_first(run.tolist()) for run in runs]) <= 0.07


def test_slow_first_runs_are_named_from_five_repeats_on():
    def first_is_slow(repeats):
        return timing_warnings([[1.3, 1.0, 1.0]] * repeats)[NamedWarning.FIRST_RUN_SLOW]

    assert [first_is_slow(repeats) for repeats in (1, 4, 5, 20)] == [False, False, True, True]


def test_a_tie_counts_half_and_never_for_the_claim():
    assert not drifts([1.0, 1.1, 1.2, 1.2, 1.3])  # 9 of 10 pairs rise: p = 5/120, twice
    assert drifts([1.0, 1.1, 1.2, 1.3, 1.3, 1.4, 1.5])
    assert not drifts([1.3, 1.2, 1.2, 1.1, 1.0])


@pytest.mark.parametrize("count", [70, 100])
def test_many_repeats_have_nearly_the_exact_trend_tail(count):
    values = np.random.default_rng(15).normal(size=count) + 0.008 * np.arange(count)
    expected = stats.kendalltau(np.arange(count), values, alternative="greater", method="exact")
    rising = sum(values[j] > values[i] for i in range(count) for j in range(i + 1, count))
    assert trend_tail(count)[rising] == pytest.approx(expected.pvalue, rel=0.2)


def test_the_trend_s_tail_is_kendall_s():
    values = RNG.normal(size=8)
    expected = stats.kendalltau(np.arange(8), values, alternative="greater", method="exact")
    rising = sum(values[j] > values[i] for i in range(8) for j in range(i + 1, 8))
    assert trend_tail(8)[rising] == pytest.approx(expected.pvalue)
