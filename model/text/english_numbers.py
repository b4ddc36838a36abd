# ruff: noqa: RUF001, SIM905 - the signs are meant; a string of words reads better than a list
"""Everything that holds a digit, in English words; num2words says the numbers themselves."""

import functools
import re

from model.text.rewriting import Rules, alternatives

# Possessive and never from within a number, so that time stays linear in the text.
_NUMBER = r"(?<!\d)(?>\d{1,3}(?:,\d{3})++(?!\d)|\d++)(?:\.\d++)?"
_LONGEST_COUNT = 15  # digits; longer numbers are said digit by digit
_MONTHS = (
    "january february march april may june july august september october november december".split()
)
_MONTH = (
    rf"((?i:{alternatives(_MONTHS)})|Sept|{alternatives(m[:3].title() for m in _MONTHS)})\.?(?!\w)"
)
# of 2, 3, 4 ...
_DENOMINATORS = "half third quarter fifth sixth seventh eighth ninth tenth".split()

_CURRENCIES = {  # one, several, one hundredth, several of them
    "$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "sen", "sen"),
}  # fmt: skip
_MAGNITUDES = {
    "k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion",
    "t": "trillion", "tn": "trillion",
}  # fmt: skip
_UNITS = {  # written: one, several (by default with an s)
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"),
    "m/s": ("meter per second", "meters per second"),
    "kbps": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"),
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "µm": "micrometer",
    "nm": "nanometer", "mi": "mile", "ft": ("foot", "feet"), "yd": "yard", "kg": "kilogram",
    "g": "gram", "mg": "milligram", "lb": "pound", "lbs": "pound", "oz": "ounce", "l": "liter",
    "L": "liter", "ml": "milliliter", "mL": "milliliter", "h": "hour", "hr": "hour", "hrs": "hour",
    "min": "minute", "mins": "minute", "s": "second", "sec": "second", "secs": "second",
    "ms": "millisecond", "µs": "microsecond", "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"), "kB": "kilobyte", "KB": "kilobyte", "MB": "megabyte",
    "GB": "gigabyte", "TB": "terabyte", "dB": "decibel", "V": "volt", "W": "watt",
    "kW": "kilowatt", "kWh": "kilowatt hour", "mAh": "milliampere hour",
    "°C": ("degree celsius", "degrees celsius"), "°F": ("degree fahrenheit", "degrees fahrenheit"),
    "°": "degree",
}  # fmt: skip

speak_numbers = Rules()
"""Rewrites a sentence so that no digit is left in it."""


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


@speak_numbers.rule(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b")
def _iso_date(match: re.Match[str]) -> str:
    """2020-03-04 -> march fourth, twenty twenty."""
    return _date(match[2], match[3], match[1]) or match[0].replace("-", " ")


@speak_numbers.rule(r"(?<![\d/])(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)\b(?!/)")
def _date_with_slashes(match: re.Match[str]) -> str:
    """3/4/2020 -> march fourth, twenty twenty; 25/12/99 -> december twenty fifth, ninety nine."""
    month, day, year = match.groups()
    return _date(month, day, year) or _date(day, month, year) or match[0].replace("/", " ")


@speak_numbers.rule(rf"\b{_MONTH}\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.,]\d)(?:,?\s+(\d{{4}})\b)?")
def _american_date(match: re.Match[str]) -> str:
    """Dec. 25, 2020 -> december twenty fifth, twenty twenty."""
    return _date(_month_number(match[1]), match[2], match[3] or "") or match[0]


@speak_numbers.rule(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH}(?:,?\s+(\d{{4}})\b)?")
def _british_date(match: re.Match[str]) -> str:
    """25 Dec 2020 -> december twenty fifth, twenty twenty."""
    return _date(_month_number(match[2]), match[1], match[3] or "") or match[0]


def _month_number(name: str) -> str:
    return str(1 + [month[:3] for month in _MONTHS].index(name[:3].lower()))


def _date(month: str, day: str, year: str) -> str | None:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    spoken = f"{_MONTHS[int(month) - 1]} {say(str(int(day)), 'ordinal')}"
    return f"{spoken}, {say(year, 'year')}" if year else spoken


@speak_numbers.rule(
    r"(?<![\w.-])(?:\+?1[-. ])?(?:\(?(\d{3})\)?[-. ])?(\d{3})[-.](\d{4})\b(?![-.]?\d)"
)
def _telephone(match: re.Match[str]) -> str:
    """555-1234 -> five five five, one two three four."""
    return ", ".join(spell(group) for group in match.groups() if group)


@speak_numbers.rule(r"\b(\d{1,2}):([0-5]\d)(?::([0-5]\d))?\b(?:\s?([AaPp])\.?[Mm]\b\.?)?")
def _clock(match: re.Match[str]) -> str:
    """10:05 am -> ten oh five AM; 7:00 -> seven o'clock."""
    hour, minute, second, half = match.groups()
    words = [say(str(int(hour)))]
    if int(minute):
        words += ["oh"] * (minute[0] == "0") + [say(str(int(minute)))]
    elif not half:
        words.append("o'clock" if 1 <= int(hour) <= 12 else "hundred")
    if second:
        words += ["and", _count(str(int(second)), "second", "seconds")]
    return " ".join(words) + _half_of_day(half, match)


@speak_numbers.rule(r"\b(\d{1,2})\s?([AaPp])\.?[Mm]\b\.?")
def _hour(match: re.Match[str]) -> str:
    """3 p.m. sharp -> three PM sharp."""
    return say(match[1]) + _half_of_day(match[2], match)


def _half_of_day(letter: str | None, match: re.Match[str]) -> str:
    stop = "." if match[0].endswith(".") and not match.string[match.end() :].strip() else ""
    return f" {letter.upper()}M{stop}" if letter else ""


@speak_numbers.rule(r"(?<![\w'])'?((?:1[1-9]|20)?)(\d0)'?s\b")
def _decade(match: re.Match[str]) -> str:
    """1990s -> nineteen nineties."""
    century, tens = match.groups()
    if tens == "00":
        return "two thousands" if century == "20" else f"{say(century or '20')} hundreds"
    return f"{say(century) if century else ''} {say(tens).removesuffix('y')}ies"


@speak_numbers.rule(rf"(?<=\d)\s?[-–]\s?(?=[$£€¥]?{_NUMBER})")
def _range(match: re.Match[str]) -> str:
    """10-20 -> 10 to 20."""
    return " to "


@speak_numbers.rule(rf"(?<![\w.])-(?={_NUMBER})")
def _negative(match: re.Match[str]) -> str:
    """-5 -> minus 5."""
    return " minus "


@speak_numbers.rule(
    rf"([$£€¥])\s?({_NUMBER})(?:\s?((?i:{alternatives(_MAGNITUDES)}))|\s((?:m|b|tr)illion|thousand))\b"
)
def _large_sum(match: re.Match[str]) -> str:
    """$3m -> three million dollars."""
    magnitude = match[4] or _MAGNITUDES[match[3].lower()]
    return f"{say(match[2])} {magnitude} {_CURRENCIES[match[1]][1]}"


@speak_numbers.rule(rf"([$£€¥])\s?({_NUMBER})")
def _sum(match: re.Match[str]) -> str:
    """$5.20 -> five dollars and twenty cents."""
    one, several, hundredth, hundredths = _CURRENCIES[match[1]]
    whole, _, part = match[2].partition(".")
    if part and len(part) != 2:
        return f"{say(match[2])} {several}"
    cents = _count(str(int(part)), hundredth, hundredths) if int(part or 0) else ""
    if cents and not int(whole.replace(",", "")):
        return cents
    return " and ".join(filter(None, (_count(whole, one, several), cents)))


def _count(number: str, one: str, several: str) -> str:
    return f"{say(number)} {one if number == '1' else several}"


@speak_numbers.rule(r"(?<=\d)\s?\^([23])")
def _power(match: re.Match[str]) -> str:
    """5^2 -> 5 squared."""
    return " squared" if match[1] == "2" else " cubed"


@speak_numbers.rule(rf"(?<![\w.])({_NUMBER})(?:\s|-)?({alternatives(_UNITS)})(\^[23])?(?![\w'/])")
def _quantity(match: re.Match[str]) -> str:
    """10 km -> ten kilometers; 5 m^2 -> five square meters."""
    unit = _UNITS[match[2]]
    one, several = unit if isinstance(unit, tuple) else (unit, f"{unit}s")
    power = {"^2": "square ", "^3": "cubic "}.get(match[3] or "", "")
    return _count(match[1], power + one, power + several)


@speak_numbers.rule(r"\b(?:24/7|9/11)\b")
def _set_phrase(match: re.Match[str]) -> str:
    """24/7 -> twenty four seven."""
    return " ".join(say(part) for part in match[0].split("/"))


@speak_numbers.rule(r"(?<![\d/.,])(?:(\d{1,3})\s+)?(\d{1,3})/(\d{1,3})\b(?![/.,]\d)")
def _fraction(match: re.Match[str]) -> str:
    """2 3/4 -> two and three quarters; 7/20 -> seven out of twenty; 16/9 -> sixteen over nine."""
    whole, top, bottom = match.groups()
    before = f"{say(whole)} and " if whole else ""
    if not (2 <= int(bottom) < 2 + len(_DENOMINATORS) and 1 <= int(top) < int(bottom)):
        return f"{before}{say(top)} {'over' if int(top) > int(bottom) else 'out of'} {say(bottom)}"
    part = _DENOMINATORS[int(bottom) - 2]
    return f"{before}{'a' if whole and top == '1' else say(top)} {part}{'s' * (int(top) > 1)}"


@speak_numbers.rule(r"(?<!\d)(\d{1,15})(?:st|nd|rd|th)\b")
def _ordinal(match: re.Match[str]) -> str:
    """2nd -> second."""
    return f" {say(match[1], 'ordinal')} "


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


@speak_numbers.rule(rf"(?<![\d.])(?:{_NUMBER}|\.\d+)|\d+")
def _number(match: re.Match[str]) -> str:
    """MP3 -> MP three; 1,234.5 -> one thousand two hundred and thirty four point five."""
    return f" {say(match[0])} "
