# ruff: noqa: RUF001, SIM905 - phonetic letters are meant; word lists read better as strings
"""English: gruut's tagger, lexicon and letter-to-sound model, filled in where it has gaps."""

import functools
import itertools
import json
import logging
import re
import sqlite3
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from model.text.inventory import COMMA, EXCLAMATION, PERIOD, QUESTION
from model.text.ipa import read_ipa
from model.text.word import LETTER_A, Word, pause

_LANG = "en_US"
_TURN = threading.Lock()  # neither gruut's lexicon cache nor its models are reentrant
_PAUSE_OF = {".": PERIOD, "?": QUESTION, "!": EXCLAMATION}
_SHORTEST_ACRONYM = 4  # NASA is said as a word, FBI by its letters
_SHORTEST_SHOUT = 3  # words; a text all in capitals shouts, it does not abbreviate

# Said without stress unless a pause follows, where stress returns ("Yes, it is.").
_WEAK_WORDS = frozenset(
    "a an the and or but nor of to in on at by for from with as than if is am are was were be been "
    "has have had do does did will would can could should shall must may might it its he him his "
    "she her they them their we us our you your i my me that this these those there".split()
)
# Short words that are written in capitals for emphasis, unlike US, IT or AM.
_EMPHASISED = frozenset(
    "all and any are but can did do for get go had has her him his how its let may my new no nor "
    "not now off old one our out own so the too two up was we who why yes yet you".split()
)
# Short abbreviations that are said as words.
_SAID_AS_WORDS = frozenset("lan ram rom sim wan".split())
# Words that the lexicon lacks and the letter-to-sound model gets wrong.
_PRONUNCIATIONS = {
    LETTER_A.lower(): "ˈeɪ",
    "cafe": "k æ f ˈeɪ",
    "covid": "k ˈoʊ v ɪ d",
    "gif": "ɡ ˈɪ f",
    "jpeg": "d͡ʒ ˈeɪ p ˌɛ ɡ",
    "github": "ɡ ˈɪ t h ˌʌ b",
    "linux": "l ˈɪ n ə k s",
    "naive": "n ˌaɪ ˈi v",
    "shh": "ʃ",
    "psst": "p s t",
    "phd": "p ˌi ˌeɪ t͡ʃ d ˈi",
    "ios": "ˌaɪ ˌoʊ ˈɛ s",
    "youtube": "j ˈu t ˌu b",
}
# Spelled even where they are not written in capitals; without a vowel, all unknown words are.
_INITIALISMS = frozenset(
    "abc api atm bmw ceo cia cpu diy dna ecg eu faq gpu gui iq irs mba nba nsa oem "
    "rna tba ufo uk url usa usb usd vip".split()
)

# British spellings of words that the lexicon has in American: organised, programme, offence.
_BRITISH = tuple(
    (re.compile(british), american)
    for british, american in (
        (r"is(e[drs]?|ers|ing|ations?)$", r"iz\1"),
        (r"ys(e[drs]?|ing)$", r"yz\1"),
        (r"our", "or"),
        (r"mme(s?)$", r"m\1"),
        (r"ence(s?)$", r"ense\1"),
        (r"tre(s?)$", r"ter\1"),
        (r"ll(?=e[dr]|ing)", "l"),
    )
)

# Misaki's letters for diphthongs and affricates.
_MISAKI = str.maketrans({"A": "eɪ", "I": "aɪ", "O": "oʊ", "W": "aʊ", "Y": "ɔɪ", "T": "t"})

_SPELLED = re.compile(r"([A-Z]{2,})('?s)?")
# What names or grades something by a letter, and what follows a letter but no article.
_LETTER_A = re.compile(
    r"(?:(?<=\b[Pp]lan )|(?<=\b[Oo]ption )|(?<=\b[Gg]rade )|(?<=\b[Tt]ype )|(?<=\b[Gg]roup )"
    r"|(?<=\b[Cc]lass )|(?<=\b[Vv]itamin )|(?<=\b[Ss]ection )|(?<=\b[Hh]epatitis )"
    r"|(?<=\b[Ll]etter )|(?<=\b[Tt]eam )|(?<=\b[Ee]xhibit )|(?<=\b[Aa]ppendix )|(?<=\b[Tt]he )"
    r"|(?<=\b[Aa]n ))A(?![\w'])"
    r"|(?<![\w'])A(?=\s*[,.?!]|\s*$|\s(?:and|or|is|was|in|on|to|plus)\s)"
)
_SIBILANTS = frozenset("s z ʃ ʒ t͡ʃ d͡ʒ".split())
_VOICELESS = frozenset("p t k f θ".split())


class _Engine:
    """gruut over a lexicon held in memory."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what gruut imports, on invalid escapes
            import gruut
            import gruut_lang_en
            from gruut.lang import get_settings
            from gruut.phonemize import SqlitePhonemizer

        logging.getLogger("gruut").setLevel(logging.CRITICAL)
        folder = gruut_lang_en.get_lang_dir()
        # The lexicon's table has no index, so that each new word costs a scan of 9 ms; a copy
        # in memory with an index answers in 6 microseconds, and to any thread.
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        packaged = sqlite3.connect(f"file:{folder / 'lexicon.db'}?mode=ro", uri=True)
        packaged.backup(connection)
        packaged.close()
        connection.execute("CREATE INDEX by_word ON word_phonemes (word)")
        self._lexicon: Callable[..., list[str] | None] = SqlitePhonemizer(connection)
        settings = get_settings(
            "en-us", lang_dir=folder, lookup_phonemes=self.lookup, is_initialism=None
        )
        self._guess: Callable[[str], list[str] | None] = settings.guess_phonemes
        self.spoken: Mapping[str, tuple[str, ...]] = {}  # words that the user pronounces
        self._processor = gruut.TextProcessor(default_lang=_LANG, settings={_LANG: settings})

    def lookup(
        self, word: str, role: str | None = None, do_transforms: bool = True
    ) -> list[str] | None:
        """Return what gruut should say for a word, or None where it must guess."""
        lower = word.lower()
        if lower in self.spoken:
            return list(self.spoken[lower])
        if lower in _PRONUNCIATIONS:
            return _PRONUNCIATIONS[lower].split()
        if initialism := _SPELLED.fullmatch(word):
            letters, plural = initialism.groups()
            return self._spell(letters) + (["z"] if plural else [])
        known = self._lexicon(lower, role)
        if known is None and lower.endswith("'s"):
            owner = re.sub(r"('s)+$", "", word)
            return _possessive(self.lookup(owner, role) or self._guess(owner.lower()) or [])
        if known is None and (lower in _INITIALISMS or _has_no_vowel(lower)):
            return self._spell(lower)
        return known or self._american(lower, role) or _rare(word)

    def _american(self, british: str, role: str | None) -> list[str] | None:
        spellings = (pattern.sub(american, british) for pattern, american in _BRITISH)
        found = (self._lexicon(s, role) for s in spellings if s != british)
        return next(filter(None, found), None)

    def knows(self, word: str) -> bool:
        """Tell whether the lexicon has the word."""
        return self._lexicon(word.lower()) is not None

    def _spell(self, letters: str) -> list[str]:
        names = (self._lexicon(letter, "gruut:letter") or [] for letter in letters.lower())
        return list(itertools.chain.from_iterable(names))

    def words(self, text: str) -> list[Any]:
        """Return gruut's words of a text, breaks among them."""
        graph, root = self._processor(text, lang=_LANG)
        sentences = self._processor.sentences(graph, root)
        return [word for sentence in sentences for word in sentence]


@functools.cache
def _rare_words() -> Mapping[str, str]:
    """Read misaki's dictionaries (Apache-2.0): 180,000 words, many of which gruut's lacks."""
    (folder,) = find_spec("misaki").submodule_search_locations  # type: ignore[union-attr, misc]
    words: dict[str, str] = {}
    for name in ("us_silver.json", "us_gold.json"):  # gold, checked by people, wins
        entries = json.loads((Path(folder) / "data" / name).read_text("utf-8"))
        words |= {
            w: said if isinstance(said, str) else said["DEFAULT"] for w, said in entries.items()
        }
    return words


def _rare(word: str) -> list[str] | None:
    """Return the phonemes of a word that gruut's lexicon lacks; None where misaki lacks it too."""
    lower = word.lower()
    words = _rare_words()
    said = words.get(word) or words.get(lower) or words.get(lower.capitalize())
    return list(read_ipa(said.translate(_MISAKI))) if said else None


def _has_no_vowel(word: str) -> bool:
    return word.isalpha() and not set("aeiouy") & set(word)


def _possessive(owner: list[str]) -> list[str]:
    if not owner:
        return owner
    if owner[-1] in _SIBILANTS:
        return [*owner, "ɪ", "z"]
    return [*owner, "s" if owner[-1] in _VOICELESS else "z"]


@functools.cache
def _engine() -> _Engine:
    return _Engine()


def pronounce(text: str, spoken: Mapping[str, tuple[str, ...]]) -> list[Word]:
    """Return the words and pauses of one normalised sentence.

    Args:
        text: The sentence.
        spoken: Phonemes of words that the user pronounces.
    """
    with _TURN:
        _engine().spoken = spoken
        words = list(_read(_lower_acronyms(_split_camel_case(_name_letter_a(text)))))
    return [
        _weaken(word) if _is_weak(word, following) else word
        for word, following in itertools.zip_longest(words, words[1:])
    ]


def _read(text: str) -> Iterator[Word]:
    for word in _engine().words(text):
        if word.is_minor_break:
            yield pause(COMMA)
        elif word.is_major_break:
            yield pause(_PAUSE_OF.get(word.text[-1:], PERIOD))
        elif word.phonemes:
            yield Word(word.text, tuple(word.phonemes))


def _name_letter_a(text: str) -> str:
    """Mark A where it is the letter: Plan A, the A train, A and B; not in A dog barked."""
    return _LETTER_A.sub(LETTER_A, text)


def _lower_acronyms(text: str) -> str:
    """Lower the words in capitals that are said as words, and leave those that are spelled."""
    capitals = re.findall(r"\b[A-Z']{2,}\b", text)
    shouts = text.upper() == text and len(capitals) >= _SHORTEST_SHOUT

    def lower(match: re.Match[str]) -> str:
        word = match[0]
        is_word = (
            shouts or len(word) >= _SHORTEST_ACRONYM or word.lower() in _EMPHASISED | _SAID_AS_WORDS
        )
        return word.lower() if is_word and _engine().knows(word) else word

    return re.sub(r"\b[A-Z][A-Z']+\b", lower, text)


def _split_camel_case(text: str) -> str:
    """Split what the lexicon has not in one piece: MobileSpeech, but not YouTube."""

    def split(match: re.Match[str]) -> str:
        if _engine().lookup(match[0]) is not None:
            return match[0]
        return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", match[0])

    return re.sub(r"\b[A-Za-z]*[a-z][A-Z][A-Za-z]*\b|\b[A-Z]{2,}[a-z]{2,}\b", split, text)


def _is_weak(word: Word, following: Word | None) -> bool:
    is_initialism = len(word.text) > 1 and word.text.isupper()  # US, IT
    if is_initialism or following is None or following.is_pause:
        return False
    return word.text.lower() in _WEAK_WORDS


def _weaken(word: Word) -> Word:
    return Word(word.text, tuple(phoneme.lstrip("ˈˌ") for phoneme in word.phonemes))
