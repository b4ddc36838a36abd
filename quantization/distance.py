"""How far a model is from fp32, at the ends of what it computes."""

import math
from collections.abc import Mapping
from enum import StrEnum


class End(StrEnum):
    """What the speech is made of."""

    LOGITS = "logits"
    DURATIONS = "durations"
    WAVEFORM = "waveform"


# Of each end: noise to signal, as a ratio of powers.
Noise = Mapping[End, float]


def snr_db(noise: float) -> float:
    """Turn noise to signal into a signal-to-noise ratio in dB; infinite without noise."""
    return -10 * math.log10(noise) if noise > 0 else math.inf


def distance(noise: Noise) -> float:
    """Sum up how far a model is from fp32: the root of its ends' summed noise, 0.01 being 1 %."""
    return math.sqrt(sum(noise.values()))
