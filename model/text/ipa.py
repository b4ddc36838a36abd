# ruff: noqa: RUF001 - phonetic letters are meant
"""IPA as dictionaries write it, to phonemes of the inventory."""

from model.errors import InputError
from model.text.inventory import ENGLISH_CONSONANTS, ENGLISH_VOWELS, STRESSES

Phonemes = tuple[str, ...]

# Other ways to write phonemes of General American.
_ALIASES = {
    "g": "ɡ", "r": "ɹ", "ɾ": "t", "ɫ": "l", "tʃ": "t͡ʃ", "ʧ": "t͡ʃ", "dʒ": "d͡ʒ", "ʤ": "d͡ʒ",
    "əʊ": "oʊ", "o": "oʊ", "e": "ɛ", "a": "ɑ", "ɒ": "ɑ", "ɐ": "ʌ", "ɜɹ": "ɚ", "ɜr": "ɚ",
    "ɜ": "ɚ", "ɝ": "ɚ", "əɹ": "ɚ", "ər": "ɚ", "ᵻ": "ɪ", "ᵊ": "ə", "ʔ": "t", "x": "k",
}  # fmt: skip
_SYMBOLS = {symbol: symbol for symbol in (*ENGLISH_CONSONANTS, *ENGLISH_VOWELS)} | _ALIASES
_LONGEST_SYMBOL = max(map(len, _SYMBOLS))
_SILENT = frozenset(" .-|‿")


def read_ipa(text: str) -> Phonemes:
    """Read IPA of General American.

    Stress may stand before the syllable, as in dictionaries, or before the vowel.

    Raises:
        InputError: There is a symbol that is no phoneme, or none at all.
    """
    text = text.replace("ː", "")  # length follows from the vowel
    found: list[str] = []
    stress, place = "", 0
    while place < len(text):
        if symbol := _symbol_at(text, place):
            phoneme = _SYMBOLS[symbol]
            if phoneme in ENGLISH_VOWELS:
                phoneme, stress = stress + phoneme, ""
            found.append(phoneme)
        elif text[place] in STRESSES[1:]:
            stress = text[place]
        elif text[place] not in _SILENT:
            raise InputError(
                f"{text[place]!r} in {text!r:.80} is no phoneme; docs/text.md lists them"
            )
        place += max(1, len(symbol))
    if not found:
        raise InputError(f"{text!r:.80} holds no phoneme")
    return tuple(found)


def _symbol_at(text: str, place: int) -> str:
    """Return the longest symbol that begins at a place; empty where none does."""
    lengths = range(min(_LONGEST_SYMBOL, len(text) - place), 0, -1)
    return next((s for n in lengths if (s := text[place : place + n]) in _SYMBOLS), "")
