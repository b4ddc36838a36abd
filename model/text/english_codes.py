# ruff: noqa: SIM905 - the signs are meant; word lists read better as strings
"""Addresses of the net, names in code, telephone and serial numbers: said sign by sign."""

import re

from model.text.counting import say, say_by_pairs, spell, spell_groups
from model.text.rewriting import Rules, alternatives
from model.text.word import LETTER_A

_SIGNS = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", ":": "colon",
    "?": "question mark", "=": "equals", "&": "and", "#": "hash", "%": "percent", "+": "plus",
    "~": "tilde",
}  # fmt: skip
_TOP_DOMAINS = "com org net edu gov io ai dev co uk de cn eu info".split()
_OPERATORS = {
    "!=": "not equal to", "==": "equals", ">=": "greater than or equal to",
    "<=": "less than or equal to", "&&": "and", "||": "or",
}  # fmt: skip

speak_codes = Rules()
"""Rewrites what is said sign by sign; no digit of it is left for the rules on numbers."""


def _by_sign(code: str) -> str:
    """Return an address or a name with its signs named and its digits said one by one."""
    named = "".join(f" {_SIGNS[c]} " if c in _SIGNS else c for c in code)
    return re.sub(r"\d+", lambda digits: f" {spell(digits[0])} ", named)


@speak_codes.rule(
    r"\b[a-z]+://[^\s,;()\"]*[\w/]|\bwww\.[^\s,;()\"]*\w"
    r"|(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+"
    rf"|(?<![\w.-])(?:[\w-]++\.)+(?:{alternatives(_TOP_DOMAINS)})\b(?!\.\w)(?:/[\w./-]*\w)?"
)
def _address(match: re.Match[str]) -> str:
    """https://a.org/b1 -> a dot org slash b one."""
    address = re.sub(r"^[a-z]+://", "", match[0]).rstrip("/")
    return _by_sign(re.sub(r"^www\.", "WWW.", address))


@speak_codes.rule(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)(?:[/:]\d++)?")
def _internet_address(match: re.Match[str]) -> str:
    """192.168.0.40 -> one nine two dot one six eight dot zero dot four zero."""
    return _by_sign(match[0])


@speak_codes.rule(r"(?<![\w.-])(?:localhost|(?:[a-z][\w-]*+\.)++[a-z]++):\d{2,5}\b")
def _port(match: re.Match[str]) -> str:
    """localhost:8080 -> localhost colon eight zero eight zero."""
    return _by_sign(match[0])


@speak_codes.rule(r"(?<![\w.])(?!(?i:ph\.d)\b)[A-Za-z]\w++(?:\.[a-z]\w*+)+(?![\w.])")
def _file_name(match: re.Match[str]) -> str:
    """file.tar.gz -> file dot tar dot gz; Node.js -> Node dot js."""
    return _by_sign(match[0])


@speak_codes.rule(r"(?<![\w.)])\.([A-Za-z]{2,})(?!\w)")
def _leading_dot(match: re.Match[str]) -> str:
    """.NET -> dot net."""
    return f" dot {match[1].lower()}"


@speak_codes.rule(r"(?<!\S)(--?)(?=[A-Za-z])(?:(?<=--)([a-z][\w-]*)|(\w)(?![\w'-]))")
def _flag(match: re.Match[str]) -> str:
    """--no-color -> dash dash no color; -v -> dash v."""
    words = (match[2] or match[3]).replace("-", " ")
    return f"{' dash' * len(match[1])} {words}"


@speak_codes.rule(r"(?<=\w)_+(id\b|)(?=\w|\b)")
def _underscore(match: re.Match[str]) -> str:
    """a_b -> a underscore b; user_id -> user underscore ID."""
    return f" underscore {match[1].upper()}"


@speak_codes.rule(r"\b([A-Z]):\\")
def _drive(match: re.Match[str]) -> str:
    r"""C:\temp -> C colon backslash temp."""
    return f"{match[1]} colon backslash "


@speak_codes.rule(r"\b([CFJ])#(?!\w)")
def _sharp(match: re.Match[str]) -> str:
    """C# -> C sharp."""
    return f"{match[1]} sharp"


@speak_codes.rule(r"#(?=[A-Za-z])")
def _hashtag(match: re.Match[str]) -> str:
    """#tag -> hashtag tag."""
    return "hashtag "


@speak_codes.rule(rf"\s*({alternatives(_OPERATORS)})\s*")
def _operator(match: re.Match[str]) -> str:
    """If x != y -> If x not equal to y."""
    return f" {_OPERATORS[match[1]]} "


@speak_codes.rule(r"(?<![\w/])w/(?:(o)\b|(?=\s?\w))")
def _with(match: re.Match[str]) -> str:
    """Tea w/o milk, w/ sugar -> Tea without milk, with sugar."""
    return "without" if match[1] else "with "


@speak_codes.rule(
    r"(?<![\w.+])(\+\d{1,3}[-. ]?)?\((\d{2,4})\)[-. ]?(\d{3,4})[-. ]?(\d{4})(?![\d-])"
)
def _telephone_with_brackets(match: re.Match[str]) -> str:
    """(123)-123-5678 -> one two three, one two three, five six seven eight."""
    return f"{'plus ' if match[1] else ''}{spell_groups(match[0])}"


@speak_codes.rule(r"(?<![\w.+])\+\d{1,3}(?:[-. ]\d{2,5}){2,5}(?![\d.])")
def _international_telephone(match: re.Match[str]) -> str:
    """+44 20 7946 0958 -> plus four four, two zero, seven nine four six, zero nine five eight."""
    return f"plus {spell_groups(match[0])}"


@speak_codes.rule(r"(?<![\w.-])(?:1[-. ])?(?:\d{3}[-. ])?\d{3}[-.]\d{4}(?![-.]?\d)")
def _telephone(match: re.Match[str]) -> str:
    """555-1234 -> five five five, one two three four."""
    return spell_groups(match[0])


@speak_codes.rule(r"(?<![\w.,-])(?:\d{4}(?: \d{4}){3}|0\d{2,4}(?: \d{3,6}){1,3})(?![\w-]|[.,]\d)")
def _card(match: re.Match[str]) -> str:
    """07700 900123 -> zero seven seven zero zero, nine zero zero one two three."""
    return spell_groups(match[0])


@speak_codes.rule(r"(?<![\w.-])((?:1-)?\d{3})-(?=[A-Z]{4,}\b)")
def _telephone_of_letters(match: re.Match[str]) -> str:
    """1-800-FLOWERS -> one, eight zero zero FLOWERS."""
    return f"{spell_groups(match[1])} "


@speak_codes.rule(
    r"(?<![\w.,:/-])(?!\d{1,2}-\d{1,2}-\d{4}\b|\d{4}-\d\d?-\d\d?(?!-))(?:\d++(?:-\d++){2,}|0\d++-\d++)(?![\w-])"
)
def _serial_number(match: re.Match[str]) -> str:
    """987-65-4321 -> nine eight seven, six five, four three two one."""
    return spell_groups(match[0])


@speak_codes.rule(
    r"\b((?i:call|dial|ring)(?:ed|ing|s)?\s)(\d{3})\b(?![-.,:%]?\d|%|\s\w+s\b)"
    r"|()\b(911)(?=\s(?:operator|call|dispatch))"
)
def _emergency_number(match: re.Match[str]) -> str:
    """Call 911 -> Call nine one one."""
    return f"{match[1] or ''}{spell(match[2] or match[4])}"


@speak_codes.rule(r"\b(?i:versions?|python|java|node|ruby|php)\s(\d+)\.(\d\d+)\b(?!\.?\d)")
def _two_part_version(match: re.Match[str]) -> str:
    """Python 3.11 -> Python three point eleven."""
    whole = match[0][: match.start(1) - match.start()]
    return f"{whole}{say(match[1])} point {say(match[2])}"


@speak_codes.rule(r"\bA(?=-?\d|/[A-Z])")
def _letter_a(match: re.Match[str]) -> str:
    """A4 -> Á4."""
    return LETTER_A


@speak_codes.rule(r"\b((?i:boeing|airbus|flight|room|port)\s[A-ZÁ]{0,2})(\d{3,4})\b(?![.,:-]?\d)")
def _numbered_by_pairs(match: re.Match[str]) -> str:
    """Boeing 747 -> Boeing seven forty seven; port 8080 -> port eighty eighty."""
    return f"{match[1]}{' ' * match[1][-1].isalpha()}{say_by_pairs(match[2])}"


@speak_codes.rule(
    r"\b((?i:ext(?:ension|\.)?|(?:pin|code)(?: is)?|text|ending in)\s)(\d{3,8})\b(?![.,:-]?\d)"
)
def _numbered_by_digits(match: re.Match[str]) -> str:
    """Extension 4021 -> Extension four zero two one."""
    return f"{match[1]}{spell(match[2])}"
