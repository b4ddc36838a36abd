"""What quantizing a part alone does is measured, and the model is whole again afterwards."""

import numpy as np
import pytest
import torch

from lowering.reference import model_limits
from model.choice import ModelChoice
from model.decoding import DecodingOptions, decoding_plan
from model.generate import Request, synthesize
from model.methods import eager, methods
from model.pair import load_pair
from quantization.calibration import record
from quantization.distance import End, distance, snr_db
from quantization.probing import Layer, Probe
from quantization.sensitivity import Grain, part_of, sensitivity

PLAN = decoding_plan((2, 1, 1, 1, 1, 1, 1, 1))
FEED_FORWARD = Layer("smd", "blocks.0.feed_forward.up")


@pytest.fixture(scope="module")
def probe():
    """`tiny`, on the way that it took through a few phonemes."""
    torch.set_num_threads(1)
    model, _, codec = load_pair(ModelChoice("tiny"))
    table = methods(model, codec.decoder)
    options = DecodingOptions(plan=PLAN)
    limits = model_limits(model.config, codec.lookahead_frames)
    call, recording = record(eager(table), len(PLAN))
    prompt = np.arange(8 * 20).reshape(8, 20)
    synthesize(call, limits, Request(((1, 2, 3, 4),), prompt, options))
    return Probe(table, recording, options, limits)


def test_nothing_quantized_is_no_distance(probe):
    with probe.quantized({}):
        outputs = probe.outputs(frozenset(End))
    for end, wanted in probe.reference.items():
        assert all(map(np.array_equal, outputs[end], wanted))


def test_what_is_reached_follows_the_model(probe):
    ends = {
        layer.method: set(probe.noise({layer: "8da8w"}))
        for layer in (FEED_FORWARD, Layer("head_3", ""), Layer("codec_decoder", "stem"))
    }
    assert ends == {
        "smd": {End.LOGITS},
        "head_3": {End.LOGITS},
        "codec_decoder": {End.WAVEFORM},
    }
    text = next(layer for layer in probe.layers("8da8w") if layer.method == "text_encoder")
    assert set(probe.noise({text: "8da8w"})) == {End.LOGITS, End.DURATIONS}


def test_four_bits_do_more_damage_than_eight_and_two_layers_more_than_one(probe):
    other = Layer("smd", "blocks.0.feed_forward.down")
    eight, four = (distance(probe.noise({FEED_FORWARD: s})) for s in ("8da8w", "8da4w"))
    both = distance(probe.noise({FEED_FORWARD: "8da4w", other: "8da4w"}))
    assert 0 < eight < four < both


def fail_while_quantized(probe):
    with probe.quantized({FEED_FORWARD: "8da8w"}):
        raise RuntimeError("on the way")


def test_the_model_is_whole_again_also_after_an_error(probe):
    before = probe.table["smd"].module.get_submodule(FEED_FORWARD.name)
    with probe.quantized({FEED_FORWARD: "8da8w"}):
        assert probe.table["smd"].module.get_submodule(FEED_FORWARD.name) is not before
    with pytest.raises(RuntimeError, match="on the way"):
        fail_while_quantized(probe)
    assert probe.table["smd"].module.get_submodule(FEED_FORWARD.name) is before


def test_a_scheme_that_leaves_a_layer_alone_is_told_so(probe):
    with pytest.raises(ValueError, match="averaging weights"):
        probe.noise({Layer("smd", "blocks.0.feed_forward_norm.mean"): "8da8w"})


def test_every_part_is_a_line_and_the_worst_comes_first(probe):
    found = sensitivity(probe, ["8da8w", "8da4w"], Grain.METHOD)
    assert {damage.part for damage in found} == set(probe.table)
    assert [damage.worst for damage in found] == sorted((d.worst for d in found), reverse=True)
    assert all(set(damage.noise) == {"8da8w", "8da4w"} for damage in found)
    assert 0.5 < sum(damage.params_share for damage in found) < 1
    assert 0.5 < sum(damage.macs_share for damage in found) < 1


@pytest.mark.parametrize(
    ("grain", "part"),
    [
        (Grain.LAYER, "smd.blocks.0.feed_forward.up"),
        (Grain.BLOCK, "smd.blocks.0.feed_forward"),
        (Grain.METHOD, "smd"),
    ],
)
def test_a_layer_belongs_to_a_part(grain, part):
    assert part_of(FEED_FORWARD, grain) == part
    assert part_of(Layer("head_0", ""), Grain.BLOCK) == "head_0"


def test_noise_is_written_as_a_ratio_in_decibels():
    assert snr_db(0.01) == pytest.approx(20)
    assert snr_db(0) == float("inf")
