"""Stopping when the interval is narrow keeps the interval's promise, and ends."""

import numpy as np
import pytest

from bench.stopping import ALPHA, depth, interval, looks, rounds, settled
from devices.schedule import Schedule

SCHEDULE = Schedule(repeats=5, until=0.02, most_repeats=30)


def measure_until_settled(rng, noise, schedule=SCHEDULE):
    samples = []
    while not settled(samples, schedule):
        samples.append(1 + noise(rng))
    return samples


def test_looks_are_few_and_end_at_the_most():
    numbers = looks(5, 30)
    assert numbers[-1] == 30
    assert len(numbers) < 10
    assert all(depth(number, ALPHA / len(numbers)) for number in numbers)


@pytest.mark.parametrize(("count", "alpha", "expected"), [(5, 0.05, 0), (6, 0.05, 1), (9, 0.05, 2)])
def test_order_statistics_are_those_of_the_sign_test(count, alpha, expected):
    assert depth(count, alpha) == expected


def test_a_quiet_device_is_done_soon_and_a_noisy_one_stops_at_the_bound():
    rng = np.random.default_rng(1)
    quiet = measure_until_settled(rng, lambda r: 0.002 * r.standard_normal())
    noisy = measure_until_settled(rng, lambda r: 0.3 * abs(r.standard_normal()))
    assert len(quiet) == looks(5, 30)[0]
    assert len(noisy) == 30


@pytest.mark.parametrize(
    "noise",
    [
        lambda r: 0.02 * r.standard_normal(),
        lambda r: 0.01 * r.standard_t(2),
        lambda r: 0.04 * (r.random() < 0.4) + 0.002 * r.standard_normal(),
    ],
    ids=["normal", "heavy tails", "two modes"],
)
def test_the_interval_that_ended_it_holds_the_median_as_often_as_it_says(noise):
    rng = np.random.default_rng(2)
    truth = np.median([1 + noise(rng) for _ in range(40_000)])
    held = []
    for _ in range(400):
        found = interval(measure_until_settled(rng, noise), 5, 30)
        held.append(found[0] <= truth <= found[1])
    assert np.mean(held) >= 0.95


def test_without_a_wish_for_an_interval_the_repeats_are_fixed():
    fixed = Schedule(repeats=3)
    assert not settled([1.0, 1.0], fixed)
    assert settled([1.0, 2.0, 3.0], fixed)
    assert (rounds(fixed), rounds(SCHEDULE)) == (3, 30)
