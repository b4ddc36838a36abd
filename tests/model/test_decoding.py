"""The plan of passes, and what a pass unmasks."""

import math

import numpy as np
import pytest

from model.config import N_CODEBOOK
from model.decoding import (
    DEFAULT_PASSES,
    MASK,
    DecodingOptions,
    MaskedCells,
    decoding_plan,
    unmask,
    unused_channels,
)
from model.errors import ConfigError


def logits_for(cells, seed=0):
    return np.random.default_rng(seed).normal(size=(len(cells.frame), 1024)).astype(np.float32)


def run_plan(options, frames=40, seed=0):
    codes = np.full((N_CODEBOOK, frames), MASK, np.int64)
    masked = []
    for step in options.plan:
        cells = MaskedCells.of(codes, step)
        unmask(codes, cells, logits_for(cells, seed + step.index), step, options, sentence=0)
        masked.append((codes == MASK).sum())
    return codes, masked


MANY = decoding_plan((8, *[1] * 7))


def test_the_default_plan_has_a_pass_per_channel_coarse_to_fine():
    plan = DecodingOptions().plan
    assert [step.channels for step in plan] == [(q,) for q in range(8)]
    assert {step.remaining for step in plan} == {0}


def test_a_plan_of_many_passes_follows_the_cosine_coarse_to_fine():
    plan = MANY
    assert [step.channels for step in plan] == [(0,)] * 8 + [(q,) for q in range(1, 8)]
    assert [step.index for step in plan] == list(range(15))
    assert plan[3].remaining == math.cos(math.pi / 2 * 4 / 8)
    assert plan[7].remaining == 0


@pytest.mark.parametrize("passes", [(1,) * 9, (0,), (8, 1, 1, 1, 1, 1, 1, 0), ()])
def test_other_numbers_of_passes_are_refused(passes):
    with pytest.raises(ConfigError, match="passes must be"):
        decoding_plan(passes)


def test_each_pass_leaves_the_cosine_schedule_s_share_masked():
    options = DecodingOptions(plan=MANY)
    _, masked = run_plan(options, frames=100)
    expected = [math.floor(step.remaining * 100) + 700 for step in options.plan[:8]]
    assert masked[:8] == expected
    assert masked[8:] == [600, 500, 400, 300, 200, 100, 0]


@pytest.mark.parametrize("passes", [DEFAULT_PASSES, (16,), (1,)])
def test_a_plan_ends_without_masks(passes):
    codes, _ = run_plan(DecodingOptions(plan=decoding_plan(passes)))
    assert ((codes >= 0) & (codes < MASK)).all()


def test_a_plan_of_coarse_channels_leaves_the_fine_ones_unknown():
    plan = decoding_plan((2, 1, 1))
    codes, _ = run_plan(DecodingOptions(plan=plan))
    assert (codes[:3] < MASK).all()
    assert (codes[3:] == MASK).all()
    assert unused_channels(plan) == (3, 4, 5, 6, 7)


def test_joint_decoding_fills_coarse_channels_first():
    options = DecodingOptions(plan=decoding_plan((16,)), layer_penalty=100.0)
    codes = np.full((N_CODEBOOK, 40), MASK, np.int64)
    step = options.plan[7]
    cells = MaskedCells.of(codes, step)
    unmask(codes, cells, logits_for(cells), step, options, sentence=0)
    known = (codes != MASK).sum(1)
    assert known[0] == 40
    assert known[-1] == 0


def test_known_codes_are_never_changed():
    options = DecodingOptions(plan=MANY)
    codes = np.full((N_CODEBOOK, 30), MASK, np.int64)
    codes[0, :10] = 7
    step = options.plan[0]
    cells = MaskedCells.of(codes, step)
    assert cells.frame.tolist() == list(range(10, 30))
    unmask(codes, cells, logits_for(cells), step, options, sentence=0)
    assert (codes[0, :10] == 7).all()


def test_the_seed_decides():
    first, _ = run_plan(DecodingOptions(plan=MANY, seed=1))
    again, _ = run_plan(DecodingOptions(plan=MANY, seed=1))
    other, _ = run_plan(DecodingOptions(plan=MANY, seed=2))
    assert (first == again).all()
    assert (first != other).any()


def test_one_pass_per_channel_is_greedy_whatever_the_seed():
    first, _ = run_plan(DecodingOptions(seed=1), seed=0)
    other, _ = run_plan(DecodingOptions(seed=2), seed=0)
    assert (first == other).all()
