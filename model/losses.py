"""What MobileSpeech is trained on: grids masked in three ways (or jointly), and the losses.

MobileSpeech (arXiv 2402.09378), figure 1(b). The paper leaves its probabilities and weights open;
the defaults are those of the family's open code where it has any.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.config import N_CODEBOOK
from model.decoding import MASK


@dataclass(frozen=True)
class MaskOptions:
    """How often each branch is drawn.

    Attributes:
        joint: Share of examples whose whole grid is masked at random, for joint decoding
            (OmniVoice's training).
        first: Share of the others that train channel 1.
        alpha: Share of those whose channel 1 is masked only in part (the paper's alpha).
        whole_rank: Share of the examples of a deeper channel in which it is masked completely:
            what the default schedule, one pass per deeper channel, meets.
        rank_weights: How often channels 2 to 8 are drawn, relative to each other (the paper's
            P_rank); linear as in MaskGCT (arXiv 2409.00750).
    """

    joint: float = 0.0
    first: float = 0.4
    alpha: float = 0.7
    whole_rank: float = 0.75
    rank_weights: tuple[float, ...] = (7, 6, 5, 4, 3, 2, 1)


@dataclass(frozen=True, eq=False)
class MaskedGrid:
    """A batch as the decoder sees it in training.

    Attributes:
        codes: (B, Q, T) codes; MASK where the decoder has to guess.
        trained: (B, Q, T) cells whose loss counts: masked ones, of the trained channel.
    """

    codes: Tensor
    trained: Tensor


def mask_grid(
    codes: Tensor, valid: Tensor, options: MaskOptions, generator: torch.Generator
) -> MaskedGrid:
    """Draw one of the paper's branches for each example and mask its grid.

    - P_(1-alpha): channel 1 masked completely, finer ones too.
    - P_alpha: channel 1 masked in part, finer ones completely.
    - P_rank: a deeper channel j masked in part or completely, coarser ones given, finer ones
      masked.
    - joint, which the paper does not have: each cell of the grid masked alike.

    The share masked in a part follows the cosine of a uniform draw (MaskGIT, arXiv 2202.04200).

    Args:
        codes: (B, Q, T) codes.
        valid: (B, T), False where a frame is padding.
        options: The branches' shares.
        generator: Of all random numbers.
    """
    batch, n_channel, _ = codes.shape
    joint = chance(options.joint, batch, generator)
    first = chance(options.first, batch, generator)
    weights = torch.tensor(options.rank_weights, dtype=torch.float32)
    deeper = 1 + torch.multinomial(weights, batch, replacement=True, generator=generator)
    channel = torch.where(first, 0, deeper)
    whole = torch.where(
        first,
        ~chance(options.alpha, batch, generator),
        chance(options.whole_rank, batch, generator),
    )
    share = torch.cos(math.pi / 2 * torch.rand(batch, generator=generator))

    index = torch.arange(n_channel)[None, :, None]
    level = channel[:, None, None]
    every = valid[:, None].expand_as(codes)
    part = random_cells((every & (index == level)).flatten(1), share, generator).view_as(every)
    level_mask = torch.where(whole[:, None, None], every & (index == level), part)
    joint_mask = random_cells(every.flatten(1), share, generator).view_as(every)
    trained = torch.where(joint[:, None, None], joint_mask, level_mask)
    hidden = trained | (~joint[:, None, None] & (index > level))
    return MaskedGrid(codes.masked_fill(hidden, MASK), trained)


def chance(share: float, batch: int, generator: torch.Generator) -> Tensor:
    """Draw (B,) booleans that are True with a probability."""
    return torch.rand(batch, generator=generator) < share


def random_cells(candidates: Tensor, share: Tensor, generator: torch.Generator) -> Tensor:
    """Choose a share of the candidates of each row, rounded up, so at least one.

    Args:
        candidates: (B, N) booleans.
        share: (B,) of each row, above 0 and at most 1.
        generator: Of the choice.

    Returns:
        (B, N) booleans.
    """
    noise = torch.rand(candidates.shape, generator=generator).masked_fill(~candidates, 2.0)
    rank = noise.argsort(1).argsort(1)
    count = torch.ceil(share * candidates.sum(1))
    return candidates & (rank < count[:, None])


@dataclass(frozen=True, eq=False)
class Guidance:
    """What a teacher thinks of a batch with a prompt and without, to be learnt as one.

    Classifier-free guidance (arXiv 2207.12598) moves logits away from what is likely whoever
    speaks, at the price of a second pass. A student that learns the guided distribution needs one
    (arXiv 2210.03142).

    Attributes:
        heads: The teacher's, one per channel.
        prompted: (B, T, head_width) of the teacher's decoder.
        unprompted: The same without a prompt.
        weights: How far logits are moved, per channel.
    """

    heads: nn.ModuleList
    prompted: Tensor
    unprompted: Tensor
    weights: Sequence[float]

    @torch.no_grad()
    def targets(self, channel: int, batch: Tensor, frame: Tensor) -> Tensor:
        """Return the guided distribution over codes, (N, V), of N cells of a channel."""
        with_prompt, without = self.prompted[batch, frame], self.unprompted[batch, frame]
        # Heads are affine, so hidden frames may be moved in place of logits.
        guided = with_prompt + self.weights[channel] * (with_prompt - without)
        logits: Tensor = self.heads[channel](guided)
        return torch.softmax(logits.float(), -1)


def code_loss(
    hidden: Tensor,
    heads: nn.ModuleList,
    codes: Tensor,
    trained: Tensor,
    *,
    channel_weights: Sequence[float] = (1.0,) * N_CODEBOOK,
    guidance: Guidance | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Cross-entropy of the trained cells, each channel's weighted.

    Args:
        hidden: (B, T, head_width) of the decoder.
        heads: One per channel.
        codes: (B, Q, T) true codes.
        trained: (B, Q, T) cells that count.
        channel_weights: Weight of a channel's cells.
        guidance: What is to be learnt in place of the true codes.

    Returns:
        The weighted mean over cells; and per channel, (Q,) each and detached, how many cells
        counted and how many of them were guessed right.
    """
    total = hidden.new_zeros(())
    counts, hits = torch.zeros(len(heads)), torch.zeros(len(heads))
    weight_sum = 0.0
    for channel, (head, weight) in enumerate(zip(heads, channel_weights, strict=True)):
        batch, frame = torch.nonzero(trained[:, channel], as_tuple=True)
        if not len(batch):
            continue
        logits = head(hidden[batch, frame]).float()
        true = codes[batch, channel, frame]
        target = true if guidance is None else guidance.targets(channel, batch, frame)
        total = total + weight * F.cross_entropy(logits, target, reduction="sum")
        weight_sum += weight * len(batch)
        counts[channel] = len(batch)
        hits[channel] = (logits.detach().argmax(1) == true).sum()
    return total / max(weight_sum, 1e-9), counts, hits


def log_duration_loss(predicted: Tensor, durations: Tensor, valid: Tensor) -> Tensor:
    """Mean squared error of log durations: the duration predictor's, and the prompt's extractor's.

    Args:
        predicted: (B, S) natural logarithms of durations in frames.
        durations: (B, S) true durations in frames, of a phoneme each or of the phoneme under each
            step of a prompt.
        valid: (B, S), False where there is padding.
    """
    error = predicted.float() - torch.log(durations.clamp_min(1).float())
    return error.square()[valid].mean()
