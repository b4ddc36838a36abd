# ruff: noqa: RUF001 - the signs are meant
"""Written English to plain words and the marks , . ? ! only."""

import functools
import re

from model.text.cleaning import fold_latin
from model.text.counting import NUMBER, count
from model.text.english_codes import speak_codes
from model.text.english_dates import speak_dates
from model.text.english_measures import speak_measures
from model.text.english_names import STREETS, speak_names
from model.text.english_numbers import speak_numbers, speak_ranges
from model.text.rewriting import Rules

_TITLES = {  # before a name
    "prof": "professor", "gen": "general", "sen": "senator", "rep": "representative",
    "gov": "governor", "capt": "captain", "lt": "lieutenant", "col": "colonel", "maj": "major",
    "sgt": "sergeant", "rev": "reverend", "hon": "honorable", "st": "saint", "ft": "fort",
    "mt": "mount", "ms": "miz", "messrs": "messers",
}  # fmt: skip
_BEFORE_NUMBER = {
    "no": "number", "nos": "numbers", "fig": "figure", "figs": "figures", "vol": "volume",
    "ch": "chapter", "pp": "pages", "p": "page", "eq": "equation", "sec": "section",
    "est": "established", "ca": "circa",
}  # fmt: skip
_ANYWHERE = {
    "mr": "mister", "mrs": "missus", "dr": "doctor", "drs": "doctors", "sr": "senior",
    "jr": "junior", "st": "street", "ave": "avenue", "blvd": "boulevard", "rd": "road",
    "hwy": "highway", "apt": "apartment", "inc": "incorporated", "corp": "corporation",
    "ltd": "limited", "bros": "brothers", "dept": "department", "univ": "university",
    "assn": "association", "approx": "approximately", "etc": "et cetera", "vs": "versus",
    "cf": "compare", "e.g": "for example", "i.e": "that is", "ph.d": "PhD", "jan": "january",
    "feb": "february", "apr": "april", "aug": "august", "sept": "september", "oct": "october",
    "nov": "november", "dec": "december", "tues": "tuesday", "thurs": "thursday",
}  # fmt: skip
_SIGNS = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "%": "percent", "±": "plus or minus",
    "×": "times", "÷": "divided by", "<": "less than", ">": "greater than", "/": "slash",
    "§": "section", "°": "degrees", "$": "dollars", "£": "pounds", "€": "euros", "¥": "yen",
    "µ": "micro", "\\": "backslash", "^": "to the power of", "₹": "rupees", "₩": "won",
    "₽": "rubles", "₿": "bitcoins", "¢": "cents", "‰": "per thousand", "≈": "about",
    "≤": "less than or equal to", "≥": "greater than or equal to",
    "∞": "infinity", "√": "root", "Ω": "ohms",
}  # fmt: skip
rewrite = Rules()
"""Punctuation and abbreviations, which come before the numbers."""


def is_latin(character: str) -> bool:
    """Tell whether a character is a Latin letter, with or without diacritics."""
    return character.isalpha() and fold_latin(character).isascii()


# In this order: what is read sign by sign first, what is left of the digits last.
RULES = (
    speak_codes, speak_names, rewrite, speak_dates, speak_ranges, speak_measures, speak_numbers,
)  # fmt: skip
_OF_DIGITS = (speak_ranges, speak_measures, speak_numbers)


def normalize(text: str) -> str:
    """Return one sentence as plain words and the marks , . ? ! only."""
    words = fold_latin(text)
    rules = RULES if re.search(r"\d", words) else [r for r in RULES if r not in _OF_DIGITS]
    words = functools.reduce(lambda written, rule: rule(written), rules, words)
    words = "".join(f" {_SIGNS[c]} " if c in _SIGNS else c for c in words)
    words = re.sub(r"[;:](?=\s|$)", ",", words).replace("。", ".")
    words = re.sub(r"[^\w\s',.?!]|_", " ", words)
    words = re.sub(r"([,.?!])(?=\w)", r"\1 ", words)
    return re.sub(r" (?=[,.?!])", "", " ".join(words.split()))


@rewrite.rule(r"\.{2,}(\s*$)?")
def _ellipsis(match: re.Match[str]) -> str:
    """Well... yes -> Well, yes."""
    return "." if match[1] is not None else ", "


@rewrite.rule(r"\s*—+\s*|\s*-{2,}\s*|\s+[-–]+\s+(?!\d)|(?<![\d%\s])\s*–\s*|^-\s")
def _dash(match: re.Match[str]) -> str:
    """A pause - like this -> A pause, like this."""
    return ", "


@rewrite.rule(r"(?<![\w.])(\d{1,2})'\s?(\d{1,2})\"?(?!\w)")
def _height(match: re.Match[str]) -> str:
    """5'10 -> 5 foot 10."""
    return f"{match[1]} foot {match[2]}"


@rewrite.rule(rf"(?<![\w.])({NUMBER})\"(?=$|[\s,.;)])")
def _inch_sign(match: re.Match[str]) -> str:
    """A 12" -> A twelve inches."""
    if match.string.count('"') > 1:  # the end of a quotation
        return match[0]
    return count(match[1], "inch", "inches")


@rewrite.rule(r"\s*[()\[\]{}]+")
def _bracket(match: re.Match[str]) -> str:
    """A pause (like this) too -> A pause, like this, too."""
    return ", "


@rewrite.rule(r"\"|(?<!\w)'+(?!\d0s)|'+(?!\w)")
def _quote(match: re.Match[str]) -> str:
    """'Quoted' -> Quoted."""
    return " "


@rewrite.rule(r"#(?=\d)|\b[Nn]o\.\s?(?=\d)")
def _number_sign(match: re.Match[str]) -> str:
    """#5 -> number 5."""
    return "number "


@rewrite.rule(r"~(?=\d)")
def _about(match: re.Match[str]) -> str:
    """~5 -> about 5."""
    return "about "


@rewrite.rule(
    r"\b([A-Z][\w']{1,20}|\d{1,3}(?:st|nd|rd|th)) (Dr|Ave|Blvd|Rd)\b\.?(?=\s*$|[,;]|\s[a-z])"
    r"|\b()(Hwy)\b\.?"
)
def _street_without_a_number(match: re.Match[str]) -> str:
    """On Oak Dr is -> On Oak Drive is; Hwy 66 -> Highway 66."""
    name, street = (group for group in match.groups() if group is not None)
    stop = "." if match[0].endswith(".") and not match.string[match.end() :].strip() else ""
    return f"{name} {STREETS[street.lower()]}{stop}".lstrip()


@rewrite.rule(r"\b((?i:ph\.d|e\.g|i\.e|[a-z]+))\.(?!\w)")
def _abbreviation(match: re.Match[str]) -> str:
    """Dr. May, e.g., met Sen. Lee -> doctor May, for example, met senator Lee."""
    written, rest = match[1], match.string[match.end() :].lstrip()
    key = written.lower()
    meaning = _ANYWHERE.get(key)
    if written[0].isupper() and rest[:1].isupper():
        meaning = _TITLES.get(key, meaning)
    elif rest[:1].isdigit():
        meaning = _BEFORE_NUMBER.get(key, meaning)
    if meaning is None:
        return match[0]
    return meaning if rest else f"{meaning}."


@rewrite.rule(
    r"(?i)\b(?:(are|could|did|do|does|had|has|have|is|must|should|was|were|would)(n)(t)"
    r"|(that|there|what)()(s)|(they|you)()(re|ve))\b"
)
def _contraction(match: re.Match[str]) -> str:
    """I didnt, thats so -> I didn't, that's so."""
    word, negation, end = (group for group in match.groups() if group is not None)
    return f"{word}{negation}'{end}"


@rewrite.rule(r"\b((?:[A-Za-z]\.)+[A-Za-z])\.(?!\w)")
def _dotted(match: re.Match[str]) -> str:
    """The U.S. army -> The US army."""
    letters = match[1].replace(".", "").upper()
    return letters if match.string[match.end() :].strip() else f"{letters}."


@rewrite.rule(r"\b([A-Z])\.(?=\s+[A-Z])")
def _initial(match: re.Match[str]) -> str:
    """J. Smith -> J Smith."""
    return match[1]
