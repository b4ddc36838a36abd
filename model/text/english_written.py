# ruff: noqa: RUF001 - the signs are meant
"""Written English to plain words and the marks , . ? ! only."""

import re

from model.text.cleaning import fold_latin
from model.text.english_numbers import speak_numbers
from model.text.rewriting import Rules, alternatives

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
    "µ": "micro", "\\": "backslash", "^": "to the power of",
}  # fmt: skip
_ADDRESS_SIGNS = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", ":": "colon",
    "?": "question mark", "=": "equals", "&": "and", "#": "hash", "%": "percent", "+": "plus",
    "~": "tilde",
}  # fmt: skip
_TOP_DOMAINS = "com org net edu gov io ai dev co uk de cn eu info".split()  # noqa: SIM905

rewrite = Rules()
"""What comes before the numbers: addresses, punctuation, abbreviations."""


def is_latin(character: str) -> bool:
    """Tell whether a character is a Latin letter, with or without diacritics."""
    return character.isalpha() and fold_latin(character).isascii()


def normalize(text: str) -> str:
    """Return one sentence as plain words and the marks , . ? ! only."""
    words = speak_numbers(rewrite(fold_latin(text)))
    words = "".join(f" {_SIGNS[c]} " if c in _SIGNS else c for c in words)
    words = re.sub(r"[;:](?=\s|$)", ",", words).replace("。", ".")
    words = re.sub(r"[^\w\s',.?!]|_", " ", words)
    words = re.sub(r"([,.?!])(?=\w)", r"\1 ", words)
    return re.sub(r" (?=[,.?!])", "", " ".join(words.split()))


@rewrite.rule(
    r"\b[a-z]+://[^\s,;()\"]*[\w/]|\bwww\.[^\s,;()\"]*\w"
    r"|(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+"
    rf"|(?<![\w.-])(?:[\w-]++\.)+(?:{alternatives(_TOP_DOMAINS)})\b(?!\.\w)(?:/[\w./-]*\w)?"
)
def _address(match: re.Match[str]) -> str:
    """https://a.org/b -> a dot org slash b."""
    address = re.sub(r"^[a-z]+://", "", match[0]).rstrip("/")
    address = re.sub(r"^www\.", "WWW.", address)
    return "".join(f" {_ADDRESS_SIGNS[c]} " if c in _ADDRESS_SIGNS else c for c in address)


@rewrite.rule(r"\.{2,}(\s*$)?")
def _ellipsis(match: re.Match[str]) -> str:
    """Well... yes -> Well, yes."""
    return "." if match[1] is not None else ", "


@rewrite.rule(r"\s*—+\s*|\s*-{2,}\s*|\s+[-–]+\s+(?!\d)|(?<!\d)\s*–\s*|^-\s")
def _dash(match: re.Match[str]) -> str:
    """A pause - like this -> A pause, like this."""
    return ", "


@rewrite.rule(r"\((\d{3})\)\s?(?=\d{3}-\d{4})")
def _area_code(match: re.Match[str]) -> str:
    """(555) 123-4567 -> 555-123-4567."""
    return f"{match[1]}-"


@rewrite.rule(r"(?<![\w.])(\d{1,2})'\s?(\d{1,2})\"?(?!\w)")
def _height(match: re.Match[str]) -> str:
    """5'10 -> 5 foot 10."""
    return f"{match[1]} foot {match[2]}"


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
