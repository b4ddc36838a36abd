"""Exact tests agree with counting everything out, and Holm's correction with its definition."""

from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.comparing.ranks import (
    fewest_repeats,
    holm,
    rank_sum_p,
    rank_sum_tail,
    signed_rank_p,
    smallest_p,
)

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(("base", "candidate"), [(1, 1), (3, 4), (5, 5)])
def test_the_rank_sum_s_tail_is_what_counting_all_orders_gives(base, candidate):
    places = range(base + candidate)
    sums = [
        sum(place > other for place in chosen for other in set(places) - set(chosen))
        for chosen in combinations(places, candidate)
    ]
    counted = [np.mean(np.array(sums) >= u) for u in range(base * candidate + 1)]
    np.testing.assert_allclose(rank_sum_tail(base, candidate), counted)


def test_rank_sums_agree_with_scipy():
    base, candidate = RNG.normal(size=(50, 7)), RNG.normal(0.7, size=(50, 9))
    expected = stats.mannwhitneyu(candidate, base, alternative="greater", method="exact", axis=1)
    np.testing.assert_allclose(rank_sum_p(base, candidate)[0], expected.pvalue)


@pytest.mark.parametrize("sizes", [(5, 100), (100, 5)])
def test_a_short_run_is_tested_exactly_against_a_long_one(sizes):
    rng = np.random.default_rng(4)
    base, candidate = (rng.normal(size=(20, size)) for size in sizes)
    expected = stats.mannwhitneyu(candidate, base, alternative="greater", method="exact", axis=1)
    np.testing.assert_allclose(rank_sum_p(base, candidate)[0], expected.pvalue)
    assert smallest_p(*sizes, paired=False) == pytest.approx(1 / comb(sum(sizes), 5))


def test_signed_ranks_agree_with_counting_all_signs():
    differences = RNG.normal(0.5, size=(1, 7))
    sizes = np.abs(differences)
    signs = np.array([*product([-1, 1], repeat=7)])
    won = ((signs > 0) * stats.rankdata(sizes)).sum(axis=1)
    own = ((differences > 0) * stats.rankdata(sizes)).sum()
    assert signed_rank_p(differences)[0][0] == pytest.approx(np.mean(won >= own))


@pytest.mark.parametrize("repeats", [80, 100])
def test_many_repeats_are_close_to_the_exact_test(repeats):
    base, candidate = RNG.normal(size=(5, repeats)), RNG.normal(0.3, size=(5, repeats))
    expected = stats.mannwhitneyu(candidate, base, alternative="greater", method="exact", axis=1)
    np.testing.assert_allclose(rank_sum_p(base, candidate)[0], expected.pvalue, rtol=0.1)


def test_equal_values_prove_nothing():
    same = np.ones((1, 8))
    assert min(side[0] for side in rank_sum_p(same, same)) > 0.4
    assert min(side[0] for side in signed_rank_p(same - same)) > 0.4


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_falls_below_the_p_value_nor_above_bonferroni_s(p_values):
    given_values = np.array(p_values)
    adjusted = holm(given_values)
    assert np.all(adjusted >= given_values)
    assert np.all(adjusted <= np.minimum(given_values * len(p_values), 1) + 1e-12)
    assert np.all(np.diff(adjusted[np.argsort(given_values, kind="stable")]) >= 0)


def test_holm_is_as_in_its_definition():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])


@pytest.mark.parametrize("alpha", [0.05, 0.01, 1e-4, 1e-9])
def test_the_fewest_repeats_can_reach_the_level_and_one_less_cannot(alpha):
    repeats = fewest_repeats(alpha, paired=False)
    assert 1 / comb(2 * repeats, repeats) <= alpha < 1 / comb(2 * repeats - 2, repeats - 1)
    rounds = fewest_repeats(alpha, paired=True)
    assert 0.5**rounds <= alpha < 0.5 ** (rounds - 1)


def test_the_other_side_is_that_of_the_sides_exchanged():
    rng = np.random.default_rng(3)
    base, candidate = rng.integers(0, 5, (20, 4)) * 1.0, rng.integers(0, 5, (20, 6)) * 1.0
    np.testing.assert_array_equal(rank_sum_p(base, candidate)[1], rank_sum_p(candidate, base)[0])
    np.testing.assert_array_equal(signed_rank_p(candidate)[1], signed_rank_p(-candidate)[0])


def levels(count, number):
    """Every way to spread so many values over so many levels."""
    for edges in combinations(range(count + number - 1), number - 1):
        places = [-1, *edges, count + number - 1]
        yield np.repeat(np.arange(number), np.diff(places) - 1)


@pytest.mark.parametrize("sizes", [(5, 5), (4, 6)])
def test_ties_never_make_the_rank_sum_test_reject_more_often_than_its_level(sizes):
    count = sum(sizes)
    orders = np.array(
        [[*set(range(count)) - set(c), *c] for c in combinations(range(count), sizes[1])]
    )
    for values in levels(count, 3):
        base, candidate = np.split(values[orders] * 1.0, sizes[:1], axis=1)
        assert np.mean(rank_sum_p(base, candidate)[0] <= 0.01) <= 0.01


@pytest.mark.parametrize("rounds", [7, 10])
def test_ties_and_zeros_never_make_the_signed_rank_test_reject_more_often_than_its_level(rounds):
    signs = np.array([*product([-1.0, 1.0], repeat=rounds)])
    for sizes in levels(rounds, 4):
        for level in (0.01, 0.05):
            assert np.mean(signed_rank_p(sizes * signs)[0] <= level) <= level


def test_a_difference_of_zero_is_left_out():
    some = RNG.normal(0.5, size=(3, 9))
    with_zeros = np.hstack([some, np.zeros((3, 12))])
    np.testing.assert_array_equal(signed_rank_p(with_zeros), signed_rank_p(some))
