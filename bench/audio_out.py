"""Where speech goes: a file, written sentence by sentence, or standard output."""

import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import numpy as np

from model.config import SAMPLE_RATE_HZ
from model.errors import InputError
from model.generate import Float32

if TYPE_CHECKING:
    from soundfile import SoundFile

UNKNOWN_LENGTH = 0xFFFFFFFF  # what players take for "until the stream ends"


class Sink(Protocol):
    """Takes samples as they come."""

    def write(self, waveform: Float32) -> None:
        """Take (N,) more samples."""


class FileSink:
    """Writes 16-bit samples to an open sound file."""

    def __init__(self, file: "SoundFile") -> None:
        self.file = file

    def write(self, waveform: Float32) -> None:
        """Append samples, so that they are there even if the next sentence never is."""
        self.file.write(np.clip(waveform, -1, 1))
        self.file.flush()


class StreamSink:
    """Writes a WAV of unknown length to a stream that cannot go back to fill it in."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        bytes_per_s = SAMPLE_RATE_HZ * 2
        layout = struct.pack("<IHHIIHH", 16, 1, 1, SAMPLE_RATE_HZ, bytes_per_s, 2, 16)
        length = struct.pack("<I", UNKNOWN_LENGTH)
        stream.write(b"RIFF" + length + b"WAVEfmt " + layout + b"data" + length)

    def write(self, waveform: Float32) -> None:
        """Append 16-bit samples."""
        self.stream.write((np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes())
        self.stream.flush()


@contextmanager
def open_audio(target: str) -> Iterator[Sink]:
    """Open a WAV or FLAC for writing; `-` is standard output, as WAV.

    Raises:
        InputError: The file cannot be written, or its name says another format.
    """
    import soundfile

    if target == "-":
        yield StreamSink(sys.stdout.buffer)
        return
    if Path(target).suffix.lower() not in (".wav", ".flac"):
        raise InputError(f"{target}: speech is written as .wav or .flac")
    try:
        with soundfile.SoundFile(target, "w", SAMPLE_RATE_HZ, 1, "PCM_16") as file:
            yield FileSink(file)
    except soundfile.SoundFileError as error:
        raise InputError(f"{target} cannot be written: {error}") from error
