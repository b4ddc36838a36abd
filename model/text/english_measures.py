# ruff: noqa: RUF001 - the signs are meant
"""Money and measures in English words."""

import re

from model.text.counting import CURRENCY_SIGNS, NUMBER, count, ordinal, say, say_by_pairs
from model.text.rewriting import Rules, alternatives

_CURRENCIES = {  # one, several, one hundredth, several of them
    "$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"), "₩": ("won", "won", "jeon", "jeon"),
    "₽": ("ruble", "rubles", "kopek", "kopeks"), "₿": ("bitcoin", "bitcoins", "cent", "cents"),
}  # fmt: skip
_SYMBOL = f"[{CURRENCY_SIGNS}]"
_COUNTRIES = {
    "US": "US", "C": "Canadian", "CA": "Canadian", "A": "Australian", "AU": "Australian",
    "HK": "Hong Kong", "NZ": "New Zealand", "S": "Singapore", "R": "Brazilian",
}  # fmt: skip
_CODES = {
    "USD": "US dollar", "EUR": "euro", "GBP": "British pound", "CAD": "Canadian dollar",
    "AUD": "Australian dollar", "CHF": "Swiss franc", "INR": "Indian rupee",
}  # fmt: skip
_MAGNITUDES = {
    "k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion",
    "t": "trillion", "tn": "trillion",
}  # fmt: skip
_LARGE = "hundred|thousand|million|billion|trillion"
_UNITS = {  # written: one, several (by default with an s)
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "µm": "micrometer",
    "nm": "nanometer", "mi": "mile", "ft": ("foot", "feet"), "yd": "yard", "kg": "kilogram",
    "g": "gram", "mg": "milligram", "µg": "microgram", "lb": "pound", "lbs": "pound", "oz": "ounce",
    "l": "liter", "L": "liter", "ml": "milliliter", "mL": "milliliter", "gal": "gallon",
    "tbsp": "tablespoon", "tsp": "teaspoon", "cc": "cubic centimeter", "ha": "hectare",
    "yr": "year", "yrs": "year", "wks": "week",
    "h": "hour", "hr": "hour", "hrs": "hour", "min": "minute", "mins": "minute", "s": "second",
    "sec": "second", "secs": "second", "ms": "millisecond", "µs": "microsecond",
    "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"), "kB": "kilobyte", "KB": "kilobyte", "MB": "megabyte",
    "GB": "gigabyte", "TB": "terabyte", "dB": "decibel", "V": "volt", "kV": "kilovolt",
    "mV": "millivolt", "mA": "milliampere", "W": "watt", "kW": "kilowatt", "MW": "megawatt",
    "kWh": "kilowatt hour", "mAh": "milliampere hour", "Ω": "ohm", "kΩ": "kiloohm",
    "Pa": "pascal", "kPa": "kilopascal", "hPa": "hectopascal", "kJ": "kilojoule",
    "kcal": "kilocalorie", "cal": "calorie", "N": "newton",
    "°C": ("degree celsius", "degrees celsius"), "°F": ("degree fahrenheit", "degrees fahrenheit"),
    "°": "degree", "sq ft": ("square foot", "square feet"), "sq m": "square meter",
    "sq mi": "square mile", "sq km": "square kilometer",
}  # fmt: skip
_RATES = {
    "kph": ("kilometer", "hour"), "mph": ("mile", "hour"), "kbps": ("kilobit", "second"),
    "Mbps": ("megabit", "second"), "Gbps": ("gigabit", "second"), "bpm": ("beat", "minute"),
    "rpm": ("revolution", "minute"), "fps": ("frame", "second"), "dpi": ("dot", "inch"),
    "mpg": ("mile", "gallon"),
}  # fmt: skip
# Also written in capitals, though not by the rules of the units.
_IN_CAPITALS = {
    unit.upper(): unit
    for unit in ("km", "cm", "mm", "kg", "mg", "lb", "lbs", "oz", "ml", "Hz", "kHz", "mph", "kWh")
}
_PER = {
    "mo": "month", "month": "month", "wk": "week", "week": "week", "hr": "hour", "hour": "hour",
    "h": "hour", "yr": "year", "year": "year", "day": "day", "d": "day", "min": "minute",
    "s": "second", "sec": "second", "kg": "kilogram", "g": "gram", "lb": "pound", "oz": "ounce",
    "gal": "gallon", "l": "liter", "L": "liter", "km": "kilometer", "mi": "mile", "ft": "foot",
    "night": "night", "person": "person", "user": "user", "unit": "unit", "GB": "gigabyte",
    "kWh": "kilowatt hour",
}  # fmt: skip
_UNIT = alternatives([*_UNITS, *_RATES, *_IN_CAPITALS])
_RATE = rf"(?:/({alternatives(_PER)})\b)?"

_NOUN = re.compile(r"\s(?!(?:and|or|of|per|in|on|at|to|for|is|was|are|from|with|each|more)\b)[a-z]")

speak_measures = Rules()
"""Rewrites sums of money and quantities with a unit."""


@speak_measures.rule(rf"(?<![\w.])({NUMBER})\s?([€£₩₹₽])(?!\s?\d)")
def _sign_after(match: re.Match[str]) -> str:
    """5€ -> €5."""
    return f"{match[2]}{match[1]}"


@speak_measures.rule(rf"(?<![\w.])({NUMBER})\s?¢")
def _cents(match: re.Match[str]) -> str:
    """50¢ -> fifty cents."""
    return count(match[1], "cent", "cents")


@speak_measures.rule(
    rf"(?:\b({alternatives(_COUNTRIES)}))?({_SYMBOL})\s?({NUMBER})"
    rf"(?:\s?((?i:{alternatives(_MAGNITUDES)}))|\s((?:m|b|tr)illion|thousand))\b{_RATE}"
)
def _large_sum(match: re.Match[str]) -> str:
    """$3m -> three million dollars; US$7.3 trillion -> seven point three trillion US dollars."""
    magnitude = match[5] or _MAGNITUDES[match[4].lower()]
    name = _money(match[1], match[2])[0 if _qualifies(match) else 1]
    return f"{say(match[3])} {magnitude} {name}{_per(match[6])}"


@speak_measures.rule(
    rf"(?:\b({alternatives(_COUNTRIES)}))?({_SYMBOL})\s?({NUMBER}|\.\d\d?(?!\d)){_RATE}"
)
def _sum(match: re.Match[str]) -> str:
    """$5.20 -> five dollars and twenty cents; $20/mo -> twenty dollars per month."""
    one, several, hundredth, hundredths = _money(match[1], match[2])
    whole, _, part = match[3].partition(".")
    if part and len(part) != 2:
        return f"{say(match[3])} {several}{_per(match[4])}"
    if _qualifies(match):
        several = one
    cents = count(str(int(part)), hundredth, hundredths) if int(part or 0) else ""
    if cents and not int(whole.replace(",", "") or 0):
        return f"{cents}{_per(match[4])}"
    return " and ".join(filter(None, (count(whole, one, several), cents))) + _per(match[4])


def _money(country: str | None, symbol: str) -> tuple[str, str, str, str]:
    one, several, hundredth, hundredths = _CURRENCIES[symbol]
    of = f"{_COUNTRIES[country]} " if country else ""
    return of + one, of + several, hundredth, hundredths


def _qualifies(match: re.Match[str]) -> bool:
    """Tell whether an amount stands before the noun that it qualifies: a $5 bill."""
    before = match.string[max(0, match.start() - 4) : match.start()].lower()
    return f" {before}".endswith((" a ", " an ")) and bool(_NOUN.match(match.string, match.end()))


def _per(unit: str | None) -> str:
    return f" per {_PER[unit]}" if unit else ""


@speak_measures.rule(rf"(?<![\w.])({NUMBER})\s({alternatives(_CODES)})\b")
def _currency_code(match: re.Match[str]) -> str:
    """5 USD -> five US dollars."""
    return count(match[1], _CODES[match[2]], f"{_CODES[match[2]]}s")


@speak_measures.rule(r"(?<![\w.,])(\d{3,4})\s?[x×]\s?(\d{3,4})(?![\w.,]\w|\w)")
def _resolution(match: re.Match[str]) -> str:
    """1920x1080 -> nineteen twenty by ten eighty."""
    return f"{say_by_pairs(match[1])} by {say_by_pairs(match[2])}"


@speak_measures.rule(rf"(?<=\d)(\s?(?:{_UNIT}))?\s?x\s?(?=\d)")
def _dimensions(match: re.Match[str]) -> str:
    """2x8 -> 2 by 8; 10 cm x 15 cm -> 10 cm by 15 cm."""
    return f"{match[1] or ''} by "


@speak_measures.rule(rf"(?<![\w.])({NUMBER})\s?ft\.?\s({NUMBER})\s?in\b\.?")
def _feet_and_inches(match: re.Match[str]) -> str:
    """6 ft 2 in -> six feet two inches."""
    return f"{count(match[1], 'foot', 'feet')} {count(match[2], 'inch', 'inches')}"


@speak_measures.rule(
    rf"(?<![\w.])({NUMBER})\s?in(?:\.(?=\s*$)|\.(?=\s(?:long|wide|tall|high|by)\b))"
)
def _inches(match: re.Match[str]) -> str:
    """3 in. long -> three inches long."""
    stop = "" if match.string[match.end() :].strip() else "."
    return f"{count(match[1], 'inch', 'inches')}{stop}"


@speak_measures.rule(
    rf"(?<![\w./])(?:(\d{{1,3}})\s)?(\d{{1,2}})/(\d{{1,2}})\s?({_UNIT})(?![\w'/^])"
)
def _fraction_of_units(match: re.Match[str]) -> str:
    """4 1/2 lbs -> 4 1/2 pounds; 1/2 km -> 1/2 kilometer."""
    whole = f"{match[1]} " if match[1] else ""
    return f"{whole}{match[2]}/{match[3]} {_unit(match[4])[1 if whole else 0]}"


@speak_measures.rule(
    rf"(?<![\w.])({NUMBER})(\s(?:{_LARGE}))?(?:\s|-)?({_UNIT})(\^[23])?"
    rf"((?:/(?:{_UNIT})(?:\^[23])?)*)(?![\w'/^])(?:\.(?=\s[a-z]))?"
)
def _quantity(match: re.Match[str]) -> str:
    """10 km -> ten kilometers; 5 m^2 -> five square meters; 5 m/s -> five meters per second."""
    number, large, unit, power, rest = match.groups()
    several = (bool(large) or number != "1") and not _qualifies(match)
    return f"{say(number)}{large or ''} {_compound(unit, power, rest, several=several)}"


@speak_measures.rule(
    rf"(?<![\w^])({_UNIT})(?:(\^[23])((?:/(?:{_UNIT})(?:\^[23])?)*)|()((?:/(?:{_UNIT})\^[23])))(?![\w'/^])"
)
def _unit_alone(match: re.Match[str]) -> str:
    """m^3/s -> cubic meters per second; kg/m^3 -> kilograms per cubic meter."""
    unit, power, rest, _, other = match.groups()
    return _compound(unit, power, rest or other or "", several=True)


def _compound(unit: str, power: str | None, rest: str, *, several: bool) -> str:
    words = _powered(_unit(unit)[several], power)
    for part in rest.split("/")[1:]:
        below, caret, exponent = part.partition("^")
        name = _unit(below)[0]
        if caret and name == "second":  # meters per second squared
            words += f" per second {'squared' if exponent == '2' else 'cubed'}"
        else:
            words += f" per {_powered(name, caret + exponent or None)}"
    return words


def _powered(name: str, power: str | None) -> str:
    return {None: "", "^2": "square ", "^3": "cubic "}[power] + name


def _unit(written: str) -> tuple[str, str]:
    """Return the words of one and of several of a unit."""
    written = _IN_CAPITALS.get(written, written)
    if written in _RATES:
        what, each = _RATES[written]
        return f"{what} per {each}", f"{what}s per {each}"
    unit = _UNITS[written]
    return unit if isinstance(unit, tuple) else (unit, f"{unit}s")


@speak_measures.rule(r"(?<=[\w)])\s?\^\s?([-+]?)(\d{1,4})")
def _power(match: re.Match[str]) -> str:
    """5^2 -> 5 squared; 10^6 -> 10 to the sixth; 10^-3 -> 10 to the minus three."""
    sign, exponent = match.groups()
    if sign == "-":
        return f" to the minus {say(exponent)}"
    return {"2": " squared", "3": " cubed"}.get(exponent, f" to the {ordinal(exponent)}")
