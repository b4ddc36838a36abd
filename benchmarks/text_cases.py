"""Everyday writing, kind by kind: how much of it each front end reads as a person would.

Run: `python benchmarks/text_cases.py [--wrong]`. `wetext` and `nemo_text_processing` are judged
where they are installed, with this project's rules behind them for what they leave unread; the
project needs neither. NeMo builds its grammars for minutes at first.

The lines are those of tests/model/text_cases. A reading is right where this project's phonemes for
it are those of one of the readings listed; for the other two, which differ in convention, *and*
within a number is left out of both. Printed per front end and language: lines right, seconds to
start and milliseconds per line.
"""

import argparse
import functools
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

from model.errors import InputError
from model.text.frontend import phonemize
from model.text.inventory import PAUSES, SILENCE

FOLDER = Path(__file__).parents[1] / "tests/model/text_cases"
LANGUAGES = {"en": "english", "zh": "mandarin"}
Read = Callable[[str], str]


def ours(lang: str) -> Read:
    phonemize("1", lang)
    return lambda text: text  # phonemize writes it out itself


def wetext(lang: str) -> Read:
    from wetext import Normalizer

    return Normalizer(lang=lang, operator="tn").normalize


def nemo(lang: str) -> Read:
    from nemo_text_processing.text_normalization.normalize import Normalizer

    return Normalizer(input_case="cased", lang=lang).normalize


FRONT_ENDS: dict[str, tuple[Callable[[str], Read], str]] = {
    "ours": (ours, "model"),
    "wetext": (wetext, "wetext"),
    "NeMo text processing": (nemo, "nemo_text_processing"),
}


def cases(lang: str) -> list[tuple[str, list[str]]]:
    files = sorted(FOLDER.glob(f"{LANGUAGES[lang]}*.txt"))
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    pairs = [line.split(" => ") for line in lines if " => " in line and not line.startswith("# ")]
    return [(written, said.split(" | ")) for written, said in pairs]


@functools.cache
def phonemes(text: str, lang: str) -> list[str]:
    try:
        sentences = phonemize(text, lang)
    except InputError:
        return []
    silent = {*PAUSES, SILENCE}
    return [p.lstrip("ˈˌ") for s in sentences for p in s.phonemes if p not in silent]


def without_and(text: str) -> str:
    return " ".join(word for word in text.split() if word != "and")


def is_right(reading: str, ways: list[str], lang: str, *, plain: bool) -> bool:
    if phonemes(reading, lang) in [phonemes(way, lang) for way in ways]:
        return True
    bare = phonemes(without_and(reading), lang)
    return not plain and bare in [phonemes(without_and(way), lang) for way in ways]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wrong", action="store_true", help="print what is read otherwise")
    options = parser.parse_args()
    for name, (load, package) in FRONT_ENDS.items():
        if importlib.util.find_spec(package) is None:
            print(f"{name}: left out, {package} is not installed")
            continue
        for lang in LANGUAGES:
            start = time.perf_counter()
            read = load(lang)
            start_s = time.perf_counter() - start
            right, took_s = 0, 0.0
            for written, ways in cases(lang):
                start = time.perf_counter()
                try:
                    reading = read(written)
                    if name == "ours":
                        phonemize(written, lang)
                except Exception as error:
                    reading = f"{type(error).__name__}"
                took_s += time.perf_counter() - start
                if is_right(reading, ways, lang, plain=name == "ours"):
                    right += 1
                elif options.wrong:
                    print(f"  {written!r} is read {reading!r}, not {ways[0]!r}")
            total = len(cases(lang))
            print(
                f"{name}, {lang}: {right} of {total} ({right / total:.0%}), start {start_s:.1f} s,"
                f" {took_s / total * 1e3:.1f} ms per line"
            )


if __name__ == "__main__":
    main()
