"""How far one waveform is from another of the same speech, sample for sample aligned."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.signal import ShortTimeFFT, get_window

from model.config import SAMPLE_RATE_HZ

N_FFT, HOP = 1024, 256
N_MEL = 40
N_CEPSTRUM = 13
POWER_FLOOR = 1e-8  # relative to full scale: what is quieter counts as silence

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


def power_spectrum(waveform: Float32) -> Float64:
    """Turn (N,) samples into (T, N_FFT / 2 + 1) powers, floored."""
    transform = ShortTimeFFT(
        get_window("hann", N_FFT), HOP, SAMPLE_RATE_HZ, fft_mode="onesided", scale_to="magnitude"
    )
    padded = np.pad(waveform.astype(np.float64), (0, max(0, N_FFT - len(waveform))))
    return np.asarray(np.abs(transform.stft(padded)).T ** 2 + POWER_FLOOR)


def log_spectral_distance_db(reference: Float32, other: Float32) -> float:
    """Mean over frames of the root mean square difference of log power spectra, in dB."""
    ratio = 10 * np.log10(power_spectrum(reference) / power_spectrum(other))
    return float(np.sqrt((ratio**2).mean(1)).mean())


def mel_cepstral_distortion_db(reference: Float32, other: Float32) -> float:
    """Mel-cepstral distortion, without the energy coefficient.

    Source: Kubichek, "Mel-cepstral distance measure for objective speech quality assessment", 1993:
    10 / ln 10 * sqrt(2 * sum of squared differences), mean over frames.
    """
    difference = mel_cepstrum(reference) - mel_cepstrum(other)
    return float(10 / np.log(10) * np.sqrt(2 * (difference**2).sum(1)).mean())


def mel_cepstrum(waveform: Float32) -> Float64:
    """Turn (N,) samples into (T, 13) mel-cepstral coefficients 1 to 13, natural logarithm."""
    log_mel = np.log(power_spectrum(waveform) @ mel_filters())
    # With this scale the coefficients are those of a cosine series of the log spectrum.
    coefficients = dct(log_mel, type=2, axis=1)[:, 1 : N_CEPSTRUM + 1] / N_MEL
    return np.asarray(coefficients)


def mel_filters() -> Float64:
    """Triangular filters, equally spaced in mel (HTK's), of unit sum: (N_FFT / 2 + 1, N_MEL)."""
    top = 2595 * np.log10(1 + SAMPLE_RATE_HZ / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, N_MEL + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE_HZ)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.clip(np.minimum(rising, falling), 0, None)
    return np.asarray(filters / filters.sum(0))
