import hashlib
import tomllib

import numpy as np
import pytest
import soundfile
import torch
import torch.nn.functional as F

from model.config import HOP_LENGTH, SAMPLE_RATE_HZ
from model.data import kokoro_parts, synthetic
from model.data.corpus import AudioShards, finished_shards
from model.data.kokoro_parts import BLOCKS, STEPS
from model.data.plan import Request
from model.data.prompts import PROMPTS_FOLDER
from model.data.speakers import speaker_named
from model.data.vocoder import Vocoder
from model.errors import InputError

DILATIONS = {"1.0": 1, "1.1": 3, "1.2": 5, "2.0": 1, "2.1": 1, "2.2": 1}


class Engine:
    """Speaks noise, the same for the same symbols; stops working after some utterances."""

    def __init__(self, works_for=10**9):
        self.left = works_for

    def speak(self, symbols, style, speed):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        if symbols.startswith("z"):
            raise InputError("garbled")
        frames = np.full(len(symbols) + 2, 4)
        audio = np.random.default_rng(len(symbols)).standard_normal(frames.sum() * 600) * 0.1
        return audio.astype(np.float32), frames


@pytest.fixture
def plan(monkeypatch):
    monkeypatch.setattr(synthetic, "style_vectors", lambda speaker: np.zeros((510, 256)))
    monkeypatch.setattr(synthetic, "SHARD_SIZE", 4)
    return [request(f"u{n}", "ə" * (n + 1)) for n in range(12)]


def request(name, said):
    phonemes = ("sil", *said, ".", "sil")
    return Request(name, "af_bella", 1.0, "train", "en", "A.", phonemes, (1,))


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_build_that_was_cut_off_ends_with_the_same_files(plan, tmp_path):
    synthetic.make_shards(Engine(), plan, tmp_path / "whole", range(3))
    with pytest.raises(KeyboardInterrupt):
        synthetic.make_shards(Engine(works_for=6), plan, tmp_path / "cut", range(3))
    assert finished_shards(tmp_path / "cut") == {0}
    synthetic.make_shards(Engine(), plan, tmp_path / "cut", range(1, 3))
    assert files_of(tmp_path / "cut") == files_of(tmp_path / "whole")


def test_a_worker_that_nobody_wants_stops_without_half_a_shard(plan, tmp_path):
    answers = iter([True] * 5 + [False])
    synthetic.make_shards(Engine(), plan, tmp_path, range(3), is_wanted=lambda: next(answers))
    assert finished_shards(tmp_path) == {0}


def test_durations_of_what_is_stored_sum_to_its_frames(plan, tmp_path):
    synthetic.make_shards(Engine(), plan, tmp_path, [0])
    for item in AudioShards.open(tmp_path).items:
        assert sum(item.durations) == item.n_samples / HOP_LENGTH == item.n_frames
        assert len(item.durations) == len(item.phonemes)


def test_a_sentence_that_the_engine_garbles_is_left_out(plan, tmp_path):
    garbled = [*plan[:3], request("bad", "z")]
    synthetic.make_shards(Engine(), garbled, tmp_path, [0])
    assert [item.name for item in AudioShards.open(tmp_path).items] == ["u0", "u1", "u2"]


def test_cutting_a_graph_keeps_what_leads_from_inputs_to_outputs():
    onnx = pytest.importorskip("onnx", reason="comes with the extra `data`")
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    value = [helper.make_tensor_value_info(n, float32, [1]) for n in ("a", "d")]
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["a", "w1"], ["b"]),
            helper.make_node("Mul", ["b", "w2"], ["c"]),
            helper.make_node("Add", ["c", "w1"], ["d"]),
        ],
        "g",
        value[:1],
        value[1:],
        [helper.make_tensor(w, float32, [1], [2.0]) for w in ("w1", "w2")],
    )
    part = kokoro_parts._cut(helper.make_model(graph), ("b",), ("c",))
    assert [node.op_type for node in part.graph.node] == ["Mul"]
    assert [tensor.name for tensor in part.graph.initializer] == ["w2"]
    assert [v.name for v in (*part.graph.input, *part.graph.output)] == ["b", "c"]
    assert len(graph.node) == 3  # the original is whole
    assert onnx.numpy_helper.to_array(part.graph.initializer[0]) == 2.0


def plain_block(weights, name, signal, style):
    """The block as its paper writes it, in float32 on (1, C, time)."""
    for index in range(3):
        residual = signal
        for half in (1, 2):
            key = f"{name}.{half}.{index}"
            channels = signal.shape[1]
            gain, shift = (style @ weights[f"{key}.style_weight"] + weights[f"{key}.style_bias"])[
                0
            ].split(channels)
            signal = F.instance_norm(signal) * (1 + gain[:, None]) + shift[:, None]
            alpha = weights[f"{key}.alpha"][:, None]
            signal = signal + torch.sin(alpha * signal).square() / alpha
            weight, dilation = weights[f"{key}.weight"], DILATIONS[f"{half}.{index}"]
            signal = F.conv1d(
                signal,
                weight,
                weights[f"{key}.bias"],
                padding=dilation * (weight.shape[-1] - 1) // 2,
                dilation=dilation,
            )
        signal = signal + residual
    return signal


@pytest.mark.parametrize(
    ("dtype", "error"),
    [(torch.float32, 1e-4), (torch.bfloat16, 0.02)],  # bfloat16 keeps 8 bits
)
def test_the_fast_vocoder_gives_what_the_plain_one_gives(dtype, error):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    weights = {}
    coarse = ("noise_res.0", "resblocks.0", "resblocks.1", "resblocks.2")
    for block in BLOCKS:
        channels = 8 if block in coarse else 4
        for step in STEPS:
            key = f"{block}.{step}"
            weights[f"{key}.weight"] = torch.randn(channels, channels, 3) * 0.2
            weights[f"{key}.bias"] = torch.randn(channels) * 0.1
            weights[f"{key}.alpha"] = torch.rand(channels) + 0.5
            weights[f"{key}.style_weight"] = torch.randn(6, 2 * channels) * 0.1
            weights[f"{key}.style_bias"] = torch.randn(2 * channels) * 0.1
    for name, shape in (("ups.0", (16, 8, 20)), ("ups.1", (8, 4, 12)), ("post", (22, 4, 7))):
        weights[f"{name}.weight"] = torch.randn(shape) * 0.2
        weights[f"{name}.bias"] = torch.randn(shape[0 if name == "post" else 1]) * 0.1
    features, style = torch.randn(1, 16, 9), torch.randn(1, 6)
    sources = torch.randn(1, 8, 90), torch.randn(1, 4, 541)

    signal = features
    for stage, (stride, padding) in enumerate(((10, 5), (6, 3))):
        signal = F.conv_transpose1d(
            F.leaky_relu(signal, 0.1),
            weights[f"ups.{stage}.weight"],
            weights[f"ups.{stage}.bias"],
            stride=stride,
            padding=padding,
        )
        if stage:
            signal = F.pad(signal, (1, 0), mode="reflect")
        signal = signal + plain_block(weights, f"noise_res.{stage}", sources[stage], style)
        blocks = (f"resblocks.{3 * stage + n}" for n in range(3))
        signal = sum(plain_block(weights, block, signal, style) for block in blocks) / 3
    expected = F.conv1d(
        F.leaky_relu(signal, 0.01), weights["post.weight"], weights["post.bias"], padding=3
    )

    found = Vocoder(weights, dtype)(features, *sources, style)
    assert found.shape == expected.shape == (1, 22, 541)
    assert (found - expected).norm() < error * expected.norm()


def test_the_built_in_prompts_are_what_their_listing_says():
    listing = tomllib.loads((PROMPTS_FOLDER / "prompts.toml").read_text(encoding="utf-8"))
    prompts = listing["prompt"]
    assert {prompt["lang"] for prompt in prompts} == {"en", "zh"}
    for prompt in prompts:
        path = PROMPTS_FOLDER / prompt["file"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == prompt["sha256"]
        audio, rate_hz = soundfile.read(path)
        assert rate_hz == SAMPLE_RATE_HZ
        assert 3.0 <= audio.shape[0] / rate_hz <= 5.0
        assert sum(prompt["durations"]) * HOP_LENGTH == audio.shape[0]
        assert len(prompt["durations"]) == len(prompt["phonemes"].split())
        assert speaker_named(prompt["speaker"]).unseen


def test_the_built_in_prompts_are_small():
    assert sum(path.stat().st_size for path in PROMPTS_FOLDER.iterdir()) < 1_500_000
