"""Tests of loading a model with its codec."""

import pytest

from model.checkpoint import load_checkpoint, save_checkpoint
from model.choice import ModelChoice
from model.codec.providers import SHIPPED
from model.errors import CheckpointError
from model.loading import CHECKPOINTS, KIND
from model.pair import load_pair

MODEL = CHECKPOINTS / "mobilespeech-base.safetensors"


def test_the_shipped_model_is_trained_and_speaks_the_shipped_codecs_codes():
    _, info, codec = load_pair(ModelChoice())
    assert info.trained
    assert codec.trained


def test_what_is_shipped_is_small_enough_for_a_phone():
    assert MODEL.stat().st_size + SHIPPED.stat().st_size <= 45e6


def test_a_model_of_another_codecs_codes_is_refused(tmp_path):
    tensors, facts = load_checkpoint(MODEL, KIND)
    foreign = tmp_path / "model.safetensors"
    save_checkpoint(foreign, tensors, {**facts, "codes_sha256": "c" * 64})
    with pytest.raises(CheckpointError, match="another codec's codes"):
        load_pair(ModelChoice(checkpoint=foreign))


def test_an_untrained_model_goes_with_any_codec():
    _, info, codec = load_pair(ModelChoice("tiny", codec="own"))
    assert not info.trained
    assert codec.name == "own"
