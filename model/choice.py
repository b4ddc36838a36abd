"""Which model and which codec to work with: named, hashable, and free of torch."""

from dataclasses import dataclass
from pathlib import Path

from model.codec.providers import codec_weights
from model.config import CONFIGS
from model.errors import CheckpointError, ConfigError
from model.hashing import file_sha256
from model.loading import CHECKPOINTS

RANDOM = "random, seeded"


@dataclass(frozen=True)
class ModelChoice:
    """A model and the codec whose codes it speaks.

    Attributes:
        name: Sizes, an entry of `CONFIGS`.
        checkpoint: The model's weights; None for the shipped ones, or random ones where none are.
        codec: Entry of `CODECS`.
        codec_checkpoint: The codec's weights; None likewise.
    """

    name: str = "base"
    checkpoint: Path | None = None
    codec: str = "own"
    codec_checkpoint: Path | None = None

    def __post_init__(self) -> None:
        if self.name not in CONFIGS:
            raise ConfigError(f"unknown model {self.name!r}. Known: {', '.join(CONFIGS)}.")
        for path in (self.checkpoint, self.codec_checkpoint):
            if path is not None and not path.is_file():
                raise CheckpointError(f"no file {path}")

    def identity(self) -> dict[str, str]:
        """Describe the choice by what determines every number of it: names and weights' hashes.

        Raises:
            ConfigError: There is no such codec, or a variable names weights that are not there.
        """
        shipped_model = CHECKPOINTS / f"mobilespeech-{self.name}.safetensors"
        return {
            "name": self.name,
            "weights": weights_hash(self.checkpoint or shipped_model),
            "codec": self.codec,
            "codec_weights": weights_hash(codec_weights(self.codec, self.codec_checkpoint)),
        }


def weights_hash(path: Path | None) -> str:
    """Hash a checkpoint file, or say that there is none."""
    if path is None or not path.exists():
        return RANDOM
    return file_sha256(path)
