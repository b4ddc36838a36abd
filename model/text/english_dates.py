# ruff: noqa: RUF001, SIM905 - word lists read better as strings
"""Dates and times of day in English words; the month comes first where both orders are valid."""

import re

from model.text.counting import count, say, spell
from model.text.rewriting import Rules, alternatives

_MONTHS = (
    "january february march april may june july august september october november december".split()
)
_SHORT = [month[:3] for month in _MONTHS]
_PLAIN = [month for month in _MONTHS if month not in ("march", "may", "august")]
# A month for certain: in any case where the word means nothing else, else with a capital alone.
_SHORT_PLAIN = [month for month in _SHORT if month not in ("mar", "may")]
_CERTAIN = rf"(?i:{alternatives(_PLAIN)}|sept|{alternatives(_SHORT_PLAIN)})"
_CAPITAL = "March|May|August|Mar"
_ANY = rf"(?i:{alternatives(_MONTHS)}|sept|{alternatives(_SHORT)})"
_YEAR = r"\d{4}(?![\d%])"
_DAY = r"(?<![\d.,])(\d{1,2})(st|nd|rd|th)?"
# What is numbered rather than dated: Windows 11, Section 5.
_NUMBERED = (
    "android article chapter class clause figure grade group ios item level no number page "
    "paragraph part phase platform question room round rule season section stage step table title "
    "type unit version volume week windows".split()
)
_WEEKDAYS = {
    "mon": "monday", "tue": "tuesday", "tues": "tuesday", "wed": "wednesday", "thu": "thursday",
    "thur": "thursday", "thurs": "thursday", "fri": "friday", "sat": "saturday", "sun": "sunday",
}  # fmt: skip

_WEEKDAY = alternatives(day.capitalize() for day in _WEEKDAYS)  # lower case means other words: sat

_SHORT_MONTH = alternatives([*(month.title() for month in _SHORT), "Sept"])

speak_dates = Rules()
"""Rewrites dates and times of day."""


@speak_dates.rule(r"\b(\d{4})([-/.])(\d{1,2})\2(\d{1,2})\b(?![-/]?\d)")
def _year_first(match: re.Match[str]) -> str:
    """2020-03-04 -> march fourth, twenty twenty."""
    return _date(match[3], match[4], match[1]) or re.sub(r"[-/.]", " ", match[0])


@speak_dates.rule(r"(?<![\d/.-])(\d{1,2})([/-])(\d{1,2})\2(\d{4}|\d\d)\b(?![/-])")
def _month_first(match: re.Match[str]) -> str:
    """3/4/2020 -> march fourth, twenty twenty; 25/12/99 -> december twenty fifth, ninety nine."""
    month, _, day, year = match.groups()
    return _date(month, day, year) or _date(day, month, year) or re.sub(r"[-/]", " ", match[0])


@speak_dates.rule(r"\b((?i:due|on|by|until|since|before|after)\s)(\d{1,2})/(\d{1,2})\b(?![/.,]?\d)")
def _month_and_day(match: re.Match[str]) -> str:
    """Due 3/14 -> Due march fourteenth."""
    before, month, day = match.groups()
    said = _date(month, day, "") or _date(day, month, "")
    return f"{before}{said}" if said else match[0]


@speak_dates.rule(r"(?<![\d/.-])(\d{1,2})\.(\d{1,2})\.(\d{4})\b(?!\.?\d)")
def _day_first(match: re.Match[str]) -> str:
    """30.06.1998 -> june thirtieth, nineteen ninety eight."""
    day, month, year = match.groups()
    return _date(month, day, year) or _date(day, month, year) or match[0]


@speak_dates.rule(rf"\b({_SHORT_MONTH})\.?\s?[-–]\s?({_SHORT_MONTH})\b\.?(?!\s\d)")
def _range_of_months(match: re.Match[str]) -> str:
    """Jan-Mar -> january to march."""
    first, last = (_MONTHS[int(_month_number(month)) - 1] for month in match.groups())
    return f"{first} to {last}"


@speak_dates.rule(rf"\b({_WEEKDAY})\.?\s?[-–]\s?(?=(?:{_WEEKDAY})\b)")
def _range_of_weekdays(match: re.Match[str]) -> str:
    """Mon-Fri -> monday to Fri."""
    return f"{_WEEKDAYS[match[1].lower()]} to "


@speak_dates.rule(
    rf"\b({_WEEKDAY})(?:\.?(?=,?\s+(?:\d|{_ANY}\b))|(?<=Mon|Tue|Wed|Thu|Fri)\.)"
    rf"|(?<= to )({_WEEKDAY})\b\.?"
)
def _weekday(match: re.Match[str]) -> str:
    """Mon, 5 -> monday, 5; Wed. was -> wednesday was."""
    return _WEEKDAYS[(match[1] or match[2]).lower()]


@speak_dates.rule(
    rf"\b(?:({_CERTAIN}|{_CAPITAL})\.?\s+{_DAY}\b(?![:.,]?\d|\s?[%$]|\s+(?:miles|kilometers|km)\b)"
    rf"(?:\s?[-–]\s?(\d{{1,2}})\b)?(?:,?\s+({_YEAR}))?"
    rf"|({_ANY})\.?\s+{_DAY},?\s+({_YEAR})|({_ANY})\s+(\d{{1,2}})(st|nd|rd|th)\b)"
)
def _american_date(match: re.Match[str]) -> str:
    """Dec. 25, 2020 -> december twenty fifth, twenty twenty; May 5-7 -> may fifth to seventh."""
    month = match[1] or match[6] or match[10]
    day = match[2] or match[7] or match[11]
    year = match[5] or match[9] or ""
    last = f" to {say(match[4], 'ordinal')}" if match[4] else ""
    return _date(_month_number(month), day, year, last) or match[0]


@speak_dates.rule(
    rf"(\b[A-Za-z]+\s+)?{_DAY}(?:\s+of)?\s+(?:({_CERTAIN}|{_CAPITAL})(?![\w'])\.?(?:,?\s+({_YEAR}))?"
    rf"|({_ANY})\.?,?\s+({_YEAR}))"
)
def _british_date(match: re.Match[str]) -> str:
    """25 Dec 2020 -> december twenty fifth, twenty twenty; Section 5 May -> Section 5 May."""
    before, day, _, month, year, other_month, other_year = match.groups()
    before = before or ""
    numbered = before.strip().lower() in _NUMBERED
    ambiguous = (month or other_month)[:3].lower() in ("mar", "may", "aug")
    if numbered and (ambiguous or not (year or other_year)):
        return match[0]
    spoken = _date(_month_number(month or other_month), day, year or other_year or "")
    if spoken is None:
        return match[0]
    if before.strip().lower() == "the" or " of " in match[0]:  # the 4th of July
        month_name, _, rest = spoken.partition(" ")
        ordinal, _, said_year = rest.partition(",")
        return f"{before}{ordinal} of {month_name}{',' * bool(said_year)}{said_year}"
    return f"{before}{spoken}"


@speak_dates.rule(rf"\b({alternatives(m.title() for m in _SHORT)}|Sept)\.?\s+({_YEAR})")
def _month_and_year(match: re.Match[str]) -> str:
    """Oct 2021 -> october twenty twenty one."""
    return f"{_MONTHS[int(_month_number(match[1])) - 1]} {say(match[2], 'year')}"


def _month_number(name: str) -> str:
    return str(1 + _SHORT.index(name[:3].lower()))


def _date(month: str, day: str, year: str, last: str = "") -> str | None:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    spoken = f"{_MONTHS[int(month) - 1]} {say(str(int(day)), 'ordinal')}{last}"
    return f"{spoken}, {say(year, 'year')}" if year else spoken


@speak_dates.rule(r"(?<=\d)(:\d\d|%|s|\s?[AaPp]\.?[Mm]\.?)\s?[-–]\s?(?=[$£€]?'?\d)(?!-\d++\s?=)")
def _range_of_times(match: re.Match[str]) -> str:
    """9am-5pm -> 9am to 5pm; 10%-20% -> 10% to 20%; 1960s-80s -> 1960s to 80s."""
    return f"{match[1]} to "


@speak_dates.rule(r"\b(\d{1,3}):([0-5]\d)\.(\d{1,3})\b")
def _time_of_a_race(match: re.Match[str]) -> str:
    """3:58.2 -> three fifty eight point two."""
    minutes, seconds, part = match.groups()
    zero = "oh " if seconds[0] == "0" else ""
    return f"{say(minutes)} {zero}{say(str(int(seconds)))} point {spell(part)}"


@speak_dates.rule(r"\b(\d{1,3})\s?h\s?(\d{1,2})\s?m(?:in)?\b(?:\s?(\d{1,2})\s?s(?:ec)?\b)?")
def _hours_and_minutes(match: re.Match[str]) -> str:
    """2h 15m -> two hours fifteen minutes."""
    return _spans(match, ("hour", "minute", "second"))


@speak_dates.rule(r"\b(\d{1,3})\s?m(?:in)?\s?(\d{1,2})\s?s(?:ec)?\b")
def _minutes_and_seconds(match: re.Match[str]) -> str:
    """1m 20s -> one minute twenty seconds."""
    return _spans(match, ("minute", "second"))


def _spans(match: re.Match[str], units: tuple[str, ...]) -> str:
    pairs = zip(match.groups(), units, strict=True)
    return " ".join(count(str(int(n)), unit, f"{unit}s") for n, unit in pairs if n)


@speak_dates.rule(r"\b(\d{1,2}):([0-5]\d)(?::([0-5]\d))?\b(?:\s?([AaPp])\.?[Mm]\b\.?)?")
def _clock(match: re.Match[str]) -> str:
    """10:05 am -> ten oh five AM; 7:00 -> seven o'clock."""
    hour, minute, second, half = match.groups()
    words = [say(str(int(hour)))]
    if int(minute):
        words += ["oh"] * (minute[0] == "0") + [say(str(int(minute)))]
    elif not half:
        words.append("o'clock" if 1 <= int(hour) <= 12 else "hundred")
    if second:
        words += ["and", count(str(int(second)), "second", "seconds")]
    return " ".join(words) + _half_of_day(half, match)


@speak_dates.rule(r"\b(\d{1,2})\s?([AaPp])\.?[Mm]\b\.?")
def _hour(match: re.Match[str]) -> str:
    """3 p.m. sharp -> three PM sharp."""
    return say(match[1]) + _half_of_day(match[2], match)


def _half_of_day(letter: str | None, match: re.Match[str]) -> str:
    stop = "." if match[0].endswith(".") and not match.string[match.end() :].strip() else ""
    return f" {letter.upper()}M{stop}" if letter else ""


@speak_dates.rule(r"(?<![\w'])'?((?:1[1-9]|20)?)(00|[2-9]0)'?s\b(?!\s+of\b)")
def _decade(match: re.Match[str]) -> str:
    """1990s -> nineteen nineties."""
    century, tens = match.groups()
    if tens == "00":
        return "two thousands" if century == "20" else f"{say(century or '20')} hundreds"
    return f"{say(century) if century else ''} {say(tens).removesuffix('y')}ies"


@speak_dates.rule(r"\b(FY|CY|AY)\s?(\d{4})\b")
def _fiscal_year(match: re.Match[str]) -> str:
    """FY2023 -> FY twenty twenty three."""
    return f"{match[1]} {say(match[2], 'year')}"


@speak_dates.rule(r"\b((?i:in|since|until|by|before|after|year)\s)(1\d{3})\b(?![,.:%]?\d|\s?%)")
def _early_year(match: re.Match[str]) -> str:
    """In 1066 -> In ten sixty six."""
    return f"{match[1]}{say(match[2], 'year')}"


@speak_dates.rule(r"\b(?:24/7|9/11)\b")
def _set_phrase(match: re.Match[str]) -> str:
    """24/7 -> twenty four seven."""
    return " ".join(say(part) for part in match[0].split("/"))
