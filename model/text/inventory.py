# ruff: noqa: RUF001, SIM905 - phonetic letters are meant; word lists read better as strings
"""The phoneme inventory: every token the model can read, versioned with the checkpoint.

Each token is heard for at least one codec frame. That is why stress belongs to the vowel and
neither words nor syllables have boundary tokens: a token of no length has no duration to learn.
"""

import functools
import hashlib
from collections.abc import Sequence

from model.errors import InputError

INVENTORY_VERSION = "1"
"""Rises whenever `PHONEMES` changes; checkpoints of another version are not read."""

PADDING = "_"
SILENCE = "sil"
"""Stands at the start and at the end of each sentence."""

COMMA, PERIOD, QUESTION, EXCLAMATION = ",", ".", "?", "!"
PAUSES = (COMMA, PERIOD, QUESTION, EXCLAMATION)
"""A short pause, and the three ways to end a sentence."""

STRESSES = ("", "ˈ", "ˌ")
"""Unstressed, primary, secondary; written before the vowel, as part of its token."""

ENGLISH_CONSONANTS = tuple("p b t d k ɡ t͡ʃ d͡ʒ f v θ ð s z ʃ ʒ h m n ŋ l ɹ j w".split())
ENGLISH_VOWELS = tuple("i ɪ eɪ ɛ æ ɑ ɔ oʊ ʊ u ʌ ə ɚ aɪ aʊ ɔɪ".split())

MANDARIN_PREFIX = "zh:"
"""Keeps pinyin's letters apart from IPA's."""

MANDARIN_INITIALS = tuple("b p m f d t n l g k h j q x zh ch sh r z c s".split())
MANDARIN_FINALS = tuple(
    # ii and iii are the two vowels that pinyin writes as i after z c s and after zh ch sh r.
    "a ai an ang ao e ei en eng er o ong ou i ii iii ia ian iang iao ie in ing iong iou "
    "u ua uai uan uang uei uen ueng uo v van ve vn ê".split()
)
MANDARIN_TONES = ("1", "2", "3", "4", "5")
"""High, rising, low, falling, neutral."""

PHONEMES: tuple[str, ...] = (
    PADDING,
    SILENCE,
    *PAUSES,
    *ENGLISH_CONSONANTS,
    *(stress + vowel for vowel in ENGLISH_VOWELS for stress in STRESSES),
    *(MANDARIN_PREFIX + initial for initial in MANDARIN_INITIALS),
    *(MANDARIN_PREFIX + final + tone for final in MANDARIN_FINALS for tone in MANDARIN_TONES),
)
"""All tokens; a token's place is its id, and id 0 is padding."""

_IDS = {phoneme: index for index, phoneme in enumerate(PHONEMES)}


def phoneme_ids(phonemes: Sequence[str]) -> tuple[int, ...]:
    """Return the id of each phoneme.

    Raises:
        InputError: One of them is not in the inventory.
    """
    try:
        return tuple(_IDS[phoneme] for phoneme in phonemes)
    except KeyError as error:
        raise InputError(
            f"{error.args[0]!r} is not in phoneme inventory {INVENTORY_VERSION}; "
            "model/text/inventory.py lists what is."
        ) from None


@functools.cache
def inventory_sha256() -> str:
    """Return the SHA-256 of version and tokens, which checkpoints carry."""
    return hashlib.sha256("\n".join((INVENTORY_VERSION, *PHONEMES)).encode()).hexdigest()
