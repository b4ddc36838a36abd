"""Samples as scorers take them."""

import numpy as np

from model.config import SAMPLE_RATE_HZ
from model.data.corpus import Samples
from model.generate import Float32

SCORED_RATE_HZ = 16_000  # what every scorer here was made for


def at_24_khz(samples: Samples) -> Float32:
    """Return (N,) 16-bit samples as floats within [-1, 1]."""
    return np.asarray(samples / np.float32(32768), np.float32)


def at_16_khz(samples: Samples) -> Float32:
    """Return (N,) 16-bit samples at 24 kHz as floats at 16 kHz, within [-1, 1]."""
    import soxr

    resampled = soxr.resample(at_24_khz(samples), SAMPLE_RATE_HZ, SCORED_RATE_HZ, quality="VHQ")
    return np.asarray(np.clip(resampled, -1, 1), np.float32)
