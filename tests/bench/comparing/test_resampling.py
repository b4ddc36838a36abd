"""The bootstrap looks its draws up; it must find what drawing and sorting finds."""

import numpy as np
import pytest

from bench.comparing.resampling import DRAWS, intervals, middles


def drawn_medians(values, side):
    lower, upper = middles(values.shape[1], side)
    ordered = np.sort(values, axis=1)
    return (ordered[:, lower] + ordered[:, upper]) / 2


@pytest.mark.parametrize("rounded", [False, True], ids=["all different", "many ties"])
@pytest.mark.parametrize(("base", "candidate"), [(5, 5), (6, 6), (5, 8), (31, 12), (0, 7)])
def test_ends_are_those_of_all_draws_bit_for_bit(base, candidate, rounded):
    rng = np.random.default_rng(base)
    sides = [rng.normal(size=(300, count)) for count in (base, candidate)]
    before, after = (np.round(side) if rounded else side for side in sides)
    draws = drawn_medians(after, 1)
    if base:
        draws = draws - drawn_medians(before, 0)
    draws.sort(axis=1)
    first = int(DRAWS * 0.05 / 2)
    low, high, error = intervals(before if base else None, after, 0.95)
    np.testing.assert_array_equal(low, draws[:, first])
    np.testing.assert_array_equal(high, draws[:, -1 - first])
    np.testing.assert_allclose(error, draws.std(axis=1), atol=1e-13)
