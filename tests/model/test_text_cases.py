"""Everyday writing, kind by kind: text_cases/*.txt."""

import functools
from pathlib import Path

import pytest

from model.text.frontend import phonemize
from model.text.inventory import STRESSES

FOLDER = Path(__file__).parent / "text_cases"
FILES = {
    "en": ("english.txt", "english_outside.txt"),
    "zh": ("mandarin.txt", "mandarin_outside.txt"),
}
PAUSES = frozenset((",", ".", "?", "!", "sil"))


@functools.cache
def cases(lang):
    """Return kind -> [(written, ways to say it)]."""
    found = {}
    for name in FILES[lang]:
        for line in (FOLDER / name).read_text("utf-8").splitlines():
            if line.startswith("## "):
                kind = found.setdefault(f"{name.removesuffix('.txt')}: {line[3:]}", [])
            elif " => " in line and not line.startswith("# "):
                written, said = line.split(" => ")
                kind.append((written, said.split(" | ")))
    return found


def phonemes(text, lang):
    return [
        phoneme.lstrip("".join(STRESSES))
        for sentence in phonemize(text, lang)
        for phoneme in sentence.phonemes
        if phoneme not in PAUSES
    ]


@pytest.mark.parametrize(("lang", "kind"), [(lang, k) for lang in FILES for k in cases(lang)])
def test_everyday_writing_is_said_as_a_reader_would_say_it(lang, kind):
    wrong = [
        (written, said[0])
        for written, said in cases(lang)[kind]
        if phonemes(written, lang) not in [phonemes(way, lang) for way in said]
    ]
    assert wrong == []


def test_the_lists_are_long_enough_to_say_something():
    assert sum(map(len, cases("en").values())) >= 400
    assert sum(map(len, cases("zh").values())) >= 200
