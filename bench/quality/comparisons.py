"""Comparisons: how far speech is from a reference of it, sample for sample aligned."""

import numpy as np

from bench.quality.clips import Look
from bench.quality.scorers import Observe
from bench.quality.sound import SCORED_RATE_HZ, at_16_khz
from model.generate import Float32

# Praat's range for speech of women and men; its autocorrelation method is the default there.
PITCH_HZ = (60.0, 500.0)
PITCH_STEP_S = 0.01


def pair(look: Look) -> tuple[Float32, Float32]:
    """Take reference and speech at 16 kHz."""
    assert look.reference is not None
    return at_16_khz(look.reference), at_16_khz(look.speech)


def load_pesq() -> Observe:
    """Load PESQ, wideband (ITU-T P.862.2)."""
    from pesq import pesq

    return lambda look: round(float(pesq(SCORED_RATE_HZ, *pair(look), "wb")), 5)


def load_stoi() -> Observe:
    """Load STOI (Taal et al., IEEE TASLP 2011)."""
    from pystoi import stoi

    return lambda look: round(float(stoi(*pair(look), SCORED_RATE_HZ)), 6)


def load_visqol() -> Observe:
    """Load ViSQOL v3 for speech (arXiv 2004.09584), with its calibrated lattice map."""
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="speech")

    def observe(look: Look) -> float:
        reference, speech = (wave.astype(np.float64) for wave in pair(look))
        return round(float(api.measure_from_arrays(reference, speech, SCORED_RATE_HZ).moslqo), 5)

    return observe


def load_pitch() -> Observe:
    """Load Praat's pitch tracker (Boersma 1993)."""
    import parselmouth

    def track(wave: Float32) -> np.ndarray:
        sound = parselmouth.Sound(wave.astype(np.float64), SCORED_RATE_HZ)
        low, high = PITCH_HZ
        pitch = sound.to_pitch_ac(time_step=PITCH_STEP_S, pitch_floor=low, pitch_ceiling=high)
        return np.asarray(pitch.selected_array["frequency"])

    def observe(look: Look) -> dict[str, float]:
        return pitch_error(*(track(wave) for wave in pair(look)))

    return observe


def pitch_error(reference_hz: np.ndarray, other_hz: np.ndarray) -> dict[str, float]:
    """Compare two tracks of pitch, 0 where unvoiced.

    Returns:
        `voicing_error`, the share of frames that are voiced in one alone, and `rmse_cents` over
        the frames that are voiced in both; without any such frame it is not there.
    """
    voiced, other_voiced = reference_hz > 0, other_hz > 0
    found = {"voicing_error": float(np.mean(voiced != other_voiced))}
    both = voiced & other_voiced
    if both.any():
        cents = 1200 * np.log2(other_hz[both] / reference_hz[both])
        found["rmse_cents"] = float(np.sqrt(np.mean(cents**2)))
    return {name: round(value, 5) for name, value in found.items()}
