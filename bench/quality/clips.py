"""The nouns of scoring: speech to be scored, what a scorer looks at, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from model.config import HOP_LENGTH, SAMPLE_RATE_HZ
from model.data.corpus import Samples
from model.errors import InputError
from model.generate import Float32

Need = Literal["text", "prompt", "reference"]
# What a scorer makes of one look: something that JSON can hold.
Observation = float | str | list[float] | dict[str, float]


@dataclass(frozen=True, eq=False)
class Clip:
    """One sentence as somebody or something said it, with all that it can be judged by.

    Attributes:
        sentence: Name of the sentence.
        speech: (N,) samples at 24 kHz.
        text: What should have been said.
        lang: ISO 639-1.
        prompt: (P,) speech in the voice that it should have; None where no voice was asked for.
        reference: (N,) the same sentence without what is to be judged, sample for sample aligned;
            None where there is none.
    """

    sentence: str
    speech: Samples
    text: str
    lang: str
    prompt: Samples | None = None
    reference: Samples | None = None

    def has(self, need: Need) -> bool:
        """Whether it has what a metric needs.

        A reference of another length is none: at least one sound lasts longer or shorter, what
        follows stands elsewhere, and a comparison sample by sample would measure that alone.
        """
        if need == "reference":
            return self.reference is not None and len(self.reference) == len(self.speech)
        return bool(self.text) if need == "text" else self.prompt is not None


@dataclass(frozen=True, eq=False)
class Look:
    """One thing for a scorer to look at: what an observation depends on, and nothing else.

    Attributes:
        scorer: Entry of `SCORERS`.
        speech: (N,) samples at 24 kHz.
        reference: (N,) what to compare with, for scorers that compare.
        lang: ISO 639-1, for scorers that know languages.
    """

    scorer: str
    speech: Samples
    reference: Samples | None = None
    lang: str = ""


@dataclass(frozen=True)
class Unscored:
    """Why there is no observation."""

    reason: str


@dataclass(frozen=True)
class Score:
    """One metric of one clip.

    Attributes:
        value: In the metric's unit.
        weight: How much it counts in a mean: words for rates of word errors, else 1.
    """

    value: float
    weight: float = 1.0


@dataclass(frozen=True)
class Seen:
    """What a metric is read off.

    Attributes:
        clip: What was looked at.
        speech: Observation of its speech, compared with its reference where the scorer compares.
        prompt: Observation of its prompt, for metrics that need one.
    """

    clip: Clip
    speech: Observation
    prompt: Observation | None = None


@dataclass(frozen=True)
class SentenceScores:
    """The scores of one sentence: as a scheme says it, and as fp32 eager says it.

    Attributes:
        sentence: Its name.
        scores: By metric; metrics that do not apply to it are not there.
        fp32: Likewise.
    """

    sentence: str
    scores: Mapping[str, Score]
    fp32: Mapping[str, Score]


def to_samples(waveform: Float32) -> Samples:
    """Turn (N,) samples within [-1, 1] into 16 bits, as files of speech have them."""
    samples: Samples = np.round(np.clip(waveform, -1, 1) * 32767).astype(np.int16)
    return samples


def read_samples(path: Path) -> Samples:
    """Read a mono file at 24 kHz, whole codec frames of it.

    Raises:
        InputError: It is no such file.
    """
    import soundfile

    try:
        samples, rate_hz = soundfile.read(path, dtype="int16", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise InputError(f"{path} cannot be read as audio: {error}") from error
    if rate_hz != SAMPLE_RATE_HZ or samples.shape[1] != 1:
        raise InputError(f"{path} is not mono at {SAMPLE_RATE_HZ} Hz")
    whole: Samples = samples[: len(samples) // HOP_LENGTH * HOP_LENGTH, 0]
    return whole
