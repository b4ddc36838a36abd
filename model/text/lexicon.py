"""Pronunciations of the user's own: a file of words, and phonemes within a text as [[ˈpɪksəl]]."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from model.errors import ConfigError, InputError
from model.text.cleaning import normalize_characters
from model.text.inventory import PHONEMES
from model.text.ipa import Phonemes, read_ipa
from model.text.mandarin import pinyin_tokens
from model.toml_files import read_toml

LARGEST_BYTES = 2**24
_PINYIN = re.compile(r"[a-zü]+[1-5](?:\s+[a-zü]+[1-5])*", re.IGNORECASE)
_INLINE = re.compile(r"\[\[([^\[\]]{1,200})\]\]")
# Nonsense that no text holds: it goes through the rules of normalization as a word.
_STAND_IN = re.compile(r"zqxj[a-p]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Lexicon:
    """How words are to be said.

    Attributes:
        name: Of the file.
        entries: (language, word in lower case, /phonemes/ or other words), sorted.
    """

    name: str = ""
    entries: tuple[tuple[str, str, str], ...] = ()

    @property
    def sha256(self) -> str:
        """Hash of the entries."""
        return hashlib.sha256(repr(self.entries).encode()).hexdigest()


NO_LEXICON = Lexicon()


@dataclass(frozen=True)
class Marked:
    """A text in which words with a pronunciation of their own have stand-ins.

    Attributes:
        text: The text.
        spoken: Stand-in -> phonemes.
        written: Stand-in -> what was written.
    """

    text: str
    spoken: Mapping[str, Phonemes]
    written: Mapping[str, str]

    def restore(self, text: str) -> str:
        """Return a part of the text as it was written."""
        return _STAND_IN.sub(lambda match: self.written.get(match[0].lower(), match[0]), text)


def read_lexicon(path: Path) -> Lexicon:
    """Read a lexicon: one TOML table per language, of words and their pronunciations.

    A pronunciation between slashes is IPA (English) or pinyin with tones (Mandarin); one without
    is other words to read: `Nguyen = "win"`, `pixel = "/ˈpɪksəl/"`.

    Raises:
        ConfigError: The file cannot be read, or holds what is no pronunciation.
    """
    from model.text.languages import LANGUAGES

    document = read_toml(path, "lexicon", LARGEST_BYTES)
    entries: dict[tuple[str, str], str] = {}
    for lang, words in document.items():
        if lang not in tuple(LANGUAGES) or not isinstance(words, dict):
            raise ConfigError(f"lexicon {path}: {lang!r:.80} is no table of {', '.join(LANGUAGES)}")
        for written, said in words.items():
            word = normalize_characters(written).strip()  # as the text will be
            if not (isinstance(said, str) and said.strip() and word):
                raise ConfigError(
                    f"lexicon {path}: {written!r:.80} = {said!r:.80} is no pronunciation"
                )
            if said.startswith("/"):
                try:
                    read_phonemes(said.strip("/"))
                except InputError as error:
                    raise ConfigError(f"lexicon {path}: {written!r:.80}: {error}") from None
            key = lang, word.lower()
            if entries.setdefault(key, said.strip()) != said.strip():
                raise ConfigError(
                    f"lexicon {path}: {written!r:.80} has two pronunciations, as case does not"
                    f" matter: {entries[key]!r:.80} and {said!r:.80}"
                )
    return Lexicon(path.name, tuple(sorted((*key, said) for key, said in entries.items())))


def mark(text: str, lexicon: Lexicon) -> Marked:
    """Put stand-ins for inline phonemes and for words of a lexicon; respell the others.

    Args:
        text: Of known characters (`model.text.cleaning.normalize_characters`).
        lexicon: The user's.

    Raises:
        InputError: What stands between [[ and ]] is no pronunciation.
    """
    spoken: dict[str, Phonemes] = {}
    written: dict[str, str] = {}

    def stand_in(phonemes: Phonemes, original: str) -> str:
        digest = hashlib.sha256(" ".join((*phonemes, original)).encode()).hexdigest()[:12]
        word = "zqxj" + digest.translate(str.maketrans("0123456789abcdef", "abcdefghijklmnop"))
        spoken[word], written[word] = phonemes, original
        return word

    def answer(match: re.Match[str]) -> str:
        # Ignoring case makes letters equal that lower case keeps apart, such as ı and i.
        said = sayings.get(match[0].lower()) or next(
            said
            for word, said in sayings.items()
            if re.fullmatch(re.escape(word), match[0], re.IGNORECASE)
        )
        return stand_in(read_phonemes(said.strip("/")), match[0]) if said[0] == "/" else said

    text = _INLINE.sub(lambda match: f" {stand_in(read_phonemes(match[1]), match[0])} ", text)
    sayings = {word: said for _, word, said in lexicon.entries}
    if sayings:
        longest_first = sorted(lexicon.entries, key=lambda entry: len(entry[1]), reverse=True)
        words = (_whole(lang, word) for lang, word, _ in longest_first)
        text = re.sub("|".join(words), answer, text, flags=re.IGNORECASE)
    return Marked(text, spoken, written)


def _whole(lang: str, word: str) -> str:
    """Return a pattern of a word; Chinese writes no spaces between words, also foreign ones."""
    letter = "[a-z0-9]" if lang == "zh" else r"\w"
    before = rf"(?<!{letter})" if lang != "zh" or word[0].isascii() else ""
    after = rf"(?!{letter})" if lang != "zh" or word[-1].isascii() else ""
    return f"{before}{re.escape(word)}{after}"


def read_phonemes(text: str) -> Phonemes:
    """Read IPA of General American, or pinyin with tones, as phonemes of the inventory.

    Raises:
        InputError: There is a symbol that is no phoneme.
    """
    if not _PINYIN.fullmatch(text.strip()):
        return read_ipa(text)
    tokens = tuple(t for s in text.lower().replace("ü", "v").split() for t in pinyin_tokens(s))
    if unknown := [token for token in tokens if token not in PHONEMES]:
        raise InputError(f"{unknown[0]!r} in {text!r:.80} is no syllable of pinyin")
    return tokens
