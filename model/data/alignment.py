"""From Kokoro's durations to ours: whole codec frames per phoneme, on trimmed audio.

Kokoro says how many frames of 25 ms it held each symbol. Its boundaries come a constant time
after what they separate, measured on the onset of speech (46 to 58 ms) and against word starts
that a recogniser aligned (70 ms, standard deviation 26 ms), so all of them are moved forward.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.config import FRAME_RATE_HZ, HOP_LENGTH, SAMPLE_RATE_HZ
from model.errors import InputError
from model.text.inventory import SILENCE
from model.text.kokoro import to_kokoro

SYMBOL_FRAME_S = 0.025
LAG_S = 0.055
MARGIN_S = 0.100
"""Silence that is kept before and after the speech."""

_FLOOR_DB = -45.0  # below the loudest window: what counts as silence
_WINDOW_S = 0.010
_LAST_PHONEME_S = 0.040


@dataclass(frozen=True)
class Script:
    """What Kokoro reads for one sentence.

    Attributes:
        symbols: One character each, spaces between words.
        owners: For each symbol, with the padding around them all, the index of our phoneme.
    """

    symbols: str
    owners: tuple[int, ...]


def write_script(phonemes: Sequence[str], word_starts: Sequence[int]) -> Script:
    """Return Kokoro's symbols for a sentence that begins and ends with a silence.

    Args:
        phonemes: S tokens of the inventory.
        word_starts: Index into `phonemes` of each word's first.
    """
    if len(phonemes) < 2 or phonemes[0] != SILENCE or phonemes[-1] != SILENCE:
        raise InputError("a sentence must begin and end with a silence to be spoken by Kokoro.")
    spaced = set(word_starts[1:])
    symbols: list[str] = []
    owners = [0]
    for index, said in enumerate(to_kokoro(phonemes)):
        if index in spaced:
            symbols.append(" ")
            owners.append(index - 1)
        symbols.extend(said)
        owners.extend([index] * len(said))
    return Script("".join(symbols), (*owners, len(phonemes) - 1))


def align(
    audio: npt.NDArray[np.float32], symbol_frames: npt.NDArray[np.int64], script: Script
) -> tuple[npt.NDArray[np.float32], tuple[int, ...]]:
    """Trim the silence around speech and return it with each phoneme's duration.

    Args:
        audio: Samples (N,) at 24 kHz as Kokoro returns them.
        symbol_frames: Kokoro's frames of 25 ms for each of `script.owners`.
        script: What was read.

    Returns:
        Samples (T x 320,) and S durations of at least one codec frame, which sum to T.

    Raises:
        InputError: There is no speech in the audio, or not a frame for each phoneme.
    """
    ends_s = np.cumsum(symbol_frames) * SYMBOL_FRAME_S - LAG_S
    is_last = np.diff(np.asarray(script.owners), append=script.owners[-1] + 1) > 0
    boundaries_s = ends_s[is_last]  # one per phoneme, the last of which is the end
    first_s, last_s = _speech(audio)
    # Kokoro counts the silence before a final pause to the last phoneme, which may itself be too
    # weak to show in the level: /t/ without a release.
    last_s = max(last_s, float(boundaries_s[:-3][-1:].sum()) + _LAST_PHONEME_S)
    boundaries_s[-3:-1] = np.minimum(boundaries_s[-3:-1], [last_s, last_s + MARGIN_S / 2])
    start_s = max(0.0, min(first_s, float(boundaries_s[0])) - MARGIN_S)
    end_s = min(audio.shape[0] / SAMPLE_RATE_HZ, last_s + MARGIN_S)
    n_frames = int((end_s - start_s) * FRAME_RATE_HZ)
    start = round(start_s * SAMPLE_RATE_HZ)
    durations = whole_frames(np.asarray(boundaries_s[:-1] - start_s) * FRAME_RATE_HZ, n_frames)
    return audio[start : start + n_frames * HOP_LENGTH], durations


def _speech(audio: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Return when the first and the last loud window begin and end."""
    window = round(_WINDOW_S * SAMPLE_RATE_HZ)
    whole = audio[: audio.shape[0] // window * window].reshape(-1, window)
    level = np.sqrt(np.mean(np.square(whole), axis=1))
    if level.size == 0 or level.max() == 0.0:
        raise InputError("Kokoro returned silence.")
    loud = np.flatnonzero(level > level.max() * 10 ** (_FLOOR_DB / 20))
    return float(loud[0]) * _WINDOW_S, float(loud[-1] + 1) * _WINDOW_S


def whole_frames(boundaries: npt.NDArray[np.floating[Any]], n_frames: int) -> tuple[int, ...]:
    """Round inner boundaries, in codec frames, so that no phoneme is left without a frame."""
    n_phonemes = boundaries.shape[0] + 1
    if n_frames < n_phonemes:
        raise InputError(f"{n_phonemes} phonemes do not fit into {n_frames} codec frames.")
    steps = np.arange(1, n_phonemes)
    rounded = np.round(boundaries).astype(np.int64)
    rounded = np.maximum.accumulate(rounded - steps) + steps  # each at least one after the last
    rounded = np.maximum(rounded, steps)
    rounded = np.minimum(rounded, n_frames - n_phonemes + steps)
    edges = np.concatenate([[0], rounded, [n_frames]])
    return tuple(int(duration) for duration in np.diff(edges))
