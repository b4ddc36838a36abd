"""The layers compute what their textbook forms compute."""

import copy
import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from model.config import CODEBOOK_SIZE, CONFIGS, N_CODEBOOK
from model.decoder import SpeechMaskDecoder
from model.encoder import PromptEncoder
from model.layers import Attention, Block, Memory, RMSNorm, attention_bias


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
    torch.set_num_threads(1)


@pytest.fixture
def double():
    """Compute in double precision, where no order of adding shows within the usual tolerances."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double")
def test_rms_norm_equals_torch_s():
    x = torch.randn(2, 5, 48)
    torch.testing.assert_close(RMSNorm(48)(x), F.rms_norm(x, (48,), eps=1e-6))


def test_norm_of_values_whose_squares_leave_16_bit_floats_is_that_of_fp32():
    x = 400 * torch.randn(2, 5, 48, generator=torch.Generator().manual_seed(0))
    assert x.half().square().isinf().any()
    norm = RMSNorm(48)
    half = copy.deepcopy(norm).half()(x.half())
    torch.testing.assert_close(half.float(), norm(x), rtol=0, atol=0.01)


def test_what_keeps_squares_within_16_bits_changes_no_bit_in_fp32():
    x = torch.randn(2, 5, 48, generator=torch.Generator().manual_seed(0))
    norm = RMSNorm(48)
    assert torch.equal(norm(x), x * torch.rsqrt(norm.mean(x * x) + 1e-6) * norm.scale)


def test_the_averaging_weights_are_not_trained():
    trained = [name for name, p in RMSNorm(8).named_parameters() if p.requires_grad]
    assert trained == ["scale"]


@pytest.mark.usefixtures("double")
def test_attention_equals_torch_s():
    x, source = torch.randn(2, 7, 32), torch.randn(2, 9, 32)
    attention, memory = Attention(32, 4), Memory(32, 32, 4)
    reference = nn.MultiheadAttention(32, 4, bias=False, batch_first=True)
    with torch.no_grad():
        stacked = [attention.query.weight, memory.key.weight, memory.value.weight]
        reference.in_proj_weight.copy_(torch.cat(stacked))
        reference.out_proj.weight.copy_(attention.out.weight)
        want, _ = reference(x, source, source)
        torch.testing.assert_close(attention(x, *memory(source), None), want)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("padded", [False, True])
def test_attention_in_training_equals_that_of_a_device(padded):
    x, source = torch.randn(2, 7, 32), torch.randn(2, 9, 32)
    attention, memory = Attention(32, 4), Memory(32, 32, 4)
    mask = (torch.arange(9) < torch.tensor([[9], [5]])).double()[..., None] if padded else None
    bias = attention_bias(mask, 4)
    trained = attention.train()(x, *memory(source), bias)
    torch.testing.assert_close(trained, attention.eval()(x, *memory(source), bias))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("n_head", [0, 2])
def test_padding_changes_nothing_before_it(n_head):
    block = Block(16, 2, 3, n_head).eval()
    x = torch.randn(1, 6, 16)
    padded = F.pad(x, (0, 0, 0, 4), value=7.0)
    mask = (torch.arange(10) < 6).double().reshape(1, 10, 1)
    with torch.no_grad():
        torch.testing.assert_close(block(padded, mask)[:, :6], block(x, None))


@pytest.mark.usefixtures("double")
def test_padding_of_the_memory_changes_nothing():
    block, memory = Block(16, 2, 3, 2, cross=True).eval(), Memory(16, 16, 2)
    x, source = torch.randn(1, 6, 16), torch.randn(1, 5, 16)
    padded = F.pad(source, (0, 0, 0, 3), value=7.0)
    mask = (torch.arange(8) < 5).double().reshape(1, 8, 1)
    with torch.no_grad():
        torch.testing.assert_close(
            block(x, None, memory(padded), mask), block(x, None, memory(source))
        )


@pytest.mark.usefixtures("double")
def test_each_block_of_a_stack_attends_to_keys_and_values_of_its_own():
    config = dataclasses.replace(CONFIGS["tiny"], n_layer=3)
    encoder, decoder = PromptEncoder(config).eval(), SpeechMaskDecoder(config).eval()
    codes = torch.randint(0, CODEBOOK_SIZE, (1, N_CODEBOOK, 12))
    row = torch.randn(1, 6, config.width)
    with torch.no_grad():
        memory = encoder(codes)[2:]  # without the duration predictor's
        pairs = list(zip(memory[::2], memory[1::2], strict=True))
        for want, pair in zip(encoder.memories, pairs, strict=True):
            torch.testing.assert_close(pair, want(encoder.encode(codes)))
        x = decoder.project(decoder.embedding(codes, config.frames_per_step)) + row
        for block, pair in zip(decoder.blocks, pairs, strict=True):
            x = block(x, None, pair)
        want = decoder.out(decoder.norm(x)).reshape(1, 12, config.head_width)
        torch.testing.assert_close(decoder(codes, row, memory), want)
