"""A row's interval holds the median as often as it says, whatever the noise."""

import numpy as np
import pytest

from bench.stats import summarize


@pytest.mark.parametrize("repeats", [6, 7, 8, 10, 20])
def test_the_interval_holds_the_median_in_95_percent_of_runs(repeats):
    rng = np.random.default_rng(1)
    drawn = rng.standard_exponential((3000, repeats))
    found = [summarize(samples, "ms") for samples in drawn.tolist()]
    held = [one.low <= np.log(2) <= one.high for one in found]
    assert np.mean(held) >= 0.942  # 95 % - 2 sigma


@pytest.mark.parametrize("samples", [[3.0], [1.0, 2.0], [5.0, 1.0, 2.0, 4.0, 3.0]])
def test_of_few_repeats_the_interval_is_their_range(samples):
    found = summarize(samples, "ms")
    assert (found.low, found.high) == (min(samples), max(samples))
