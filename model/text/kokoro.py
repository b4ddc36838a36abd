# ruff: noqa: RUF001, SIM905 - phonetic letters are meant; word lists read better as strings
"""The symbols that make Kokoro-82M say our phonemes, for building a synthetic corpus from it.

Kokoro (Apache-2.0) reads single characters and tells how long it held each one, so the duration
of one of our tokens is the sum over its symbols here. It separates words by a space, which no
token of ours stands for: put one before each of `Sentence.word_starts` but the first, and count
its duration to the token before. Silence at either end is no symbol either, but the padding that
Kokoro wants around its input.
"""

from collections.abc import Sequence

from model.text.inventory import ENGLISH_VOWELS, MANDARIN_INITIALS, MANDARIN_PREFIX, PAUSES, SILENCE

# Its English is written with one letter per diphthong and affricate.
_ENGLISH = {
    "eɪ": "A", "aɪ": "I", "oʊ": "O", "aʊ": "W", "ɔɪ": "Y", "t͡ʃ": "ʧ", "d͡ʒ": "ʤ", "ɚ": "əɹ",
}  # fmt: skip
_STRESSED_R = "ɜɹ"

# Chao's tone letters, reduced to arrows; the neutral tone goes without.
_TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
_INITIALS = {
    "b": "p", "p": "pʰ", "d": "t", "t": "tʰ", "g": "k", "k": "kʰ", "h": "x", "j": "ʨ", "q": "ʨʰ",
    "x": "ɕ", "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ",
}  # fmt: skip
# Glide, vowel, coda; the tone is written after the vowel.
_FINALS = {
    "a": ("", "a", ""), "ai": ("", "ai", ""), "an": ("", "a", "n"), "ang": ("", "a", "ŋ"),
    "ao": ("", "au", ""), "e": ("", "ɤ", ""), "ei": ("", "ei", ""), "en": ("", "ə", "n"),
    "eng": ("", "ə", "ŋ"), "er": ("", "ɚ", ""), "o": ("w", "o", ""), "ong": ("", "ʊ", "ŋ"),
    "ou": ("", "ou", ""), "i": ("", "i", ""), "ii": ("", "ɨ", ""), "iii": ("", "ɨ", ""),
    "ia": ("j", "a", ""), "ian": ("j", "ɛ", "n"), "iang": ("j", "a", "ŋ"), "iao": ("j", "au", ""),
    "ie": ("j", "e", ""), "in": ("", "i", "n"), "ing": ("", "i", "ŋ"), "iong": ("j", "ʊ", "ŋ"),
    "iou": ("j", "ou", ""), "u": ("", "u", ""), "ua": ("w", "a", ""), "uai": ("w", "ai", ""),
    "uan": ("w", "a", "n"), "uang": ("w", "a", "ŋ"), "uei": ("w", "ei", ""),
    "uen": ("w", "ə", "n"), "ueng": ("w", "ə", "ŋ"), "uo": ("w", "o", ""), "v": ("", "y", ""),
    "van": ("ɥ", "ɛ", "n"), "ve": ("ɥ", "e", ""), "vn": ("", "y", "n"), "ê": ("", "ɛ", ""),
}  # fmt: skip

# American allophones that Kokoro has symbols for, and its own dictionary uses.
_FLAP = "T"  # /t/ between a vowel and an unstressed vowel: water
_BEFORE_FLAP = frozenset("i ɪ eɪ ɛ æ ɑ ɔ oʊ u ʌ ə ɚ aɪ aʊ ɔɪ ɹ".split())
_AFTER_FLAP = frozenset("i ɪ ə ɚ oʊ".split())
_FAINT = "ᵊ"  # a schwa that the next consonant swallows: table, sudden
_BEFORE_FAINT = {
    "l": frozenset("p b t d k ɡ t͡ʃ d͡ʒ f v s z ʃ n".split()),
    "n": frozenset("t d s z".split()),
}


def to_kokoro(phonemes: Sequence[str]) -> list[str]:
    """Return the symbols that say each phoneme, in Kokoro-82M v1.0's vocabulary.

    Silence gives an empty string, every other phoneme at least one symbol. /t/ and schwa are
    written as Americans say them between their neighbours, so give whole sentences.
    """
    padded = ["", *phonemes, "", ""]
    return [
        _allophone(*padded[index : index + 4]) or _symbols(phoneme)
        for index, phoneme in enumerate(phonemes)
    ]


def _allophone(before: str, here: str, after: str, later: str) -> str | None:
    is_nasal = (after, later) == ("ə", "n")  # button has a glottal stop
    if here == "t" and before.lstrip("ˈˌ") in _BEFORE_FLAP and after in _AFTER_FLAP:
        return None if is_nasal else _FLAP
    if here == "ə" and before in _BEFORE_FAINT.get(after, ()) and not _is_vowel(later):
        return _FAINT
    return None


def _is_vowel(phoneme: str) -> bool:
    return phoneme.lstrip("ˈˌ") in ENGLISH_VOWELS


def _symbols(phoneme: str) -> str:
    if phoneme == SILENCE:
        return ""
    if phoneme in PAUSES:
        return phoneme
    if phoneme.startswith(MANDARIN_PREFIX):
        return _mandarin(phoneme.removeprefix(MANDARIN_PREFIX))
    vowel = phoneme.lstrip("ˈˌ")
    stress = phoneme[: len(phoneme) - len(vowel)]
    if stress and vowel == "ɚ":
        return stress + _STRESSED_R
    return stress + _ENGLISH.get(vowel, vowel)


def _mandarin(token: str) -> str:
    if token in MANDARIN_INITIALS:
        return _INITIALS.get(token, token)
    glide, vowel, coda = _FINALS[token[:-1]]
    return glide + vowel + _TONES[token[-1]] + coda
