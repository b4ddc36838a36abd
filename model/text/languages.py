"""The languages that can be spoken; one more is one entry here and its tokens in the inventory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from model.registry import Registry
from model.text import english, english_written, mandarin, mandarin_written
from model.text.word import Word


@dataclass(frozen=True)
class Language:
    """How one language is read.

    Attributes:
        is_letter: Whether a character belongs to its script.
        words_per_letter: What share of a word a letter is, for finding a text's main language.
        normalize: Writes a sentence's numbers, abbreviations and signs out as words.
        pronounce: Gives the words and pauses of what `normalize` wrote; its second argument has
            the phonemes of words that the user pronounces.
    """

    is_letter: Callable[[str], bool]
    words_per_letter: float
    normalize: Callable[[str], str]
    pronounce: Callable[[str, Mapping[str, tuple[str, ...]]], list[Word]]


LANGUAGES: Registry[Language] = Registry("language")

LANGUAGES.register("en")(
    Language(english_written.is_latin, 0.2, english_written.normalize, english.pronounce)
)
LANGUAGES.register("zh")(
    Language(mandarin.is_han, 0.6, mandarin_written.normalize, mandarin.pronounce)
)
