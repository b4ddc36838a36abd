"""Reading the user's audio: any rate, any channels, with a clear answer where it cannot be used."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.config import SAMPLE_RATE_HZ
from model.errors import InputError

SHORTEST_PROMPT_S = 1.0
LONGEST_PROMPT_S = 60.0
SILENCE_RMS = 1e-3  # -60 dB below full scale
CLIPPED_SHARE = 0.01  # of samples at full scale


def load_prompt(path: Path) -> NDArray[np.float32]:
    """Read a prompt as mono samples at 24 kHz.

    Channels are averaged, and the rate is converted by soxr.

    Args:
        path: A WAV, FLAC or Ogg file.

    Returns:
        (N,) samples within [-1, 1].

    Raises:
        InputError: The file is missing, is no audio, or is too short, too long, silent or clipped.
    """
    import soundfile
    import soxr

    if not path.is_file():
        raise InputError(f"no file {path}: give the prompt as a WAV or FLAC file")
    try:
        info = soundfile.info(path)
        if info.duration > LONGEST_PROMPT_S:
            raise InputError(
                f"{path} lasts {info.duration:.0f} s: cut a prompt of 3 to 10 s out of it"
            )
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise InputError(f"{path} cannot be read as audio ({error}): give a WAV or FLAC") from error
    mono = samples.mean(1)
    if len(mono) < SHORTEST_PROMPT_S * rate_hz:
        raise InputError(
            f"{path} lasts {len(mono) / rate_hz:.2f} s: a prompt needs at least"
            f" {SHORTEST_PROMPT_S:.0f} s of speech, better 3 s"
        )
    if not np.isfinite(mono).all():
        raise InputError(
            f"{path} holds samples that are not numbers: export it again as 16-bit WAV"
        )
    if np.sqrt(np.mean(mono**2)) < SILENCE_RMS:
        raise InputError(f"{path} is silent: record it again, nearer to the microphone")
    if np.mean(np.abs(samples) >= 0.999) > CLIPPED_SHARE:
        raise InputError(f"{path} is clipped: record it again at a lower level")
    resampled = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
    return np.asarray(np.clip(resampled, -1, 1), np.float32)
