"""Who says what in the synthetic corpus: decided once, the same for everyone, in a fixed order.

The order is what makes a part of the corpus as good as it can be: first everything that is held
out, then training speech in rounds, in each of which every English speaker says one sentence.
"""

import dataclasses
import hashlib
import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.data.sentences import candidates, choose_sentences
from model.data.speakers import Speaker, speakers
from model.errors import InputError
from model.files import write_whole
from model.text.frontend import Sentence

_SEED = 75
_SLOWEST, _FASTEST = 0.85, 1.2
_STRANGER_SAYS = 3  # in a row, so that whoever is in the corpus has other speech for prompts
_MANDARIN_EVERY = 8  # its sentences are a little shorter: about a tenth of the time

# Sentences of each language that are candidates, taken, and held out for each split.
_CANDIDATES = {"en": 16_000, "zh": 3_000}
_TAKEN = {"en": 8_600, "zh": 1_200}
_HELD_OUT = {
    "en": {"test": 300, "prompt": 40, "valid": 100},
    "zh": {"test": 50, "prompt": 10, "valid": 20},
}
_SPOKEN = {
    "en": {"test": 100, "prompt": 36, "valid": 72},
    "zh": {"test": 20, "prompt": 4, "valid": 8},
}
_PROMPT_PHONEMES = (38, 60)  # about 3 to 5 seconds


@dataclass(frozen=True)
class Request:
    """One utterance to be made.

    Attributes:
        name: Unique.
        speaker: A name in `speakers`.
        speed: 1 is the voice's own.
        split: As in `corpus.Utterance`.
        lang: ISO 639-1.
        text: The sentence.
        phonemes: Its tokens.
        word_starts: Index into `phonemes` of each word's first.
    """

    name: str
    speaker: str
    speed: float
    split: str
    lang: str
    text: str
    phonemes: tuple[str, ...]
    word_starts: tuple[int, ...]

    @property
    def estimated_s(self) -> float:
        """About how long it will be; the same on every machine, unlike what Kokoro returns."""
        return 0.08 * len(self.phonemes) / self.speed


def write_plan(path: Path, *, progress: Callable[[str], None] = lambda line: None) -> None:
    """Choose the sentences and write the requests, one JSON object per line."""
    chosen = {}
    for lang, count in _TAKEN.items():
        progress(f"choosing {count} sentences ({lang})")
        by_hash = sorted(candidates(lang), key=_hash)[: _CANDIDATES[lang]]
        chosen[lang] = choose_sentences(by_hash, lang, count)
    lines = [json.dumps(dataclasses.asdict(r), ensure_ascii=False) for r in make_plan(chosen)]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "".join(line + "\n" for line in lines))


def read_plan(path: Path) -> list[Request]:
    """Return the requests of a plan.

    Raises:
        InputError: The file is missing or not a plan.
    """
    try:
        return [_parse(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is no plan of a synthetic corpus: {error}") from None


def _parse(line: str) -> Request:
    fields = json.loads(line)
    fields["phonemes"] = tuple(fields["phonemes"])
    fields["word_starts"] = tuple(fields["word_starts"])
    return Request(**fields)


def make_plan(chosen: dict[str, list[Sentence]]) -> list[Request]:
    """Return the requests for sentences that are in the order they were chosen in."""
    held_out: list[Request] = []
    training: dict[str, Iterator[Request]] = {}
    for lang, sentences in chosen.items():
        unseen = [s for s in speakers() if s.lang == lang and s.unseen]
        seen = [s for s in speakers() if s.lang == lang and not s.unseen and not s.scatter]
        strangers = [s for s in speakers() if s.lang == lang and s.scatter]
        rest = list(sentences)
        for split, count in _HELD_OUT[lang].items():
            kept = _take(rest, count, split)
            voices = seen if split == "valid" else unseen
            held_out += _requests(kept[: _SPOKEN[lang][split]], voices, split, lang)
        training[lang] = iter(_requests(rest, seen, "train", lang, strangers))
    return [*held_out, *_interleave(training["en"], training["zh"])]


def _take(sentences: list[Sentence], count: int, split: str) -> list[Sentence]:
    """Remove and return sentences spread over the list; prompts have to be of a certain length."""
    low, high = _PROMPT_PHONEMES if split == "prompt" else (0, 1_000)
    fitting = [s for s in sentences if low <= len(s.phonemes) <= high]
    taken = sorted(fitting, key=lambda s: _hash(split + s.text))[:count]
    for sentence in taken:
        sentences.remove(sentence)
    return taken


def _requests(
    sentences: Sequence[Sentence],
    voices: Sequence[Speaker],
    split: str,
    lang: str,
    strangers: Sequence[Speaker] = (),
) -> list[Request]:
    """Give the sentences to the voices in rounds, each in another order, and to strangers."""
    generator = random.Random(f"{_SEED} {split} {lang}")
    rounds = (generator.sample(list(voices), len(voices)) for _ in itertools.count())
    turns = _with_strangers(itertools.chain.from_iterable(rounds), strangers)
    return [
        Request(
            name=f"{split}-{lang}-{number:05d}",
            speaker=speaker.name,
            speed=round(generator.uniform(_SLOWEST, _FASTEST), 3) if split == "train" else 1.0,
            split=split,
            lang=lang,
            text=sentence.text,
            phonemes=sentence.phonemes,
            word_starts=sentence.word_starts,
        )
        for number, (sentence, speaker) in enumerate(zip(sentences, turns, strict=False))
    ]


def _with_strangers(voices: Iterator[Speaker], strangers: Sequence[Speaker]) -> Iterator[Speaker]:
    """Let each stranger say a few sentences in a row, and one of the voices one after that."""
    for stranger in strangers:
        yield from [stranger] * _STRANGER_SAYS
        yield next(voices)
    yield from voices


def _interleave(english: Iterator[Request], mandarin: Iterator[Request]) -> Iterator[Request]:
    for number, request in enumerate(english, start=1):
        yield request
        if number % (_MANDARIN_EVERY - 1) == 0:
            yield from itertools.islice(mandarin, 1)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
