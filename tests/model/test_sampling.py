"""Sampling is specified to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import sampling


def philox_4x64_10(counter, key):
    """Philox4x64-10 after its paper (Salmon et al., SC 2011), in Python's integers."""
    mask = (1 << 64) - 1
    c, k = list(counter), list(key)
    for _ in range(10):
        product_0, product_1 = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [
            (product_1 >> 64) ^ c[1] ^ k[0],
            product_1 & mask,
            (product_0 >> 64) ^ c[3] ^ k[1],
            product_0 & mask,
        ]
        k = [(k[0] + 0x9E3779B97F4A7C15) & mask, (k[1] + 0xBB67AE8584CAA73B) & mask]
    return c


def test_philox_gives_the_published_words():
    """Known-answer vector of Random123's kat_vectors: philox4x64 10, all zero."""
    assert philox_4x64_10([0] * 4, [0] * 2) == [
        0x16554D9ECA36314C,
        0xDB20FE9D672D0FDC,
        0xD7E772CEE186176B,
        0x7E68B68AEC7BA23B,
    ]


@pytest.mark.parametrize("number", [0, 3, 4, 1025])
def test_a_word_s_number_alone_decides_it(number):
    words = np.random.Philox(key=[7, 0], counter=[0, 2, 5, 1]).random_raw(number + 1)
    block = philox_4x64_10([number // 4 + 1, 2, 5, 1], [7, 0])
    assert words[number] == block[number % 4]
    variate = sampling.Draws(7, 2, 5).gumbel(1, np.array([number]))[0]
    u = ((int(words[number]) >> 41) + 0.5) / 2**23
    assert variate == pytest.approx(-np.log(-np.log(u)), abs=1e-5)


def test_exponential_is_accurate_and_zero_far_below():
    x = np.linspace(-86, 0, 20_001, dtype=np.float32)
    np.testing.assert_allclose(sampling.exp32(x), np.exp(x.astype(np.float64)), rtol=5e-6)
    assert sampling.exp32(np.array([-88.0, -1e30], np.float32)).tolist() == [0, 0]


def test_logarithm_is_accurate():
    x = np.geomspace(1e-30, 1e30, 20_001).astype(np.float32)
    np.testing.assert_allclose(
        sampling.log32(x), np.log(x.astype(np.float64)), rtol=1e-6, atol=1e-7
    )


@given(st.integers(0, 2**32), st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_log_probabilities_are_those_of_the_softmax(seed, rows):
    logits = np.random.default_rng(seed).normal(0, 3, (rows, 64)).astype(np.float32)
    tokens = logits.argmax(-1)
    exact = logits.astype(np.float64)
    exact = exact - np.log(np.exp(exact).sum(-1, keepdims=True))
    got = sampling.log_probability(logits, tokens)
    np.testing.assert_allclose(got, exact[np.arange(rows), tokens], atol=1e-5)


def test_zero_temperature_takes_the_most_likely_code_and_the_lowest_of_a_tie():
    logits = np.array([[0, 2, 2, 1], [3, 0, 0, 0]], np.float32)
    draws = sampling.Draws(0, 0, 0)
    assert sampling.choose_tokens(logits, np.array([0, 1]), draws, 0.0, 2).tolist() == [1, 0]


def test_only_the_top_codes_are_sampled():
    logits = np.tile(np.arange(8, dtype=np.float32), (4000, 1))
    tokens = sampling.choose_tokens(logits, np.arange(4000), sampling.Draws(1, 0, 0), 50.0, 3)
    assert set(tokens.tolist()) == {5, 6, 7}


def test_sampled_codes_follow_the_softmax():
    logits = np.tile(np.log(np.array([0.5, 0.3, 0.2], np.float32)), (20_000, 1))
    tokens = sampling.choose_tokens(logits, np.arange(20_000), sampling.Draws(3, 0, 0), 1.0, 3)
    np.testing.assert_allclose(np.bincount(tokens) / 20_000, [0.5, 0.3, 0.2], atol=0.015)


def test_a_cell_s_noise_does_not_depend_on_which_other_cells_are_masked():
    logits = np.random.default_rng(0).normal(size=(6, 16)).astype(np.float32)
    draws = sampling.Draws(5, 1, 2)
    everywhere = sampling.choose_tokens(logits, np.arange(6), draws, 1.0, 16)
    some = np.array([1, 4])
    assert (sampling.choose_tokens(logits[some], some, draws, 1.0, 16) == everywhere[some]).all()


def test_the_most_confident_win_and_the_first_of_equals():
    scores = np.array([0.5, 0.9, 0.5, 0.1, 0.9], np.float32)
    assert sampling.most_confident(scores, 3).tolist() == [0, 1, 4]
