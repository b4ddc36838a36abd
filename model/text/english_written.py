"""Written English to words that gruut reads right: what its own normaliser leaves out.

gruut says plain numbers, years, ordinals, dates and sums of money (through num2words, dateparser
and babel). The rules below come before it and turn everything else into words, plain numbers and
the marks , . ? ! only.
"""

import re
from collections.abc import Callable

from model.text.cleaning import fold_latin

_ABBREVIATIONS = {
    "prof": "professor", "gen": "general", "sen": "senator", "rep": "representative",
    "gov": "governor", "capt": "captain", "lt": "lieutenant", "col": "colonel", "maj": "major",
    "sgt": "sergeant", "rev": "reverend", "hon": "honorable", "ft": "fort", "sr": "senior",
    "jr": "junior", "inc": "incorporated", "corp": "corporation", "ltd": "limited",
    "dept": "department", "approx": "approximately", "est": "established", "etc": "et cetera",
    "ave": "avenue", "blvd": "boulevard", "rd": "road", "hwy": "highway", "apt": "apartment",
    "vol": "volume", "fig": "figure", "jan": "january", "feb": "february", "apr": "april",
    "aug": "august", "sept": "september", "sep": "september", "oct": "october",
    "nov": "november", "dec": "december", "tues": "tuesday", "thurs": "thursday", "mon": "monday",
    "tue": "tuesday", "wed": "wednesday", "thu": "thursday", "fri": "friday", "vs": "versus",
    "dr": "doctor", "mr": "mister", "mrs": "missus", "ms": "miz", "mt": "mount", "messrs": "messers",
    "e.g": "for example", "i.e": "that is", "cf": "compare", "no": "number", "nos": "numbers",
}  # fmt: skip
# These are words as well: they are abbreviations only before a name or a number.
_ONLY_BEFORE_NAME = frozenset(
    "gen sen rep gov col maj rev hon ft est fig no nos vol mon wed fri sep dec ms".split()
)

_UNITS = {
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"), "m/s": ("meter per second", "meters per second"),
    "km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"), "nm": ("nanometer", "nanometers"),
    "µm": ("micrometer", "micrometers"), "m": ("meter", "meters"), "mi": ("mile", "miles"),
    "ft": ("foot", "feet"), "yd": ("yard", "yards"), "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"), "g": ("gram", "grams"), "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"), "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"), "L": ("liter", "liters"), "l": ("liter", "liters"),
    "ms": ("millisecond", "milliseconds"), "s": ("second", "seconds"),
    "sec": ("second", "seconds"), "secs": ("second", "seconds"),
    "min": ("minute", "minutes"), "mins": ("minute", "minutes"),
    "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"),
    "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"),
    "kB": ("kilobyte", "kilobytes"), "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"), "kbps": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"),
    "dB": ("decibel", "decibels"), "V": ("volt", "volts"), "W": ("watt", "watts"),
    "kW": ("kilowatt", "kilowatts"), "kWh": ("kilowatt hour", "kilowatt hours"),
    "mAh": ("milliampere hour", "milliampere hours"),
    "°C": ("degree celsius", "degrees celsius"), "°F": ("degree fahrenheit", "degrees fahrenheit"),
    "°": ("degree", "degrees"),
}  # fmt: skip
_CURRENCIES = {"$": "dollars", "£": "pounds", "€": "euros", "¥": "yen"}
_MAGNITUDES = {
    "k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion",
    "tn": "trillion", "t": "trillion",
}  # fmt: skip
_FRACTIONS = {
    2: "half", 3: "third", 4: "quarter", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth",
    9: "ninth", 10: "tenth",
}  # fmt: skip
_SIGNS = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "%": "percent", "±": "plus or minus",
    "×": "times", "÷": "divided by", "<": "less than", ">": "greater than", "/": "slash",  # noqa: RUF001
    "#": "number", "§": "section", "°": "degrees", "$": "dollars", "£": "pounds", "€": "euros",
    "¥": "yen", "µ": "micro",
}  # fmt: skip
_ADDRESS_SIGNS = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", ":": "colon",
    "?": "question mark", "=": "equals", "&": "and", "#": "hash", "%": "percent", "+": "plus",
    "~": "tilde",
}  # fmt: skip

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"


def _digits(number: str) -> str:
    return " ".join(c for c in number if c.isdigit())


def _address(match: re.Match[str]) -> str:
    address = re.sub(r"^[a-z]+://", "", match[0]).rstrip("/").replace("www.", "W W W.")
    spelled = "".join(f" {_ADDRESS_SIGNS[c]} " if c in _ADDRESS_SIGNS else c for c in address)
    return f" {spelled} "


def _abbreviation(match: re.Match[str]) -> str:
    key = match[1].lower()
    before_name = match[2]
    if key not in _ABBREVIATIONS or (key in _ONLY_BEFORE_NAME and not before_name):
        return match[0]
    return _ABBREVIATIONS[key] + ("" if match[2] or match[3] else ".") + match[2] + match[3]


def _unit(match: re.Match[str]) -> str:
    number, unit = match[1], match[2]
    singular, plural = _UNITS[unit]
    return f"{number} {singular if number == '1' else plural}"


def _money(match: re.Match[str]) -> str:
    symbol, number, magnitude = match[1], match[2], match[3]
    return f"{number} {_MAGNITUDES.get(magnitude.lower(), magnitude)} {_CURRENCIES[symbol]}"


def _plain_money(match: re.Match[str]) -> str:
    name = _CURRENCIES[match[1]]
    whole, _, part = match[2].partition(".")
    main = f"{whole} {name.removesuffix('s') if whole == '1' else name}"
    if name == "yen" or not part or not int(part):
        return main
    if len(part) != 2:  # no cents: a fraction of the unit
        return f"{whole}.{part} {name}"
    minor = {"pounds": ("penny", "pence")}.get(name, ("cent", "cents"))
    cents = f"{int(part)} {minor[0] if int(part) == 1 else minor[1]}"
    return cents if int(whole.replace(",", "")) == 0 else f"{main} and {cents}"


def _fraction(match: re.Match[str]) -> str:
    whole, top, bottom = match[1], int(match[2]), int(match[3])
    if bottom not in _FRACTIONS or top >= bottom:
        return f"{whole or ''}{top} {bottom}" if (top, bottom) == (24, 7) else (
            f"{whole or ''}{top} over {bottom}"
        )  # fmt: skip
    name = _FRACTIONS[bottom]
    if top > 1:
        name = "halves" if name == "half" else name + "s"
    share = f"a {name}" if whole and top == 1 else f"{'one' if top == 1 else top} {name}"
    return f"{whole.strip()} and {share}" if whole else share


def _clock(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if hour > 23 or minute > 59:
        return f"{match[1]} {match[2]}"
    half = match[4] or ""
    tail = f" {half[0].upper()}M" if half else ""
    if minute == 0:
        return (
            f"{hour}{tail}"
            if tail
            else (f"{hour} o'clock" if 0 < hour <= 12 else f"{hour} hundred")
        )
    return f"{hour} {'oh ' if minute < 10 else ''}{minute}{tail}"


def _decade(match: re.Match[str]) -> str:
    from num2words import num2words

    tens = int(match[2])
    century = f"{num2words(int(match[1]))} " if match[1] else ""
    if tens == 0:
        return f"{century or 'twenty '}hundreds" if match[1] != "20" else "two thousands"
    return century + num2words(tens).removesuffix("y") + "ies"


_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # addresses
        (r"\b[a-z]+://[^\s,;()\"]*[\w/]", _address),
        (r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+", _address),
        (r"\bwww\.[^\s,;()\"]*\w", _address),
        (r"\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|ai|dev|co\.uk)\b(?:/[\w./-]*\w)?", _address),
        # marks
        (r"\.{2,}(?=\s*$)", "."),
        (r"\.{2,}", ", "),
        (r"(?<=\d)\s?–\s?(?=\d)", " to "),  # noqa: RUF001
        (r"\s*[—–]\s*|\s+-+\s+|--+", ", "),  # noqa: RUF001
        (r"[\"^|~{}*\\]|(?<!\w)'+(?!\d0s)|'+(?!\w)", " "),
        (r"[(\[]", ", "),
        (r"[)\]]", ", "),
        # abbreviations
        (r"\b([Ss])t\.(?=\s+[A-Z])", r"\1aint"),
        (r"\b([Ss])t\.", r"\1treet"),
        (r"\b[Nn]o\.\s?(?=\d)", "number "),
        (r"\b(e\.g|i\.e|[A-Za-z]{2,6})\.()(,)", _abbreviation),
        (r"\b(e\.g|i\.e|[A-Za-z]{2,6})\.(\s+(?=[A-Z\d]))()", _abbreviation),
        (r"\b(e\.g|i\.e|etc|vs|approx|cf|inc|corp|ltd|jr|sr|dept|ave|blvd|rd)\.()(\s+(?=[a-z]))", _abbreviation),
        (r"(?i)\b(etc|inc|corp|ltd|jr|sr|dept|ave|blvd|rd|co)\.()()$", _abbreviation),
        (r"\b([a-zA-Z])\.([a-zA-Z])\.(?:([a-zA-Z])\.)?(?:([a-zA-Z])\.)?(?=\s+[A-Z]|\s*$)?", lambda m: "".join(g for g in m.groups() if g).upper() + ("." if m.end() == len(m.string) else "")),
        # numbers
        (r"\b(\d{4})-(\d{2})-(\d{2})\b", r"\2/\3/\1"),
        (rf"([$£€¥])\s?({_NUMBER})\s?(k|m|mn|bn|b|tn|t|K|M|B|T|thousand|million|billion|trillion)\b", _money),
        (rf"([$£€¥])\s?({_NUMBER})", _plain_money),
        (r"\b(\d{1,2}):(\d{2})(:\d{2})?(?:\s?([AaPp])\.?[Mm]\b\.?)?", _clock),
        (r"\b(\d{1,2})\s?([AaPp])\.?[Mm]\b\.?", lambda m: f"{m[1]} {m[2].upper()}M"),
        (r"\b(\d+):(\d+)\b", r"\1 to \2"),
        (r"\b(\d\d)?'?(\d0)'?s\b", _decade),
        (r"\b(?:\d{3}[-. ])?\d{3}[-.]\d{4}\b", lambda m: ", ".join(_digits(p) for p in re.split(r"[-. ]", m[0]))),
        (r"\b(\d{1,3}\s+)?(?<!/)(\d{1,3})/(\d{1,3})\b(?!/)", _fraction),
        (r"(?<![\d.])0\d+(?![\d.,]*\d)", lambda m: _digits(m[0])),
        (r"\d{13,}", lambda m: _digits(m[0])),
        (r"\b(\d+)\.(\d+)\.(\d+)(?:\.(\d+))?", lambda m: " point ".join(g for g in m.groups() if g)),
        (r"(?<=\d)\s?\^2\b", " squared"),
        (r"(?<=\d)\s?\^3\b", " cubed"),
        (rf"(?<![\w.])({_NUMBER})\s?({'|'.join(sorted(map(re.escape, _UNITS), key=len, reverse=True))})(?![\w'])", _unit),
        (r"(?<=\d)-(?=\d+\b)(?!\d+-)", " to "),
        (r"(?<![\w.])-(?=\d)", " minus "),
        # letters and digits that touch
        (r"(?<=[A-Za-z])-?(?=\d)", " "),
        (r"(?<=\d)-?(?!(?:st|nd|rd|th)\b)(?=[A-Za-z])", " "),
    )
)  # fmt: skip


def is_latin(character: str) -> bool:
    """Tell whether a character is a Latin letter, with or without diacritics."""
    return character.isalpha() and fold_latin(character).isascii()


def normalize(text: str) -> str:
    """Return one sentence as words, plain numbers and the marks , . ? !"""
    text = fold_latin(text)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = "".join(f" {_SIGNS[c]} " if c in _SIGNS else c for c in text)
    text = re.sub(r"(?<=\w)[;:](?=\s|$)", ",", text).replace("。", ".")
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s',.?!]", " ", text)).strip()
