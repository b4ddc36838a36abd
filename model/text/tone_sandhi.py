"""The tones that Mandarin syllables change in running speech (Duanmu 2007, chapter 11)."""

import itertools
from collections.abc import Sequence

_DIGITS = frozenset("〇零一二三四五六七八九十点")
_BEFORE_COUNTED = _DIGITS | frozenset("第百千万亿")
_AFTER_COUNTED = _DIGITS | frozenset("月日号")
_FULL_SUFFIX = frozenset("女婴幼孤少胎健男育")  # 女儿: the second half of a word, no suffix


def change_tones(words: Sequence[str], readings: Sequence[list[str]]) -> None:
    """Change the tones of a sentence in place.

    Args:
        words: The words; a mark of punctuation is a word.
        readings: Each word's syllables, such as hao3, one per character; none for punctuation.
    """
    for here, (word, syllables) in enumerate(zip(words, readings, strict=True)):
        before = words[here - 1] if here else ""
        after = here + 1 < len(words)
        next_word, next_syllables = (words[here + 1], readings[here + 1]) if after else ("", [])
        left, right = before[-1:] + word, word + next_word[:1]
        sounds = [*syllables, *next_syllables[:1]]
        for index in range(len(syllables)):
            following = sounds[index + 1][-1] if index + 1 < len(sounds) else ""
            neighbours = (left[: len(left) - len(word) + index][-1:], right[index + 1 : index + 2])
            match word[index]:
                case "不":
                    syllables[index] = _negation(syllables[index], following, neighbours)
                case "一":
                    is_last = len(word) > 1 and index == len(word) - 1  # 统一
                    if not is_last:
                        syllables[index] = _one(syllables[index], following, neighbours)
                case "儿" if index and neighbours[0] not in _FULL_SUFFIX:
                    syllables[index] = "er5"
    _change_third_tones(readings)


def _negation(reading: str, following: str, neighbours: tuple[str, str]) -> str:
    if neighbours[0] and neighbours[0] == neighbours[1]:
        return "bu5"  # 好不好
    return "bu2" if following == "4" else reading


def _one(reading: str, following: str, neighbours: tuple[str, str]) -> str:
    before, after = neighbours
    if before in _BEFORE_COUNTED or after in _AFTER_COUNTED or not following:
        return reading
    if before and before == after:
        return "yi5"  # 看一看
    return "yi2" if following in "45" else "yi4"


def _change_third_tones(readings: Sequence[list[str]]) -> None:
    """Raise a third tone before another: within words, and from a word of one syllable."""
    for syllables in readings:
        for index in range(len(syllables) - 1):
            _raise_first(syllables, index, syllables[index + 1])
    for syllables, following in itertools.pairwise(readings):
        if len(syllables) == 1 and following:
            _raise_first(syllables, 0, following[0])


def _raise_first(syllables: list[str], index: int, following: str) -> None:
    if syllables[index].endswith("3") and following.endswith("3"):
        syllables[index] = syllables[index][:-1] + "2"
