"""Run a lowered program on real inputs here, and compare it with fp32 eager."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lowering.reference import Reference
from model.config import CODEBOOK_SIZE, N_CODEBOOK
from model.decoding import Codes, MaskedCells, Pass, unused_channels
from model.distance import log_spectral_distance_db, mel_cepstral_distortion_db
from model.generate import Array, Call, Float32, Limits, decode_chunk
from model.sampling import Draws, choose_tokens
from quantization.calibration import Recording


@dataclass(frozen=True)
class Checks:
    """How far a lowered program is off.

    Attributes:
        snr_db: Per method, of all outputs over the recorded calls.
        max_abs_error: Per method, largest difference of an output.
        logits_snr_db: Of the logits of masked cells, through `smd` and heads, over all passes.
        token_agreement: Per codebook, share of masked cells for which a pass over fp32's own grid,
            with the same noise, chooses fp32's code.
        lsd_db: Log-spectral distance of the speech made of those choices from fp32's speech.
        mcd_db: Mel-cepstral distortion, likewise.
    """

    snr_db: Mapping[str, float]
    max_abs_error: Mapping[str, float]
    logits_snr_db: float | None
    token_agreement: tuple[float, ...]
    lsd_db: float | None
    mcd_db: float | None


NO_CHECKS = Checks({}, {}, None, (), None, None)  # of a program that cannot be executed here


def verify(
    lowered: Call, eager: Call, recording: Recording, reference: Reference, limits: Limits
) -> Checks:
    """Compare a lowered program with the fp32 reference, each step on the reference's inputs.

    Every step starts from what fp32 had, so that errors show where they arise and do not add up by
    chance: left to itself, one code chosen otherwise changes all that follow.

    Args:
        lowered: Runs a method of the lowered program.
        eager: Runs a method of the fp32 model.
        recording: Inputs and outputs of every method while fp32 said `reference`.
        reference: The speech of fp32.
        limits: What the program takes.
    """
    outputs = {
        name: [lowered(name, inputs) for inputs, _ in calls] for name, calls in recording.items()
    }
    snr_db, max_abs_error = compare_outputs(outputs, recording)
    passes = [hidden for (hidden,) in outputs["smd"]]
    codes, agreement, logits_snr_db = forced_codes(
        lowered, eager, recording, reference, passes=passes
    )
    starts = range(0, codes.shape[1], limits.chunk_frames)
    waveform = np.concatenate([decode_chunk(lowered, limits, codes, start) for start in starts])
    return Checks(
        snr_db,
        max_abs_error,
        logits_snr_db,
        agreement,
        lsd_db=log_spectral_distance_db(reference.waveform, waveform),
        mcd_db=mel_cepstral_distortion_db(reference.waveform, waveform),
    )


def compare_outputs(
    outputs: Mapping[str, Sequence[Sequence[Array]]], recording: Recording
) -> tuple[dict[str, float], dict[str, float]]:
    """Measure signal-to-noise ratio and largest error of each method's outputs.

    Args:
        outputs: Per method, what the lowered program gave for every recorded call.
        recording: The calls.
    """
    snr_db, max_abs_error = {}, {}
    for name, calls in recording.items():
        signal = noise = worst = 0.0
        for (_, expected), given in zip(calls, outputs[name], strict=True):
            for want, got in zip(expected, given, strict=True):
                difference = np.asarray(got, np.float64) - np.asarray(want, np.float64)
                signal += float(np.sum(np.square(want, dtype=np.float64)))
                noise += float(np.sum(np.square(difference)))
                worst = max(worst, float(np.abs(difference).max()))
        snr_db[name] = decibels(signal, noise)
        max_abs_error[name] = worst
    return snr_db, max_abs_error


def decibels(signal: float, noise: float) -> float:
    """Return the ratio of two powers in dB."""
    return 10 * math.log10(signal / noise) if noise else math.inf


def forced_codes(
    lowered: Call,
    eager: Call,
    recording: Recording,
    reference: Reference,
    *,
    passes: Sequence[Array],
) -> tuple[Codes, tuple[float, ...], float]:
    """Let both models choose codes in every recorded pass over the reference's grids.

    Args:
        lowered: Runs a method of the lowered program.
        eager: Runs a method of the fp32 model.
        recording: Inputs and outputs of every method while fp32 said `reference`.
        reference: The speech of fp32.
        passes: What the lowered program's `smd` gave for every recorded pass: on a simulator it
            takes longest of all, and is run once.

    Returns:
        (Q, T) codes: for each channel what the lowered program chose in the last pass over it where
        cells were masked then, the reference's elsewhere, unknown where no pass is for a channel;
        the agreement per codebook, of channels without a pass in the last one; and the
        signal-to-noise ratio of the logits that were chosen by.
    """
    options = reference.request.options
    plan = list(options.plan)
    calls = list(zip(recording["smd"], passes, strict=True))
    unused = unused_channels(plan)
    if unused:  # their heads are compared as well, in the last pass and over its grid
        plan.append(Pass(len(plan), unused, 0.0))
        calls.append(calls[-1])
    codes = reference.codes.copy()
    same, cells = np.zeros(N_CODEBOOK), np.zeros(N_CODEBOOK)
    signal = noise = 0.0
    for step, ((inputs, outputs), given) in zip(plan, calls, strict=True):
        masked = MaskedCells.of(np.asarray(inputs[0][0], np.int64), step)
        draws = Draws(options.seed, 0, step.index)
        logits = [
            logits_of(call, np.asarray(hidden, np.float32), masked)
            for call, hidden in ((lowered, given), (eager, outputs[0]))
        ]
        signal += float(np.square(logits[1], dtype=np.float64).sum())
        noise += float(np.square(logits[0] - logits[1], dtype=np.float64).sum())
        index = masked.channel * codes.shape[1] + masked.frame
        temperature = options.temperature * step.remaining
        picks = [choose_tokens(one, index, draws, temperature, options.top_k) for one in logits]
        if step.channels != unused:
            codes[masked.channel, masked.frame] = picks[0]
        np.add.at(same, masked.channel, picks[0] == picks[1])
        np.add.at(cells, masked.channel, 1)
    agreement = tuple(float(share) for share in same / np.maximum(cells, 1))
    return codes, agreement, decibels(signal, noise)


def logits_of(call: Call, hidden: Float32, masked: MaskedCells) -> Float32:
    """Compute the logits of all masked cells of a pass, (M, V)."""
    logits = np.zeros((len(masked.frame), CODEBOOK_SIZE), np.float32)
    for channel in np.unique(masked.channel):
        rows = masked.channel == channel
        logits[rows] = call(f"head_{channel}", [hidden[:, masked.frame[rows]]])[0][0]
    return logits
