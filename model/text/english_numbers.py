# ruff: noqa: RUF001 - the signs are meant
"""Everything else that holds a digit, in English words."""

import re

from model.text.counting import CURRENCY_SIGNS, NUMBER, ordinal, say
from model.text.rewriting import Rules

# of 2, 3, 4 ...
_DENOMINATORS = "half third quarter fifth sixth seventh eighth ninth tenth".split()  # noqa: SIM905

speak_ranges = Rules()
"""Tells a range from a difference, and both from a negative number."""
speak_numbers = Rules()
"""Rewrites a sentence so that no digit is left in it."""


@speak_ranges.rule(r"\b(10{1,3})s(?=\s+of\b)")
def _round_number(match: re.Match[str]) -> str:
    """100s of -> hundreds of."""
    return {"10": "tens", "100": "hundreds", "1000": "thousands"}[match[1]]


@speak_ranges.rule(
    r"\b((?i:scored?|rated?|rating|got|gave)(?: it)?(?: an?)?\s)(\d{1,3})/(\d{1,3})\b"
)
def _score(match: re.Match[str]) -> str:
    """Rated 8/10 -> Rated eight out of ten."""
    return f"{match[1]}{say(match[2])} out of {say(match[3])}"


@speak_ranges.rule(r"(?<![\d.,])\d{1,3}(?:(?: 000)++|(?: \d{3}){2,}+)(?![\d.,]*\d)")
def _thousands(match: re.Match[str]) -> str:
    """10 000 -> 10000."""
    return match[0].replace(" ", "")


@speak_ranges.rule(rf"(?<=\d)\s?-\s?(?={NUMBER}\s?=)")
def _minus(match: re.Match[str]) -> str:
    """3 - 1 = 2 -> 3 minus 1 = 2."""
    return " minus "


@speak_ranges.rule(rf"([{CURRENCY_SIGNS}])\s?({NUMBER})\s?[-–]\s?(?={NUMBER})")
def _range_of_sums(match: re.Match[str]) -> str:
    """$5-10 -> 5 to $10."""
    return f"{match[2]} to {match[1]}"


@speak_ranges.rule(r"(?<![\w'])((?:\d{1,3})?[a-z])(\s-\s(?=\d|[a-z]\b)|(?<=\d[a-z])-(?=\d))")
def _minus_after_a_letter(match: re.Match[str]) -> str:
    """3x - 4 -> 3x minus 4."""
    return f"{match[1]} minus "


@speak_ranges.rule(
    rf"(?<![\w.,])({NUMBER})\s?[-–]\s?(?=[{CURRENCY_SIGNS}]?{NUMBER})(?!\d++-[A-Za-z])"
)
def _range(match: re.Match[str]) -> str:
    """10-20 -> 10 to 20; B0-77 -> B0-77."""
    return f"{match[1]} to "


@speak_ranges.rule(rf"(?<=\d[kKMB])\s?[-–]\s?(?=[{CURRENCY_SIGNS}]?\d)")
def _range_of_large_sums(match: re.Match[str]) -> str:
    """$80k-$100k -> $80k to $100k."""
    return " to "


@speak_ranges.rule(rf"([{CURRENCY_SIGNS}])-(?=[\d.])")
def _sign_within(match: re.Match[str]) -> str:
    """$-5 -> -$5."""
    return f"-{match[1]}"


@speak_ranges.rule(rf"(?<![\w.])-\s?(?=[{CURRENCY_SIGNS}]\s?[\d.])|(?<![\w.])-(?={NUMBER}|\.\d)")
def _negative(match: re.Match[str]) -> str:
    """-5 -> minus 5; -$5 -> minus $5."""
    return " minus "


@speak_numbers.rule(
    r"(?<![\d/.,])(?:(\d{1,3})\s+)?(\d{1,3})/(\d{1,3})(?:st|nd|rd|th)?\b(?![/.,]\d)"
)
def _fraction(match: re.Match[str]) -> str:
    """2 3/4 -> two and three quarters; 7/20 -> seven out of twenty; 16/9 -> sixteen over nine."""
    whole, top, bottom = match.groups()
    before = f"{say(whole)} and " if whole else ""
    if not (2 <= int(bottom) < 2 + len(_DENOMINATORS) and 1 <= int(top) < int(bottom)):
        return f"{before}{say(top)} {'over' if int(top) > int(bottom) else 'out of'} {say(bottom)}"
    part = _DENOMINATORS[int(bottom) - 2]
    return f"{before}{'a' if whole and top == '1' else say(top)} {part}{'s' * (int(top) > 1)}"


@speak_numbers.rule(r"(?<![\d,])(\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:st|nd|rd|th)\b")
def _ordinal(match: re.Match[str]) -> str:
    """2nd -> second; 1,000th -> one thousandth."""
    return f" {ordinal(match[1])} "


@speak_numbers.rule(r"(?<!\d)(\d++):(\d++)")
def _ratio(match: re.Match[str]) -> str:
    """2:1 -> two to one."""
    return f"{say(match[1])} to {say(match[2])}"


@speak_numbers.rule(r"(?<!\d)\d++(?:\.\d++){2,}")
def _version(match: re.Match[str]) -> str:
    """1.2.3 -> one point two point three."""
    return f" {' point '.join(say(part) for part in match[0].split('.'))} "


@speak_numbers.rule(r"(?<![\w.,])(1[1-9]\d\d|20\d\d)(?![\d,]*\d)(?!\.\d)(?!\w)")
def _year(match: re.Match[str]) -> str:
    """1984 -> nineteen eighty four."""
    return say(match[1], "year")


@speak_numbers.rule(rf"(?<![\d.])(?:{NUMBER}|\.\d+)|\d+")
def _number(match: re.Match[str]) -> str:
    """MP3 -> MP three; 1,234.5 -> one thousand two hundred and thirty four point five."""
    return f" {say(match[0])} "
