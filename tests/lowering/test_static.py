"""A method with static lengths says what it says at the true length: padding changes nothing."""

import numpy as np
import pytest
import torch

from lowering.static import pad_inputs, padded_call, with_lengths
from model.codec.own import CodecConfig, OwnCodec
from model.config import CODEBOOK_SIZE, CONFIGS, N_CODEBOOK
from model.errors import InputError
from model.methods import eager, methods
from model.mobilespeech import MobileSpeech

LENGTHS = {"steps": 40, "prompt_steps": 24, "phonemes": 32, "cells": 64, "frames": 50}
STEPS, PROMPT_STEPS, PHONEMES, CELLS, FRAMES = 31, 17, 19, 1, 43


@pytest.fixture(scope="module")
def table():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    codec = OwnCodec(CodecConfig(code_width=16, decoder_width=32, decoder_layers=1)).eval()
    return methods(MobileSpeech(CONFIGS["tiny"], 50).eval(), codec.decoder)


@pytest.fixture(scope="module")
def inputs():
    random, config = np.random.default_rng(0), CONFIGS["tiny"]

    def codes(frames):
        return random.integers(0, CODEBOOK_SIZE, (1, N_CODEBOOK, frames))

    def normal(*shape):
        return random.standard_normal(shape, np.float32)

    def memory(width, n_head):
        size = width // n_head
        return [normal(n_head, size, PROMPT_STEPS), normal(n_head, PROMPT_STEPS, size)]

    text_memory = memory(config.text_width, config.text_head)
    smd_memory = [m for _ in range(config.n_layer) for m in memory(config.width, config.n_head)]
    return {
        "prompt_encoder": [codes(2 * PROMPT_STEPS)],
        "text_encoder": [random.integers(0, 50, (1, PHONEMES))],
        "duration_predictor": [normal(1, PHONEMES, config.text_width), *text_memory],
        "smd": [codes(2 * STEPS), normal(1, STEPS, config.width), *smd_memory],
        "head_0": [normal(1, CELLS, config.head_width)],
        "codec_decoder": [codes(FRAMES)],
    }


@pytest.mark.parametrize(
    "name",
    ["prompt_encoder", "text_encoder", "duration_predictor", "smd", "head_0", "codec_decoder"],
)
def test_padding_changes_nothing(table, inputs, name):
    fixed = {one: with_lengths(method, LENGTHS) for one, method in table.items()}
    want = [np.array(output) for output in eager(table)(name, inputs[name])]
    got = padded_call(eager(fixed), table, LENGTHS)(name, inputs[name])
    for true, padded in zip(want, got, strict=True):
        assert padded.shape == true.shape
        np.testing.assert_allclose(padded, true, atol=2e-4, rtol=1e-3)


def test_every_input_gets_its_static_length_and_every_mask_its_ones(table, inputs):
    *padded, mask, prompt_mask = pad_inputs(table["smd"], inputs["smd"], LENGTHS)
    codes = padded[0]
    assert codes.shape == (1, N_CODEBOOK, 2 * LENGTHS["steps"])
    np.testing.assert_array_equal(codes[..., : 2 * STEPS], inputs["smd"][0])
    assert not codes[..., 2 * STEPS :].any()
    assert mask.flatten().tolist() == [1] * STEPS + [0] * (LENGTHS["steps"] - STEPS)
    padding = LENGTHS["prompt_steps"] - PROMPT_STEPS
    assert prompt_mask.flatten().tolist() == [1] * PROMPT_STEPS + [0] * padding


def test_without_static_lengths_nothing_is_touched(table, inputs):
    call = eager(table)
    assert padded_call(call, table, {}) is call
    assert with_lengths(table["smd"], {}) is table["smd"]
    assert pad_inputs(table["smd"], inputs["smd"], {}) == inputs["smd"]


def test_what_does_not_fit_is_refused_with_the_remedy(table, inputs):
    with pytest.raises(InputError, match="31 steps do not fit the static length of 30"):
        pad_inputs(table["smd"], inputs["smd"], {**LENGTHS, "steps": 30})
