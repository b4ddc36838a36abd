"""Every codec by name, and the one place that chooses among them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import CheckpointError
from model.registry import Registry

if TYPE_CHECKING:
    from model.codec.base import Codec

SHIPPED = Path(__file__).parents[1] / "checkpoints" / "codec.safetensors"
ENCODEC_WEIGHTS = "MOBILESPEECH_ENCODEC_WEIGHTS"


@dataclass(frozen=True)
class Provider:
    """One entry of `CODECS`.

    Attributes:
        load: Builds the codec with the weights of a file, or with random ones without one.
        default: Names the file of weights that is used where the user names none; None where there
            is none.
        packages: Distributions that its codes and its sound depend on, beside the project's own.
    """

    load: Callable[[Path | None], "Codec"]
    default: Callable[[], Path | None]
    packages: tuple[str, ...] = ()


CODECS: Registry[Provider] = Registry("codec")


def codec_weights(name: str, weights: Path | None = None) -> Path | None:
    """Return the file that a codec's weights come from; None where they are random.

    Args:
        name: As registered.
        weights: A checkpoint to use in place of the default one.

    Raises:
        ConfigError: No codec of that name, or a variable names a file that is not there.
    """
    return weights or CODECS[name].default()


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
    return CODECS[name].load(codec_weights(name, weights))


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


def own(weights: Path | None) -> "Codec":
    """Build the project's codec."""
    from model.codec.own import load_own

    return load_own(weights)


def shipped() -> Path | None:
    """Name the checkpoint that ships with the project."""
    return SHIPPED if SHIPPED.is_file() else None


def encodec_24khz(weights: Path | None) -> "Codec":
    """Build EnCodec's 24 kHz model at 6 kbps."""
    from model.codec.encodec import load_encodec

    return load_encodec(weights)


def encodec_weights() -> Path | None:
    """Name the weights of EnCodec that the user has, as a variable of the environment says.

    Raises:
        CheckpointError: There is no such file.
    """
    named = os.environ.get(ENCODEC_WEIGHTS)
    if not named:
        return None
    if not Path(named).is_file():
        raise CheckpointError(f"no file {named}, which {ENCODEC_WEIGHTS} names")
    return Path(named)


CODECS.register("own")(Provider(own, shipped))
CODECS.register("encodec-24khz")(Provider(encodec_24khz, encodec_weights, ("encodec",)))
