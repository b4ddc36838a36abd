"""Which codes are sampled when: options, the plan of passes, and one step of unmasking."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model import sampling
from model.config import CODEBOOK_SIZE, N_CODEBOOK
from model.errors import ConfigError

Codes = NDArray[np.int64]
MASK = CODEBOOK_SIZE  # the code that stands for "not known yet", one past the codebook's last


@dataclass(frozen=True)
class Pass:
    """One pass of the plan.

    Attributes:
        index: Its number, from 0.
        channels: The channels it samples.
        remaining: Share of their cells that is still masked after it.
    """

    index: int
    channels: tuple[int, ...]
    remaining: float


def cosine_schedule(progress: float) -> float:
    """Share of cells still masked at a progress of 0 to 1; exactly 0 at the end."""
    return math.cos(math.pi / 2 * progress) if progress < 1 else 0.0


def decoding_plan(passes: Sequence[int]) -> tuple[Pass, ...]:
    """Lay out all passes on the cosine schedule of MaskGIT (arXiv 2202.04200, section 3.2).

    Args:
        passes: Passes per channel, coarse to fine, for decoding level by level: channels beyond
            the last number stay unknown. Or one number, passes over all channels jointly.

    Raises:
        ConfigError: No number, more than there are channels, or one out of 1 to `MOST_PASSES`.
    """
    if not (1 <= len(passes) <= N_CODEBOOK and 1 <= min(passes) <= max(passes) <= MOST_PASSES):
        raise ConfigError(
            f"passes must be one number (joint) or 2 to {N_CODEBOOK} (one per channel, from the"
            f" coarsest on), each from 1 to {MOST_PASSES}, not {','.join(map(str, passes))!r}"
        )
    joint = len(passes) == 1
    shares = [
        (tuple(range(N_CODEBOOK)) if joint else (channel,), cosine_schedule(i / count))
        for channel, count in enumerate(passes)
        for i in range(1, count + 1)
    ]
    return tuple(Pass(index, *share) for index, share in enumerate(shares))


def unused_channels(plan: Sequence[Pass]) -> tuple[int, ...]:
    """List the channels that no pass of a plan samples."""
    used = {channel for step in plan for channel in step.channels}
    return tuple(channel for channel in range(N_CODEBOOK) if channel not in used)


# The knee: more passes cost time and are not shown to gain words or voice (docs/quality.md).
MOST_PASSES = 1000  # per channel; a second of speech has fewer frames
DEFAULT_PASSES = (1,) * N_CODEBOOK


@dataclass(frozen=True)
class DecodingOptions:
    """How codes are unmasked.

    Attributes:
        plan: The passes, in order.
        temperature: Of the codes' sampling; anneals to 0 with the share of cells still masked, so
            that the last pass over a channel, often its only one, is greedy.
        top_k: Codes that may be sampled.
        position_temperature: Of the Gumbel noise on confidences; anneals likewise.
        layer_penalty: Taken off a cell's confidence per channel index in joint decoding, so that
            coarse channels come first (OmniVoice's 5.0).
        seed: Of all random numbers.
    """

    plan: tuple[Pass, ...] = decoding_plan(DEFAULT_PASSES)
    temperature: float = 1.0
    top_k: int = 50
    position_temperature: float = 1.0
    layer_penalty: float = 5.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class MaskedCells:
    """The cells of a grid that a pass may fill, by channel and then by frame.

    Attributes:
        channel: (M,) channel of each cell.
        frame: (M,) frame of each cell.
    """

    channel: NDArray[np.int64]
    frame: NDArray[np.int64]

    @classmethod
    def of(cls, codes: Codes, step: Pass) -> "MaskedCells":
        """Find the masked cells of (Q, T) codes that belong to a pass."""
        row, frame = np.nonzero(codes[list(step.channels)] == MASK)
        return cls(np.asarray(step.channels)[row], frame)


def unmask(
    codes: Codes,
    cells: MaskedCells,
    logits: sampling.Float32,
    step: Pass,
    options: DecodingOptions,
    *,
    sentence: int,
) -> None:
    """Write a pass's most confident cells into `codes`, in place.

    Cell i = q*T + t of the grid takes random number i, whichever cells are still masked.

    Args:
        codes: (Q, T).
        cells: The M cells that the pass may fill.
        logits: (M, V).
        step: The pass.
        options: How to decode.
        sentence: Number of the sentence within the utterance.
    """
    index = cells.channel * codes.shape[1] + cells.frame
    draws = sampling.Draws(options.seed, sentence, step.index)
    temperature = options.temperature * step.remaining
    tokens = sampling.choose_tokens(logits, index, draws, temperature, options.top_k)
    keep = np.arange(len(index))
    remaining = math.floor(step.remaining * len(step.channels) * codes.shape[1])
    if remaining:
        scores = sampling.log_probability(logits, tokens)
        if len(step.channels) > 1:
            penalty = np.float32(options.layer_penalty) * cells.channel.astype(np.float32)
            scores = scores - penalty
        if options.position_temperature > 0:
            scale = np.float32(options.position_temperature * step.remaining)
            scores = scores + scale * draws.gumbel(sampling.POSITIONS, index)
        keep = sampling.most_confident(scores, max(1, len(index) - remaining))
    codes[cells.channel[keep], cells.frame[keep]] = tokens[keep]
