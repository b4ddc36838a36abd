"""The shipped checkpoints guess and decode fixed recordings as well as when they were shipped.

Tolerances. The figures are computed in fp32: sums taken in another order, on a processor with other
vectors, move a logit by about 1e-5 of itself, and a mean over 1,000 frames by less. What moves a
figure is a code: a latent halfway between two entries of a codebook may fall to the other one, and
then so may all finer codes of that frame. A frame that changes moves the mean cross-entropy of a
channel by at most some 15 nats over the number of frames. Two frames are allowed. With default and
AVX2 kernels (`ATEN_CPU_CAPABILITY`) none changed.

The bounds are for errors of code, not of quality: a checkpoint that is a little worse passes.
"""

import json
import math

import golden
import pytest
import torch

from model.codec.own import ConvNeXtBlock
from model.config import CODEBOOK_SIZE
from model.layers import Block, attention_bias

RENEW = "figures of other checkpoints: run `python tests/golden.py` and commit golden.json"
FRAMES_CHANGED = 2
WORST_NATS = 15.0  # of one code: what exp(-x) makes of a logit that far below the others
# A frame of 4 ms in a recording of 3 s holds at most a few hundredths of its energy.
SNR_DB = 0.3
LSD_DB = 0.1
DURATION_MSE = 0.02


@pytest.fixture(scope="module")
def kept():
    """The figures of `golden.json`."""
    figures = json.loads(golden.GOLDEN.read_text())
    assert figures["sha256"] == golden.shipped_sha256(), RENEW
    return figures


@pytest.fixture(scope="module")
def shipped():
    """Model, codec and the batch that they are measured on."""
    model, codec = golden.load_shipped()
    return model, codec, golden.batch_of(model, codec)


def tolerance_nats(batch):
    return FRAMES_CHANGED * WORST_NATS / int(batch.valid.sum())


def worst_change(kept, found):
    """Largest change of a channel's cross-entropy, in nats."""
    pairs = zip(found["cross_entropy"], kept["speech"]["cross_entropy"], strict=True)
    return max(abs(now - then) for now, then in pairs)


def test_the_shipped_model_guesses_each_channel_as_well_as_ever(kept, shipped):
    model, _, batch = shipped
    found = golden.speech_figures(model, batch)
    assert worst_change(kept, found) < tolerance_nats(batch)
    # Masked in part, about 4 of 10 cells count.
    partial = found["partial_cross_entropy"] - kept["speech"]["partial_cross_entropy"]
    assert abs(partial) < 2.5 * tolerance_nats(batch)
    for name in ("log_duration_mse", "prompt_log_duration_mse"):
        assert found[name] == pytest.approx(kept["speech"][name], abs=DURATION_MSE)


def test_the_shipped_codec_gives_recordings_back_as_well_as_ever(kept, shipped):
    _, codec, _ = shipped
    found = golden.codec_figures(codec)
    assert found.keys() == kept["codec"].keys()
    for name, figures in found.items():
        assert figures["snr_db"] == pytest.approx(kept["codec"][name]["snr_db"], abs=SNR_DB)
        assert figures["lsd_db"] == pytest.approx(kept["codec"][name]["lsd_db"], abs=LSD_DB)


def test_figures_that_were_renewed_are_not_those_of_noise(kept):
    """Guessing at random costs ln(1024) = 6.93 nats; a codec of noise is at 0 dB or below."""
    chance = math.log(CODEBOOK_SIZE)
    entropies = kept["speech"]["cross_entropy"]
    assert entropies[0] < chance - 2
    assert max(entropies) < chance
    assert kept["speech"]["log_duration_mse"] < 0.3
    assert all(figures["snr_db"] > 3 for figures in kept["codec"].values())


def block_in_another_order(self, x, mask, memory=None, memory_mask=None):
    """`Block.forward` with its last two lines exchanged."""
    if self.self_attention:
        y = self.attention_norm(x)
        bias = attention_bias(mask, self.self_attention.n_head)
        x = x + self.self_attention(y, *self.self_memory(y), bias)
    if self.cross_attention:
        bias = attention_bias(memory_mask, self.cross_attention.n_head)
        x = x + self.cross_attention(self.cross_norm(x), *memory, bias)
    x = x + self.feed_forward(self.feed_forward_norm(x))
    return x + self.convolution(self.convolution_norm(x), mask)


def test_a_reordered_line_in_a_block_would_not_pass(kept, shipped, monkeypatch):
    model, _, batch = shipped
    monkeypatch.setattr(Block, "forward", block_in_another_order)
    assert worst_change(kept, golden.speech_figures(model, batch)) > 5 * tolerance_nats(batch)


def test_a_prompt_that_is_not_heard_would_not_pass(kept, shipped, monkeypatch):
    model, _, batch = shipped
    for block in model.smd.blocks:
        monkeypatch.setattr(block, "cross_attention", None)
    assert worst_change(kept, golden.speech_figures(model, batch)) > 2 * tolerance_nats(batch)


def test_a_norm_at_another_place_in_the_codec_would_not_pass(kept, shipped, monkeypatch):
    def forward(self, x, mask=None):
        y = self.depthwise(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return x + self.down(torch.nn.functional.gelu(self.up(y))) * self.scale

    _, codec, _ = shipped
    monkeypatch.setattr(ConvNeXtBlock, "forward", forward)
    found = golden.codec_figures(codec)
    changes = [abs(found[n]["snr_db"] - kept["codec"][n]["snr_db"]) for n in found]
    assert min(changes) > SNR_DB
