"""More voices from the same speech: playing it faster or slower moves pitch and formants alike.

Speed perturbation (Ko et al., Interspeech 2015, "Audio augmentation for speech recognition"), each
speed taken as speakers of their own, as speaker verification does when voices are too few.
"""

import dataclasses

import numpy as np

from model.config import HOP_LENGTH, SAMPLE_RATE_HZ
from model.data.corpus import Samples, Utterance, digest


def name_at_speed(name: str, speed: float) -> str:
    """Name what `at_speed` makes of an utterance or a speaker; the original keeps its name."""
    return name if speed == 1 else f"{name}@{speed:g}"


def durations_at_speed(durations: tuple[int, ...], speed: float) -> tuple[int, ...]:
    """Scale durations in frames, boundary by boundary, so that rounding does not add up.

    Every phoneme keeps at least one frame.
    """
    boundaries = np.round(np.cumsum(durations) / speed).astype(np.int64)
    steps = np.arange(len(boundaries))
    # The least increasing sequence of whole numbers that is nowhere below the boundaries.
    boundaries = np.maximum.accumulate(np.maximum(boundaries, 1) - steps) + steps
    return tuple(np.diff(boundaries, prepend=0).tolist())


def at_speed(item: Utterance, samples: Samples, speed: float) -> tuple[Utterance, Samples]:
    """Play an utterance faster or slower, as another speaker.

    Args:
        item: With phonemes and durations.
        samples: (N,) its samples.
        speed: Above 1 is faster, higher and shorter; 1 changes nothing.

    Returns:
        The utterance under other names, and its samples, as many as its new durations say.
    """
    import soxr

    if speed == 1:
        return item, samples
    durations = durations_at_speed(item.durations, speed)
    played = soxr.resample(samples, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ)
    n_samples = sum(durations) * HOP_LENGTH
    audio = np.zeros(n_samples, np.int16)
    audio[: len(played)] = played[:n_samples]
    changed = dataclasses.replace(
        item,
        name=name_at_speed(item.name, speed),
        speaker=name_at_speed(item.speaker, speed),
        n_samples=n_samples,
        sha256=digest(audio),
        durations=durations,
    )
    return changed, audio
