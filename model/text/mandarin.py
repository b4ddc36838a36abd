# ruff: noqa: RUF001 - the ideographic zero is meant
"""Mandarin: pypinyin's readings of jieba's words, with the tone changes of running speech."""

import functools
import unicodedata
from collections.abc import Mapping

from model.text.inventory import COMMA, EXCLAMATION, MANDARIN_PREFIX, PERIOD, QUESTION
from model.text.tone_sandhi import change_tones
from model.text.word import Word, pause

_PAUSE_OF = {
    ",": COMMA, ";": COMMA, ":": COMMA, ".": PERIOD, "。": PERIOD, "?": QUESTION, "!": EXCLAMATION,
}  # fmt: skip
# Syllables without a vowel, as the nearest ones that have it: 嗯 呣 哼; and 哟.
_INTERJECTIONS = {"n": "en", "ng": "eng", "m": "mu", "hm": "heng", "hng": "heng", "yo": "you"}
_APICAL = {**dict.fromkeys(("z", "c", "s"), "ii"), **dict.fromkeys(("zh", "ch", "sh", "r"), "iii")}


def is_han(character: str) -> bool:
    """Tell whether a reading is known for a character."""
    if character != "〇" and unicodedata.category(character) != "Lo":
        return False
    from pypinyin.constants import PINYIN_DICT

    return ord(character) in PINYIN_DICT


def pronounce(text: str, _: Mapping[str, tuple[str, ...]]) -> list[Word]:
    """Return the words and pauses of one normalised sentence."""
    import rjieba

    segments: list[str] = rjieba.cut("".join(c for c in text if is_han(c) or c in _PAUSE_OF))
    readings = [_readings(s) if is_han(s[0]) else [] for s in segments]
    change_tones(segments, readings)
    return [
        Word(segment, tuple(token for reading in syllables for token in pinyin_tokens(reading)))
        if syllables
        else pause(_PAUSE_OF[segment])
        for segment, syllables in zip(segments, readings, strict=True)
    ]


def _readings(word: str) -> list[str]:
    """Return one syllable per character, as hao3; 5 is the neutral tone."""
    from pypinyin import Style, lazy_pinyin

    return list(lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True))


@functools.lru_cache(maxsize=4096)
def pinyin_tokens(reading: str) -> tuple[str, ...]:
    """Return initial and final of a syllable: zhong1 -> zh:zh, zh:ong1."""
    from pypinyin.contrib.tone_convert import to_finals, to_initials

    syllable = _INTERJECTIONS.get(reading[:-1], reading[:-1])
    initial: str = to_initials(syllable, strict=True)
    final: str = to_finals(syllable, strict=True, v_to_u=False)
    if final == "i":
        final = _APICAL.get(initial, final)
    last = f"{MANDARIN_PREFIX}{final}{reading[-1]}"
    return (MANDARIN_PREFIX + initial, last) if initial else (last,)
