"""Sound files: reading the user's, of any rate, scale and number of channels, and writing ours."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.config import SAMPLE_RATE_HZ
from model.errors import InputError, reason_of
from model.files import read_regular, write_whole

if TYPE_CHECKING:
    from soundfile import SoundFile

Float32 = NDArray[np.float32]

LARGEST_BYTES = 2**28
LARGEST_HEADER_BYTES = 2**12
LOWEST_RATE_HZ = 8000
SHORTEST_PROMPT_S = 1.0
LONGEST_PROMPT_S = 60.0
SILENCE_RMS = 1e-3  # -60 dB below full scale
CLIPPED_SHARE = 0.01  # of samples at full scale
FULL_SCALE = 0.999
LARGEST_OFFSET = 2e-3  # a constant that is left in
# Averaged channels that are so much quieter than the loudest one cancel each other.
CANCELLED = 0.45
# Files of floating-point samples are written at these scales; up to 8 it is merely a loud mix.
LOUDEST_MIX = 8.0
HEADROOM = 0.95  # below full scale, where samples count as clipped
SCALES = (2.0**15, 2.0**23, 2.0**31)

FRAME_S = 0.02
PAUSE_DB = 25.0  # below the loudest second: no speech
MARGIN_S = 0.25  # of pause that is kept around speech
SOUND_S = 0.1  # of sound within `WINDOW_S`, or it is a click
WINDOW_S = 0.2
LEAST_SOUND_S = 0.5


def load_prompt(path: Path, longest_s: float = LONGEST_PROMPT_S) -> Float32:
    """Read the part of a recording that serves as a prompt, as mono samples at 24 kHz.

    Channels are averaged, unless they cancel each other: then the loudest is taken. A constant
    offset is removed, samples of another scale are brought to [-1, 1], pauses before and after the
    speech are cut off, and the rate is converted by soxr.

    Args:
        path: A WAV, FLAC or Ogg file.
        longest_s: How much of the speech is used.

    Returns:
        (N,) samples within [-1, 1].

    Raises:
        InputError: The file is missing or is no audio, or what is used of it is too short, silent
            or clipped.
    """
    import soxr

    samples, rate_hz = read_samples(path)
    if len(samples) < SHORTEST_PROMPT_S * rate_hz:
        raise InputError(
            f"{path} lasts {len(samples) / rate_hz:.2f} s: a prompt needs at least"
            f" {SHORTEST_PROMPT_S:.0f} s of speech, better 3 s"
        )
    if not np.isfinite(samples).all():
        raise InputError(
            f"{path} holds samples that are not numbers: export it again as 16-bit WAV"
        )
    samples = to_full_scale(samples, path)
    clipped = np.abs(samples) >= FULL_SCALE
    mono = to_mono(without_offset(samples))
    begin, end = bounds_of_speech(mono, rate_hz)
    end = min(end, begin + int(longest_s * rate_hz))
    used = mono[begin:end]
    check_used(used, rate_hz, path)
    if clipped[begin:end].mean() > CLIPPED_SHARE:
        raise InputError(f"{path} is clipped: record it again at a lower level")
    resampled = soxr.resample(used, rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
    return np.asarray(np.clip(resampled, -1, 1), np.float32)


class Content(io.BytesIO):
    """A file's content, which stays where it is when it is told to go where nothing can be.

    A damaged header makes libsndfile seek before the beginning; an error could not get through it,
    and would be printed.
    """

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go somewhere; returns where that is."""
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


def read_samples(path: Path) -> tuple[Float32, int]:
    """Read all samples of a sound file.

    Returns:
        (N, channels) samples, and their rate.

    Raises:
        InputError: The file is missing, is no audio, or is longer than any prompt.
    """
    import soundfile

    try:
        content = read_regular(path, LARGEST_BYTES)
    except FileNotFoundError:
        raise InputError(f"no file {path}: give the prompt as a WAV or FLAC file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {reason_of(error)}") from error
    try:
        with soundfile.SoundFile(Content(content)) as file:
            check_duration(file, path)
            if not file.frames and len(content) > LARGEST_HEADER_BYTES:
                raise InputError(
                    f"{path} is empty by its header, as where recording was cut off: open it"
                    " in an audio editor and export it again"
                )
            # Their number is given, as some formats (GSM 6.10) do not let it be told by seeking.
            return file.read(file.frames, dtype="float32", always_2d=True), file.samplerate
    except (soundfile.SoundFileError, TypeError, ValueError) as error:
        # Without the library's name of what it read, which is that of an object in memory.
        reason = getattr(error, "error_string", "") or reason_of(error)
        raise InputError(
            f"{path} cannot be read as audio ({reason}): give a WAV or FLAC"
        ) from error


def check_duration(file: "SoundFile", path: Path) -> None:
    """Refuse a file by what its header says, before it is read.

    Raises:
        InputError: It is longer than any prompt, or its rate is too low for speech.
    """
    if file.samplerate < LOWEST_RATE_HZ:
        raise InputError(
            f"{path} has {file.samplerate} samples per second: speech needs at least"
            f" {LOWEST_RATE_HZ}"
        )
    duration_s = file.frames / file.samplerate
    if duration_s > LONGEST_PROMPT_S:
        raise InputError(f"{path} lasts {duration_s:.0f} s: cut a prompt of 3 to 10 s out of it")


def to_full_scale(samples: Float32, path: Path) -> Float32:
    """Bring samples of a floating-point file to [-1, 1], whatever scale they have.

    Raises:
        InputError: No scale in use goes as far.
    """
    peak = float(np.abs(samples).max())
    if peak <= 1:
        return samples
    if peak <= LOUDEST_MIX:
        return samples * np.float32(HEADROOM / peak)
    for scale in SCALES:
        if peak <= scale:
            return samples / np.float32(scale)
    raise InputError(f"{path} has samples up to {peak:.2g}: export it again as 16-bit WAV")


def without_offset(samples: Float32) -> Float32:
    """Remove a constant from each channel that has a noticeable one; (N, channels)."""
    offset = samples.mean(0, dtype=np.float64)
    offset[np.abs(offset) <= LARGEST_OFFSET] = 0
    return samples - offset.astype(np.float32) if offset.any() else samples


def to_mono(samples: Float32) -> Float32:
    """Average (N, channels), or take the loudest channel where they cancel each other."""
    mono = np.asarray(samples.mean(1), np.float32)
    levels = [level(samples[:, channel]) for channel in range(samples.shape[1])]
    loudest = int(np.argmax(levels))
    return samples[:, loudest] if level(mono) < CANCELLED * levels[loudest] else mono


def level(samples: Float32) -> float:
    """Return the root mean square of (N,) samples, without their mean."""
    return float(np.std(samples, dtype=np.float64))


def sounding(samples: Float32, rate_hz: int) -> NDArray[np.bool_]:
    """Say of each frame of `FRAME_S` whether there is sound in it, which a single click is not."""
    length = int(FRAME_S * rate_hz)
    count = len(samples) // length
    frames = samples[: count * length].reshape(count, length)
    levels = frames.std(1, dtype=np.float64)
    of_a_second = np.sort(levels)[-min(count, int(1 / FRAME_S))]
    loud = levels > max(SILENCE_RMS, of_a_second * 10 ** (-PAUSE_DB / 20))
    around = np.convolve(loud, np.ones(int(WINDOW_S / FRAME_S)), "same")
    return np.asarray(loud & (around >= SOUND_S / FRAME_S))


def bounds_of_speech(samples: Float32, rate_hz: int) -> tuple[int, int]:
    """Return where speech begins and ends, with a margin; everything where there is no sound."""
    frames = np.flatnonzero(sounding(samples, rate_hz))
    if not len(frames):
        return 0, len(samples)
    length, margin = int(FRAME_S * rate_hz), int(MARGIN_S * rate_hz)
    begin, end = int(frames[0]) * length - margin, (int(frames[-1]) + 1) * length + margin
    return max(begin, 0), min(end, len(samples))


def check_used(samples: Float32, rate_hz: int, path: Path) -> None:
    """Make sure that what is used of a prompt can tell a voice.

    Raises:
        InputError: It is silent, or has too little sound in it.
    """
    if level(samples) < SILENCE_RMS:
        raise InputError(f"{path} is silent: record it again, nearer to the microphone")
    sound_s = float(sounding(samples, rate_hz).sum()) * FRAME_S
    if len(samples) < SHORTEST_PROMPT_S * rate_hz or sound_s < LEAST_SOUND_S:
        raise InputError(
            f"{path} has {sound_s:.1f} s of sound in the {len(samples) / rate_hz:.1f} s that are"
            f" used: a prompt needs at least {SHORTEST_PROMPT_S:.0f} s of speech, better 3 s"
        )


def write_audio(path: Path, samples: Float32 | NDArray[np.int16]) -> None:
    """Write speech as 16-bit samples, whole or not at all; the file's suffix is its format.

    Args:
        path: A .wav or .flac, in a folder that is made if need be.
        samples: (N,) at 24 kHz: integers, or numbers that are clipped to [-1, 1].

    Raises:
        OSError: It cannot be written; what was there is still there.
    """
    import soundfile

    # In memory first: of a full disk libsndfile says "System error".
    content = io.BytesIO()
    clipped = np.clip(samples, -1, 1) if samples.dtype.kind == "f" else samples
    soundfile.write(content, clipped, SAMPLE_RATE_HZ, "PCM_16", format=path.suffix[1:].upper())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content.getvalue())
