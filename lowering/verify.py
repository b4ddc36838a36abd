"""Run a lowered program on real inputs here, and compare it with fp32 eager."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lowering.runtime import LoadedProgram
from model.config import N_CODEBOOK
from model.decoding import MASK
from model.generate import Array, Call
from model.methods import Method, eager
from quantization.calibration import Recording


@dataclass(frozen=True)
class Checks:
    """How far a lowered program is off.

    Attributes:
        snr_db: Per method, of all outputs over the recorded calls.
        max_abs_error: Per method, largest difference of an output.
        token_agreement: Per codebook, share of masked cells for which one pass on fp32's own grid
            picks the same code as fp32.
    """

    snr_db: dict[str, float]
    max_abs_error: dict[str, float]
    token_agreement: tuple[float, ...]


def verify(buffer: bytes, recording: Recording, table: Mapping[str, Method]) -> Checks:
    """Compare every method's outputs with the recorded ones, on the same inputs."""
    program = LoadedProgram(buffer)
    snr_db, max_abs_error = {}, {}
    for name, calls in recording.items():
        signal = noise = worst = 0.0
        for inputs, expected in calls:
            for want, got in zip(expected, program.call(name, inputs), strict=True):
                difference = np.asarray(got, np.float64) - np.asarray(want, np.float64)
                signal += float(np.sum(np.square(want, dtype=np.float64)))
                noise += float(np.sum(np.square(difference)))
                worst = max(worst, float(np.abs(difference).max()))
        snr_db[name] = 10 * math.log10(signal / noise) if noise else math.inf
        max_abs_error[name] = worst
    agreement = token_agreement(program.call, eager(dict(table)), recording)
    return Checks(snr_db, max_abs_error, agreement)


def token_agreement(lowered: Call, reference: Call, recording: Recording) -> tuple[float, ...]:
    """Compare the most likely codes of one pass on the same grid, cell by cell."""
    same, cells = np.zeros(N_CODEBOOK), np.zeros(N_CODEBOOK)
    for inputs, _ in recording["smd"]:
        hidden = [np.array(call("smd", inputs)[0]) for call in (lowered, reference)]
        codes = np.asarray(inputs[0])[0]
        for channel in masked_channels(codes):
            frames = codes[channel] == MASK
            picks = [
                most_likely(call, channel, states[:, frames])
                for call, states in zip((lowered, reference), hidden, strict=True)
            ]
            same[channel] += np.sum(picks[0] == picks[1])
            cells[channel] += frames.sum()
    return tuple(float(share) for share in same / np.maximum(cells, 1))


def masked_channels(codes: Array) -> list[int]:
    """Return the channel that a pass over this grid decodes: the first that has masks."""
    return [int(channel) for channel in np.flatnonzero((codes == MASK).any(1))[:1]]


def most_likely(call: Call, channel: int, hidden: Array) -> Array:
    """Pick the most likely code of each (1, M, h) frame."""
    logits = call(f"head_{channel}", [hidden])[0]
    codes: Array = np.asarray(logits)[0].argmax(-1)
    return codes
