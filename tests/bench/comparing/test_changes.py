"""Steps are those of the cheapest division; a library that searches otherwise finds the same."""

import numpy as np
import pytest

from bench.comparing.changes import SHORTEST, steps_of


def stairs(rng, count):
    series = rng.normal(size=count)
    for _ in range(rng.integers(0, 4)):
        series[rng.integers(0, count) :] += 6 * rng.normal()
    return series


@pytest.mark.parametrize("count", [8, 20, 100, 700])
def test_steps_are_those_of_kernel_change_point_detection(count):
    ruptures = pytest.importorskip("ruptures")
    rng = np.random.default_rng(count)
    penalty = 3 * np.log(count) + 8
    for _ in range(20):
        series = stairs(rng, count)
        search = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST).fit(series[:, None])
        assert steps_of(series, penalty) == search.predict(pen=penalty)[:-1]


def test_a_constant_series_has_no_step_and_a_single_outlier_is_no_level():
    assert steps_of(np.zeros(20), 8.0) == []
    outlier = np.zeros(20)
    outlier[7] = 4.0
    assert steps_of(outlier, 17.0) == []
