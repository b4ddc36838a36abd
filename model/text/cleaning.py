# ruff: noqa: RUF001 - the signs are meant
"""From any Unicode string to sentences of known characters."""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator

# What compatibility normalisation alone would spoil: it glues 2½ to 21/2 and makes 10² a 102.
_BEFORE_NFKC = str.maketrans(
    {
        "≠": "!=", "™": "", "®": "", "©": "", "\u2044": "/", "…": "...", "‥": "...",
        "‘": "'", "’": "'", "‛": "'", "ʼ": "'", "′": "'", "`": "'",
        # an opening quote keeps its distance, lest it close the sentence before
        "“": ' "', "”": '"', "„": ' "', "‟": ' "', "″": '"', "«": ' "', "»": '"',
        "‐": "-", "‑": "-", "‒": "–", "―": "—", "−": "-",
        "、": ", ", "，": ", ", "·": " ", "・": " ", "【": "(", "】": ")", "〔": "(", "〕": ")",
        "《": ' "', "》": '"', "〈": ' "', "〉": '"', "「": ' "', "」": '"', "『": ' "', "』": '"',
    }
)  # fmt: skip

# Latin letters that no decomposition takes apart.
_LATIN = str.maketrans(
    {
        "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d",
        "Đ": "D", "ł": "l", "Ł": "L", "þ": "th", "Þ": "Th", "ð": "th", "Ð": "Th", "ı": "i",
        "ħ": "h", "Ħ": "H",
    }
)  # fmt: skip

_INVISIBLE_IN_WORDS = frozenset({"Cf", "Mn", "Me"})  # soft hyphens, joiners, stray accents
_BLANK = frozenset({"Cc", "Zs", "Zl", "Zp"})
_PUNCTUATION = frozenset(" \n!\"#$%&'()*+,-./:;<=>?@[]^_{}|~–—。°±×÷£€¥§µ\\₹₩₽₿¢‰≈≤≥∞√Ω")

# 10⁻³ -> 10^-3, before compatibility normalisation makes it 10-3
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺"
_SUPERSCRIPT = re.compile(rf"(?<=[\w)])[⁻⁺]?[{_SUPERSCRIPTS[:-2]}]++")
_PLAIN_SUPERSCRIPTS = str.maketrans(_SUPERSCRIPTS, "0123456789-+")

# Tags of HTML and of the Speech Synthesis Markup Language, and of sounds that other systems make.
_TAGS = (
    "a|abbr|amazon:\\w+|audio|b|blockquote|body|br|breath|breathing|code|cough|div|em|emphasis|font|"
    "h[1-6]|head|hr|html|i|img|lang|laugh|laughter|lexicon|li|mark|mstts:\\w+|noise|ol|p|par|phoneme|"
    "pre|prosody|q|s|say-as|seq|sigh|small|span|speak|strong|sub|sup|table|td|th|title|tr|tt|u|ul|"
    "voice|w"
)
# An attribute has a value, so that a <b and c> d is no tag.
_ATTRIBUTES = r"(?:\s+[\w:-]{1,40}\s?=[^<>]{0,300})?\s?/?"
_TAG = re.compile(rf"</?(?:{_TAGS}){_ATTRIBUTES}>", re.IGNORECASE)
_BREAK = re.compile(rf"<break{_ATTRIBUTES}>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,7}|#x[0-9a-fA-F]{1,6});")

# Full stops that end no sentence: after titles and initials, and after what numbers follow.
_TITLES = r"Mr|Mrs|Ms|Dr|Drs|Prof|St|Mt|Ft|Gen|Sen|Rep|Gov|Capt|Lt|Col|Sgt|Rev|Hon|Maj|Cmdr|Messrs"
_NO_END = re.compile(rf"\b(?:{_TITLES}|vs|e\.g|i\.e|cf|[A-Z](?:\.[A-Z])*)\.$")
_NO_END_BEFORE_NUMBER = re.compile(
    r"\b(?:[Nn]os?|[Ff]igs?|[Vv]ol|[Cc]h|pp?|[Ee]q|[Ss]ec|ca"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|approx|[Aa]pt|[Ee]xt)\.$"
)
_END = re.compile(
    r"(?:(?<![.!?])[.!?]+[\"')\]]*(?=\s)|。[\"')\]]*|(?<=[^\x00-\x7f])[!?]+[\"')\]]*)\s*"
)
_REPEATED = re.compile(r"([^\w\s])\1{3,}")  # ten exclamation marks say no more than three
_PARAGRAPH = re.compile(r"\n\s*\n\s*")


def strip_markup(text: str) -> str:
    """Return the text without the tags of HTML and SSML; a break is a comma.

    `<` and `>` that belong to no known tag stay: 3 < 5 is a statement.
    """
    plain = _TAG.sub(" ", _BREAK.sub(", ", text))
    return _ENTITY.sub(lambda match: html.unescape(match[0]), plain)


def normalize_characters(text: str) -> str:
    """Return the text with one character for each of Unicode's many forms of it."""
    text = _SUPERSCRIPT.sub(lambda match: f"^{match[0].translate(_PLAIN_SUPERSCRIPTS)}", text)
    spread = (
        f" {_fraction(c)}" if unicodedata.decomposition(c).startswith("<fraction>") else c
        for c in text.translate(_BEFORE_NFKC)
    )
    plain = unicodedata.normalize("NFKC", "".join(spread)).translate(_BEFORE_NFKC)
    return _REPEATED.sub(r"\1\1\1", plain.replace("\u03bc", "µ"))


def _fraction(character: str) -> str:
    return unicodedata.normalize("NFKC", character).replace("\u2044", "/")


def fold_latin(text: str) -> str:
    """Return the text with Latin letters bare of their diacritics: é -> e, ø -> o."""
    decomposed = unicodedata.normalize("NFD", text.translate(_LATIN))
    return unicodedata.normalize(
        "NFC", "".join(c for c in decomposed if not unicodedata.combining(c))
    )


def drop_unknown(text: str, is_letter: Callable[[str], bool]) -> tuple[str, tuple[str, ...]]:
    """Keep letters, ASCII digits and known punctuation.

    Returns:
        The text, and each visible character that was dropped, once. Control and format
        characters, variation selectors and stray accents go without a word.
    """
    kept: list[str] = []
    dropped: dict[str, None] = {}
    for character in text:
        is_digit = character.isascii() and character.isdigit()
        if is_digit or character in _PUNCTUATION or is_letter(character):
            kept.append(character)
        else:
            category = unicodedata.category(character)
            if category in _INVISIBLE_IN_WORDS:
                continue
            kept.append(" ")
            if category not in _BLANK:
                dropped[character.encode("utf-8", "backslashreplace").decode()] = None
    return re.sub(r"[ \t]+", " ", "".join(kept)).strip(), tuple(dropped)


def split_sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text; a blank line ends one, a single line break does not."""
    for paragraph in _PARAGRAPH.split(text):
        line = re.sub(r"\s+", " ", paragraph).strip()
        start = 0
        for end in _END.finditer(line):
            before, after = line[start : end.end()].rstrip(), line[end.end() :]
            if after[:1].islower() or _NO_END.search(before):
                continue
            if after[:1].isdigit() and _NO_END_BEFORE_NUMBER.search(before):
                continue
            yield before
            start = end.end()
        if rest := line[start:].strip():
            yield rest
