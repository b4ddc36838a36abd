import dataclasses

import pytest
import torch

from model.checkpoint import save_checkpoint
from model.config import CONFIGS
from model.errors import CheckpointError, ConfigError
from model.loading import KIND, learnt_tensors, load_model
from model.mobilespeech import MobileSpeech
from model.text.inventory import PHONEMES, inventory_sha256


@pytest.fixture
def checkpoint(tmp_path):
    """Write a tiny model of other weights, with facts that a test may override."""

    def write(**overrides):
        model = MobileSpeech(CONFIGS["tiny"], len(PHONEMES), seed=7)
        facts = {
            "kind": KIND,
            "config": dataclasses.asdict(CONFIGS["tiny"]),
            "inventory_sha256": inventory_sha256(),
            "codes_sha256": "c" * 64,
            "steps": 12,
            "hours": 3.5,
        }
        path = tmp_path / "model.safetensors"
        save_checkpoint(path, learnt_tensors(model), {**facts, **overrides})
        return path, model

    return write


def test_without_a_checkpoint_weights_are_random_but_always_the_same():
    first, info = load_model("tiny")
    second, again = load_model("tiny")
    assert not info.trained
    assert info == again
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )


def test_a_checkpoint_gives_back_its_weights_and_its_history(checkpoint):
    path, saved = checkpoint()
    model, info = load_model("tiny", path)
    assert (info.trained, info.steps, info.hours, info.codes_sha256) == (True, 12, 3.5, "c" * 64)
    for name, tensor in learnt_tensors(saved).items():
        assert torch.equal(model.get_parameter(name), tensor.half().float())


def test_the_constants_of_the_norms_are_not_rounded_by_a_checkpoint(checkpoint):
    path, _ = checkpoint()
    model, _ = load_model("tiny", path)
    assert torch.all(model.smd.norm.mean.weight == 1 / 64)


def test_untrained_phonemes_last_about_six_frames():
    model, _ = load_model("tiny")
    text, _ = model.text_encoder(torch.arange(6, 60)[None])
    memory = model.prompt_encoder(torch.zeros(1, 8, 20, dtype=torch.long))
    frames = model.duration_predictor(text, *memory[:2]).exp()
    assert 3 < frames.mean() < 12


def test_an_unknown_name_is_an_error():
    with pytest.raises(ConfigError, match="unknown model 'huge'"):
        load_model("huge")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"inventory_sha256": "0"}, "another phoneme inventory"),
        ({"config": dataclasses.asdict(CONFIGS["base"])}, "other sizes"),
        ({"kind": "codec"}, "holds a codec"),
    ],
)
def test_a_checkpoint_made_for_something_else_is_an_error(checkpoint, overrides, message):
    path, _ = checkpoint(**overrides)
    with pytest.raises(CheckpointError, match=message):
        load_model("tiny", path)


def test_a_missing_checkpoint_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_model("tiny", tmp_path / "gone.safetensors")
