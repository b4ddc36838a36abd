"""Where speech goes: a file, written sentence by sentence, or standard output."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from model.config import SAMPLE_RATE_HZ
from model.errors import InputError
from model.generate import Float32


class Sink(Protocol):
    """Takes samples as they come."""

    def write(self, waveform: Float32) -> None:
        """Take (N,) more samples."""


class FileSink:
    """Writes 16-bit samples to an open sound file."""

    def __init__(self, file: object) -> None:
        self.file = file

    def write(self, waveform: Float32) -> None:
        """Append samples."""
        self.file.write(np.clip(waveform, -1, 1))  # type: ignore[attr-defined]  # untyped library
        self.file.flush()  # type: ignore[attr-defined]


@contextmanager
def open_audio(target: str) -> Iterator[Sink]:
    """Open a WAV or FLAC for writing; `-` is standard output, as WAV.

    Raises:
        InputError: The file cannot be written, or its name says another format.
    """
    import soundfile

    path = Path(target)
    if target != "-" and path.suffix.lower() not in (".wav", ".flac"):
        raise InputError(f"{target}: speech is written as .wav or .flac")
    where = sys.stdout.buffer if target == "-" else path
    try:
        with soundfile.SoundFile(
            where, "w", SAMPLE_RATE_HZ, 1, "PCM_16", format="WAV" if target == "-" else None
        ) as file:
            yield FileSink(file)
    except soundfile.SoundFileError as error:
        raise InputError(f"{target} cannot be written: {error}") from error
