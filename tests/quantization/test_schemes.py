"""Each scheme says, module by module, what it does."""

import copy

import pytest
import torch
from torch import nn
from torchao.quantization import quantize_
from torchao.quantization.qat import FakeQuantizedLinear

from model.config import CONFIGS
from model.errors import ConfigError
from model.methods import methods
from model.mobilespeech import MobileSpeech
from model.text.inventory import PHONEMES
from model.training.speech_qat import QAT_SCHEMES, prepare_for_quantization
from quantization.coverage import leaves_with_weights
from quantization.schemes import SCHEMES, Kind


@pytest.mark.parametrize("name", [*SCHEMES])
def test_every_scheme_describes_itself(name):
    scheme = SCHEMES[name]()
    assert scheme.summary
    assert SCHEMES[name].__doc__
    assert (scheme.choose is None) == (scheme.kind is Kind.FLOAT or scheme.static)
    assert (0 not in scheme.bits) or not scheme.static


def test_a_near_miss_is_named():
    with pytest.raises(ConfigError, match="Did you mean '8da4w'"):
        SCHEMES["8da4"]


@pytest.mark.parametrize("name", ["8da8w", "8da4w", "mixed"])
@pytest.mark.parametrize(
    ("module", "where", "why"),
    [
        (nn.Conv1d(4, 4, 3), "convolution.depthwise", "linear layers only"),
        (nn.Embedding(4, 4), "embedding.table", "linear layers only"),
        (nn.Linear(64, 1), "norm.mean", "averaging weights"),
        (nn.Linear(64, 1), "out", "single output"),
        (nn.Linear(1, 64), "duration_token", "single input"),
    ],
)
def test_what_stays_in_float_has_a_reason(name, module, where, why):
    assert why in SCHEMES[name]().choose("smd", where, module)


def test_weights_that_do_not_fill_groups_of_32_stay_in_float():
    choice = SCHEMES["8da4w"]().choose("smd", "project", nn.Linear(80, 64))
    assert "80 inputs" in choice


def test_mixed_keeps_what_is_sampled_in_float_and_feed_forwards_in_4_bits():
    choose = SCHEMES["mixed"]().choose
    layer = nn.Linear(64, 64)
    assert isinstance(choose("head_3", "", layer), str)
    assert isinstance(choose("codec_decoder", "stem", layer), str)
    assert choose("smd", "blocks.0.feed_forward.up", layer).weight_dtype == torch.int4
    assert choose("smd", "blocks.0.self_attention.query", layer).weight_dtype == torch.int8
    assert choose("prompt_encoder", "blocks.0.feed_forward.up", layer).weight_dtype == torch.int8


@pytest.mark.parametrize("config", ["tiny", "base"])
@pytest.mark.parametrize("name", [*QAT_SCHEMES])
def test_training_for_a_scheme_rounds_just_the_layers_that_the_scheme_quantizes(name, config):
    model = MobileSpeech(CONFIGS[config], len(PHONEMES)).eval()
    choose = SCHEMES[name]().choose
    quantized = {
        id(layer)
        for method, found in methods(model, nn.Identity()).items()
        for child, layer in leaves_with_weights(found.module).items()
        if not isinstance(choose(method, child, layer), str)
    }
    expected = {path for path, layer in model.named_modules() if id(layer) in quantized}
    assert prepare_for_quantization(model, name) == len(expected)
    rounding = {path for path, layer in model.named_modules() if type(layer) is FakeQuantizedLinear}
    assert rounding == expected


@pytest.mark.parametrize("name", [*QAT_SCHEMES])
def test_training_for_a_scheme_rounds_to_what_the_scheme_gives(name):
    torch.manual_seed(0)
    exact = nn.Sequential(nn.Linear(64, 48))
    rounded, quantized = copy.deepcopy(exact), copy.deepcopy(exact)
    x = torch.randn(1, 7, 64)
    assert prepare_for_quantization(rounded, name) == 1
    quantize_(quantized, SCHEMES[name]().choose("smd", "project", exact[0]))
    with torch.no_grad():
        want = quantized(x)
        by_scheme, by_training = want - exact(x), rounded(x) - want
    assert by_scheme.norm() > 0
    assert by_training.norm() < 0.05 * by_scheme.norm()
