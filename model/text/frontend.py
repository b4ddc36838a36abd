"""Text to sentences of phonemes: clean, split, normalise, pronounce, keep short enough."""

import functools
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from model.config import ModelConfig
from model.errors import ConfigError, InputError
from model.text.cleaning import (
    drop_unknown,
    normalize_characters,
    split_sentences,
    strip_markup,
)
from model.text.inventory import COMMA, PERIOD, SILENCE, STRESSES
from model.text.ipa import Phonemes
from model.text.languages import LANGUAGES, Language
from model.text.lexicon import NO_LEXICON, Lexicon, mark
from model.text.word import Word, pause

_FRAME = 2  # the silences around a sentence
_SHORTEST_LIMIT = 8
_JOINERS = frozenset(" '.-&@/:_")


@dataclass(frozen=True)
class Sentence:
    """One sentence, or the part of a long one, ready to be spoken in one pass.

    Attributes:
        text: What was written, or for a part of a long sentence the words as they are spoken.
        lang: The language of the sentence; words of other scripts are read in their own.
        phonemes: Tokens of the inventory, a silence at each end.
        word_starts: Index into `phonemes` of each word's first.
        dropped: Characters that nothing is known to say for, each once.
    """

    text: str
    lang: str
    phonemes: tuple[str, ...]
    word_starts: tuple[int, ...]
    dropped: tuple[str, ...] = ()


def phonemize(
    text: str,
    lang: str | None = None,
    *,
    max_phonemes: int = ModelConfig.max_phonemes,
    first_phonemes: int | None = None,
    lexicon: Lexicon = NO_LEXICON,
) -> tuple[Sentence, ...]:
    """Return the sentences of a text as phonemes.

    Args:
        text: Any text.
        lang: A name in `LANGUAGES`; by default each text's own, told by its script.
        max_phonemes: Longest `Sentence.phonemes`; what is longer is cut at a pause, else
            between words, else within the word.
        first_phonemes: Longest first part, so that it is soon spoken: a first sentence of more than
            twice as many is cut at its last pause within them, else between words.
        lexicon: Pronunciations of the user's own; those within the text, [[ˈpɪksəl]], need none.

    Raises:
        InputError: There is nothing in the text that can be said, or what stands between [[ and ]]
            is no pronunciation.
        ConfigError: `lang` is unknown, or `max_phonemes` or `first_phonemes` below 8.
    """
    for name, limit in (("max_phonemes", max_phonemes), ("first_phonemes", first_phonemes)):
        if limit is not None and limit < _SHORTEST_LIMIT:
            raise ConfigError(f"{name} is {limit}; it must be {_SHORTEST_LIMIT} or more.")
    plain = normalize_characters(strip_markup(text))
    lang = detect_language(plain) if lang is None else lang
    LANGUAGES[lang]  # an unknown name is an error even where there is nothing to say
    marked = mark(plain, lexicon)
    sentences: list[Sentence] = []
    pending: tuple[str, ...] = ()
    for written in split_sentences(marked.text):
        known, dropped = drop_unknown(written, _is_letter)
        pending = tuple(dict.fromkeys(pending + dropped))
        words = _words(known, lang, marked.spoken)
        soon = 0
        if first_phonemes is not None and not sentences:
            soon = _end_of_opening(words, min(first_phonemes, max_phonemes) - _FRAME)
        opening = [words[:soon]] if soon else []
        parts = opening + list(_parts(words[soon:], max_phonemes - _FRAME))
        for part in parts:
            said = written if len(parts) == 1 else " ".join(word.text for word in part)
            sentences.append(_sentence(part, marked.restore(said), lang, pending))
            pending = ()
    if not sentences:
        raise InputError(_nothing_to_say(text))
    if pending:
        last = sentences[-1]
        sentences[-1] = replace(last, dropped=tuple(dict.fromkeys(last.dropped + pending)))
    return tuple(sentences)


def detect_language(text: str) -> str:
    """Return the language that most of the words seem to be in; the first one where none is."""
    letters: Counter[str] = Counter()
    for character, times in Counter(text).items():
        if owner := _owner(character):
            letters[owner] += times
    return max(LANGUAGES, key=lambda name: letters[name] * LANGUAGES[name].words_per_letter)


@functools.lru_cache(maxsize=16_384)
def _owner(character: str) -> str | None:
    return next((n for n, language in LANGUAGES.items() if language.is_letter(character)), None)


def _is_letter(character: str) -> bool:
    return _owner(character) is not None


def _words(text: str, lang: str, spoken: Mapping[str, Phonemes]) -> list[Word]:
    """Return the words and pauses of a sentence, each run of text read in its own language."""
    found = [
        word
        for owner, run in _runs(LANGUAGES[lang].normalize(text), lang)
        for word in _pronounce(run, LANGUAGES[owner], spoken, is_foreign=owner != lang)
    ]
    return _tidy_pauses(found)


def _pronounce(
    run: str, language: Language, spoken: Mapping[str, Phonemes], *, is_foreign: bool
) -> list[Word]:
    return language.pronounce(language.normalize(run) if is_foreign else run, spoken)


def _runs(text: str, lang: str) -> Iterator[tuple[str, str]]:
    """Yield (language, text) runs; what belongs to no script goes to the sentence's language."""
    pieces = [(owner, "".join(run)) for owner, run in itertools.groupby(text, key=_owner)]
    owners = [owner for owner, _ in pieces]
    for index in range(1, len(pieces) - 1):
        owner, piece = pieces[index]
        # "apple pie" in a Chinese sentence is one run, and so is "AT&T"
        if owner is None and owners[index - 1] == owners[index + 1] and set(piece) <= _JOINERS:
            owners[index] = owners[index - 1]
    for owner, group in itertools.groupby(zip(owners, pieces, strict=True), lambda p: p[0] or lang):
        yield owner, "".join(piece for _, (_, piece) in group)


def _tidy_pauses(words: Iterable[Word]) -> list[Word]:
    """Keep one of several pauses in a row, none at the start, and one that ends the sentence."""
    tidy: list[Word] = []
    for word in words:
        if not (word.is_pause and (not tidy or tidy[-1].is_pause)):
            tidy.append(word)
        elif tidy and tidy[-1].phonemes == (COMMA,):
            tidy[-1] = word
    if tidy and tidy[-1].phonemes == (COMMA,):
        tidy.pop()
    if tidy and not tidy[-1].is_pause:
        tidy.append(pause(PERIOD))
    return tidy


def _end_of_opening(words: Sequence[Word], limit: int) -> int:
    """Count the words, pauses among them, of a short opening; 0 where there is none to cut off."""
    if _length(words) <= 2 * limit:
        return 0
    lengths = itertools.accumulate(len(word.phonemes) for word in words)
    fitting = [end for end, length in enumerate(lengths, 1) if length <= limit]
    pauses = [end for end in fitting if words[end - 1].is_pause]
    between = [end for end in fitting if not words[end].is_pause]
    # Not after "of" or "the": a function word leans on the word that follows.
    stressed = [end for end in between if _is_stressed(words[end - 1])]
    return (pauses or stressed or between or [0])[-1]


def _is_stressed(word: Word) -> bool:
    return any(phoneme.startswith(STRESSES[1]) for phoneme in word.phonemes)


def _parts(words: Sequence[Word], limit: int) -> Iterator[list[Word]]:
    """Yield the words in parts of at most `limit` phonemes, cut at pauses where it can be."""
    part: list[Word] = []
    for piece in _pieces(words, limit):
        if part and _length(part) + _length(piece) > limit:
            yield part
            part = []
        part += piece
    if part:
        yield part


def _pieces(words: Sequence[Word], limit: int) -> Iterator[list[Word]]:
    """Yield clauses; one over `limit` word by word, and a word over it in slices."""
    for clause in _clauses(words):
        if _length(clause) <= limit:
            yield clause
            continue
        spoken = [word for word in clause if not word.is_pause]
        *slices, last = (piece for word in spoken for piece in _slices(word, limit - 1))
        yield from ([piece] for piece in slices)
        yield [last, *clause[len(spoken) :]]


def _slices(word: Word, length: int) -> Iterator[Word]:
    for start in range(0, len(word.phonemes), length):
        yield replace(word, phonemes=word.phonemes[start : start + length])


def _clauses(words: Sequence[Word]) -> Iterator[list[Word]]:
    clause: list[Word] = []
    for word in words:
        clause.append(word)
        if word.is_pause:
            yield clause
            clause = []
    if clause:
        yield clause


def _length(words: Iterable[Word]) -> int:
    return sum(len(word.phonemes) for word in words)


def _sentence(words: Sequence[Word], text: str, lang: str, dropped: tuple[str, ...]) -> Sentence:
    starts = itertools.accumulate((len(word.phonemes) for word in words), initial=1)
    return Sentence(
        text=text,
        lang=lang,
        phonemes=(SILENCE, *(p for word in words for p in word.phonemes), SILENCE),
        word_starts=tuple(s for s, word in zip(starts, words, strict=False) if not word.is_pause),
        dropped=dropped,
    )


def _nothing_to_say(text: str) -> str:
    shown = ascii(text if len(text) <= 40 else text[:40] + "...")
    return f"nothing in the text {shown} can be said; write words of: {', '.join(LANGUAGES)}."
