"""Takes steady noise out of a recorded prompt, so that it is as quiet as what is learnt from.

All speech that MobileSpeech has learnt from is synthetic and has silence behind it. A prompt with a
recording's noise is beyond that: words get lost, most of all where the noise is loud.
"""

import numpy as np
import numpy.typing as npt

from model.audio import Float32

WINDOW, HOP = 1024, 256  # 43 ms at 24 kHz, a quarter of it
DIGITAL_SILENCE = 1e-12  # power of a frame's spectrum; below it nothing was recorded
NOISE_SHARE = 0.05  # quietest share of the recorded frames: taken for noise alone
# Speech above the noise, from which on a prompt is left as it is: bit for bit, so that no synthetic
# prompt is touched, whose quietest frames are 48 dB down or more.
CLEAN_DB = 45.0
LOUD_DB = 30.0  # below the loudest frame: frames of speech
OVERSUBTRACTION = 4.0  # of the noise's mean power: its power varies, and the quietest is below it
LEAST_GAIN = 0.03  # -30 dB: what is left of the noise
NEIGHBOURS = 3  # bins and frames whose mean decides a bin's gain, against musical noise


def without_noise(samples: Float32) -> Float32:
    """Take steady noise out of speech by spectral subtraction, where there is some.

    The gain of a bin is one minus noise power over power (Wiener), both smoothed.

    Args:
        samples: (N,) samples at 24 kHz.

    Returns:
        (N,) samples; the same array where speech is `CLEAN_DB` above its noise.
    """
    from scipy.ndimage import uniform_filter
    from scipy.signal import istft, stft

    if len(samples) < WINDOW:
        return samples
    _, _, spectrum = stft(samples, nperseg=WINDOW, noverlap=WINDOW - HOP)
    power = np.square(np.abs(spectrum))
    loudness = power.sum(0)
    if snr_db(loudness) >= CLEAN_DB:
        return samples
    noise = power[:, quietest(loudness)].mean(1, keepdims=True)
    smooth = np.maximum(uniform_filter(power, NEIGHBOURS), np.finfo(np.float32).tiny)
    gain = np.maximum(1 - OVERSUBTRACTION * noise / smooth, LEAST_GAIN)
    _, quiet = istft(spectrum * gain, nperseg=WINDOW, noverlap=WINDOW - HOP)
    return np.asarray(quiet[: len(samples)], np.float32)


def snr_db(loudness: npt.NDArray[np.floating]) -> float:
    """Power of frames of speech over that of the quietest recorded ones, from (T,) frame powers."""
    loud = loudness[loudness >= loudness.max() * 10 ** (-LOUD_DB / 10)].mean()
    floor = loudness[quietest(loudness)].mean()
    return float(10 * np.log10(loud / floor))


def quietest(loudness: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Mark the quietest of the (T,) frames in which something was recorded."""
    recorded = loudness > DIGITAL_SILENCE
    threshold = np.quantile(loudness[recorded], NOISE_SHARE)
    marked: npt.NDArray[np.bool_] = recorded & (loudness <= threshold)
    return marked
