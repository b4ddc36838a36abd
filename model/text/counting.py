"""Numbers in English words, by num2words, and the patterns of written numbers."""

import functools
import re

# Possessive and never from within a number, so that time stays linear in the text.
NUMBER = r"(?<!\d)(?>\d{1,3}(?:,\d{3})++(?!\d)|\d++)(?:\.\d++)?"
CURRENCY_SIGNS = "$£€¥₹₩₽₿"
_LONGEST_COUNT = 15  # digits; longer numbers are said digit by digit


@functools.lru_cache(maxsize=4096)
def say(number: str, form: str = "cardinal") -> str:
    """Return the words of a number such as 1,234.5; `form` is one of num2words'."""
    from num2words import num2words

    whole, point, decimals = number.replace(",", "").partition(".")
    if len(whole) > _LONGEST_COUNT or (len(whole) > 1 and whole[0] == "0"):
        words = spell(whole)
    else:
        words = str(num2words(int(whole or 0), to=form))
    words = re.sub(r"[-,]+", " ", words)
    return (
        " ".join(f"{words} point {spell(decimals)}".split()) if point else " ".join(words.split())
    )


def spell(digits: str) -> str:
    """Return the words of a number digit by digit."""
    return " ".join(say(digit) for digit in digits)


def spell_groups(text: str) -> str:
    """Return every run of digits digit by digit, with a pause between runs: 555-1234."""
    return ", ".join(spell(run) for run in re.findall(r"\d+", text))


def count(number: str, one: str, several: str) -> str:
    """Return a number and what is counted."""
    return f"{say(number)} {one if number == '1' else several}"


def ordinal(number: str) -> str:
    """Return the word of a rank: 1,000 -> one thousandth."""
    return say(number, "ordinal")


def say_by_pairs(number: str) -> str:
    """Return a number of up to four digits as houses are numbered.

    708 -> seven oh eight; 350 -> three fifty; 1428 -> fourteen twenty eight; 1000 -> one thousand.
    """
    head, tail = number[:-2], number[-2:]
    if len(number) not in (3, 4) or number[0] == "0" or number.endswith("000"):
        return say(number)
    if tail == "00":
        return f"{say(head)} hundred"
    return f"{say(head)} {'oh ' if tail[0] == '0' else ''}{say(str(int(tail)))}"
