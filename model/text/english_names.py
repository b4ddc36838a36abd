# ruff: noqa: SIM905 - word lists read better as strings
"""Roman numerals and postal addresses in English words."""

import re

from model.text.counting import ordinal, say, say_by_pairs, spell
from model.text.rewriting import Rules, alternatives

_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
# Written with I, V and X alone, so that initials such as CD, MD, ID and XL are not numbers.
_SMALL = r"(?=[IVX]{2,})X{0,3}(?:IX|IV|V?I{0,3})"
_ANY_ROMAN = r"(?=[IVXLC])C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
# Followed by a number that is told to a reader, not a rank.
_COUNTED = (
    "act annex apollo appendix article book bowl canto category chapter class corps division "
    "episode fantasy figure gemini generation grade group level part phase round scene schedule "
    "season section stage symphony table tier title type vol volume war"
).split()
_RULERS = (
    "alexander alfonso baldwin benedict carl catherine charles christian clement conrad "
    "constantine darius edward elizabeth emmanuel ferdinand francis frederick george gregory "
    "gustav haakon harald henry innocent ivan james john joseph leo leopold louis mary "
    "maximilian mehmed murad napoleon nicholas otto paul peter philip pius ptolemy ramses "
    "richard robert rudolf selim stephen umberto urban victor wilhelm william xerxes"
).split()
_CROWNED = "emperor empress king pope prince queen sultan tsar".split()
# After what looks like a numeral, they make it the pronoun: Part I like best.
_VERBS = "am|can|could|did|do|had|have|know|like|love|think|want|was|will|would"

STREETS = {
    "st": "Street", "ave": "Avenue", "av": "Avenue", "blvd": "Boulevard", "rd": "Road",
    "dr": "Drive", "ln": "Lane", "ct": "Court", "pl": "Place", "sq": "Square", "hwy": "Highway",
    "pkwy": "Parkway", "ter": "Terrace",
}  # fmt: skip
_DIRECTIONS = {
    "N": "north", "S": "south", "E": "east", "W": "west", "NE": "northeast", "NW": "northwest",
    "SE": "southeast", "SW": "southwest",
}  # fmt: skip
_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DE": "Delaware", "DC": "D C", "FL": "Florida",
    "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana",
    "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine",
    "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota",
    "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada",
    "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York",
    "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon",
    "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
    "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia",
    "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
}  # fmt: skip

speak_names = Rules()
"""Rewrites numbered names and places."""


@speak_names.rule(rf"\b({_SMALL}|[VX])(?:th)?(?=\scentur(?:y|ies)\b)")
def _roman_century(match: re.Match[str]) -> str:
    """XIX century -> nineteenth century."""
    return ordinal(_value(match[1]))


@speak_names.rule(
    rf"\b((?i:{alternatives(_CROWNED)})\s[A-Z][a-z]+)\s(I|V|X|{_SMALL})(?![\w-])"
    rf"|\b((?i:{alternatives(_RULERS)}))\s(V|X|{_SMALL})(?![\w-])"
)
def _ruler(match: re.Match[str]) -> str:
    """Louis XIV -> Louis the fourteenth; King George I -> King George the first."""
    return f"{match[1] or match[3]} the {ordinal(_value(match[2] or match[4]))}"


@speak_names.rule(
    rf"\b((?i:{alternatives(_COUNTED)})\s)(?:((?=[IVXLC]{{2,}}){_ANY_ROMAN})|([VX]))(?![\w'-])"
)
def _numbered(match: re.Match[str]) -> str:
    """Chapter IV -> Chapter four."""
    return f"{match[1]}{say(_value(match[2] or match[3]))}"


@speak_names.rule(
    rf"\b((?:{alternatives(word.title() for word in _COUNTED)})\s)I(?![\w'-])(?!\s(?:{_VERBS})\b)"
)
def _first(match: re.Match[str]) -> str:
    """Class I -> Class one; World War I began -> World War one began."""
    return f"{match[1]}one"


@speak_names.rule(rf"(?<=[a-z]\s)({_SMALL})(?![\w'-])(?!\s(?:fluids?|drips?|lines?|bags?)\b)")
def _sequel(match: re.Match[str]) -> str:
    """Rocky IV -> Rocky four."""
    before = match.string[: match.start()].split()[-1]
    return say(_value(match[1])) if before[0].isupper() else match[0]


def _value(roman: str) -> str:
    values = [_ROMAN[letter] for letter in roman]
    following = [*values[1:], 0]
    return str(sum(-v if v < n else v for v, n in zip(values, following, strict=True)))


@speak_names.rule(
    rf"\b(\d{{1,5}})([A-Z]?)\s(?:([NSEW]{{1,2}})\.?\s)?"
    rf"((?:[A-Z][\w'-]{{1,20}}|\d{{1,3}}(?:st|nd|rd|th))(?:\s[A-Z][\w'-]{{1,20}}){{0,2}}?)\s"
    rf"({alternatives(word.title() for word in STREETS)})\b\.?"
    rf"(?:\s({alternatives(_DIRECTIONS)})\b)?(\s*$|\s+(?=[A-Z]))?"
)
def _street(match: re.Match[str]) -> str:
    """708 N 1st St, Albany -> seven oh eight north 1st Street, Albany."""
    house, letter, side, name, street, quarter, end = match.groups()
    words = [say_by_pairs(house) if len(house) < 5 else spell(house), letter]
    words += [_DIRECTIONS.get(side or "", side or ""), name, STREETS[street.lower()]]
    words += [_DIRECTIONS[quarter] if quarter else ""]
    stop = ". " if end is not None and re.search(r"\.\s*$", match[0]) else end or ""
    return " ".join(filter(None, words)) + stop


@speak_names.rule(rf",?\s({alternatives(_STATES)})\s(\d{{5}})(?:-(\d{{4}}))?\b(?!,?\d)")
def _zip_code(match: re.Match[str]) -> str:
    """Albany, NY 12207 -> Albany, New York, one two two zero seven."""
    digits = ", ".join(spell(group) for group in match.groups()[1:] if group)
    return f", {_STATES[match[1]]}, {digits}"


@speak_names.rule(r"\b(Apt|Ste)\.?\s(?=#?\d)")
def _apartment(match: re.Match[str]) -> str:
    """Apt 4B -> apartment 4B."""
    return {"Apt": "apartment ", "Ste": "suite "}[match[1]]
