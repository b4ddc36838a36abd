"""A model together with the codec whose codes it speaks."""

from model.choice import ModelChoice
from model.codec.base import Codec
from model.codec.providers import load_codec
from model.errors import CheckpointError
from model.loading import ModelInfo, load_model
from model.mobilespeech import MobileSpeech


def load_pair(choice: ModelChoice) -> tuple[MobileSpeech, ModelInfo, Codec]:
    """Load what was chosen for inference.

    Raises:
        CheckpointError: A checkpoint cannot be used, or the model learnt another codec's codes.
    """
    model, info = load_model(choice.name, choice.checkpoint)
    codec = load_codec(choice.codec, choice.codec_checkpoint)
    if info.trained and info.codes_sha256 != codec.codes_sha256():
        raise CheckpointError(
            f"the weights of {choice.name} speak another codec's codes than {codec.name}'s: name"
            " the codec that they were trained with, or a --checkpoint trained with this one."
        )
    return model, info, codec
