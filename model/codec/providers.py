"""Every codec by name, and the one place that chooses among them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import CheckpointError
from model.registry import Registry

if TYPE_CHECKING:
    from model.codec.base import Codec

SHIPPED = Path(__file__).parents[1] / "checkpoints" / "codec.safetensors"
ENCODEC_WEIGHTS = "MOBILESPEECH_ENCODEC_WEIGHTS"

CODECS: Registry[Callable[[Path | None], "Codec"]] = Registry("codec")


def load_codec(name: str = "own", weights: Path | None = None) -> "Codec":
    """Build a codec with the best weights there are.

    Args:
        name: As registered.
        weights: A checkpoint to use in place of the default one.

    Returns:
        The codec; `trained` is False where its weights had to be random (but always the same).

    Raises:
        ConfigError: No codec of that name, or an unusable checkpoint.
    """
    return CODECS[name](weights)


def codec_of(text: str) -> "Codec":
    """Build the codec that a flag names: NAME, NAME:PATH, or the path of a checkpoint of `own`.

    Args:
        text: The flag's value.

    Raises:
        ConfigError: No codec of that name and no such file, or an unusable checkpoint.
    """
    name, _, path = text.partition(":")
    if name in tuple(CODECS):
        return load_codec(name, Path(path) if path else None)
    if Path(text).is_file():
        return load_codec("own", Path(text))
    if Path(text).suffix and not path:
        raise CheckpointError(f"no checkpoint at {text}.")
    return load_codec(name)


@CODECS.register("own")
def own(weights: Path | None) -> "Codec":
    """The project's codec with the checkpoint that ships with it."""
    from model.codec.own import load_own

    return load_own(weights or (SHIPPED if SHIPPED.is_file() else None))


@CODECS.register("encodec-24khz")
def encodec_24khz(weights: Path | None) -> "Codec":
    """EnCodec's 24 kHz model at 6 kbps with weights that the user has."""
    from model.codec.encodec import load_encodec

    named = os.environ.get(ENCODEC_WEIGHTS)
    return load_encodec(weights or (Path(named) if named else None))
