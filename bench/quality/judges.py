"""How metrics come from what scorers observe; `bench.metrics` says which metrics there are."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.quality.clips import Need, Observation, Score, Seen
from model.training.listening import count_errors


@dataclass(frozen=True)
class Judge:
    """How a metric comes from what a scorer observes.

    Attributes:
        scorer: Entry of `SCORERS`.
        read: Reads it off; None where it does not apply.
        needs: What a clip must have.
    """

    scorer: str
    read: Callable[[Seen], Score | None]
    needs: tuple[Need, ...] = ()


def the_number(seen: Seen) -> Score | None:
    """Read an observation that is the metric itself."""
    assert isinstance(seen.speech, float)
    return Score(seen.speech)


def named(name: str) -> Callable[[Seen], Score | None]:
    """Read one of several numbers; it does not apply where the scorer left it out."""

    def read(seen: Seen) -> Score | None:
        assert isinstance(seen.speech, dict)
        return Score(seen.speech[name]) if name in seen.speech else None

    return read


def word_error_rate(seen: Seen) -> Score | None:
    """Word errors over words; none in languages that do not put spaces between words."""
    errors = count_errors(seen.clip.text, str(seen.speech), seen.clip.lang)
    return Score(errors.word_errors / errors.words, errors.words) if errors.words else None


def char_error_rate(seen: Seen) -> Score | None:
    """Character errors over characters; none where the text has no letter."""
    errors = count_errors(seen.clip.text, str(seen.speech), seen.clip.lang)
    return Score(errors.char_errors / errors.chars, errors.chars) if errors.chars else None


def similarity(seen: Seen) -> Score | None:
    """Cosine between the voice of the speech and that of the prompt."""
    assert seen.prompt is not None
    return Score(cosine(seen.speech, seen.prompt))


def cosine(one: Observation, other: Observation) -> float:
    """Cosine between two embeddings of unit length."""
    return float(np.dot(np.asarray(one), np.asarray(other)))
