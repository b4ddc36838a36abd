"""The blocks of MobileSpeech, written so that XNNPACK takes a whole pass as one delegate.

XNNPACK (executorch 1.5.1) leaves `native_layer_norm`, `mean.dim` over the last axis and the
`expand_copy` that a 4-D matmul brings outside its delegate, and each of them cuts the graph in two.
Hence the RMS norm whose mean is a linear layer, and attention as 3-D `bmm`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RMSNorm(nn.Module):
    """Root-mean-square norm (arXiv 1910.07467) whose mean over channels is a `Linear(C, 1)`.

    The averaging weights are constants, and quantization must leave them alone: rounding them
    would bend the scale of every activation.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.mean = nn.Linear(width, 1, bias=False)
        self.mean.weight.requires_grad_(requires_grad=False).fill_(1 / width)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis of (..., C)."""
        normed: Tensor = x * torch.rsqrt(self.mean(x * x) + 1e-6) * self.scale
        return normed


class Memory(nn.Module):
    """Keys and values of a sequence that is attended to: computed once, used by every query."""

    def __init__(self, source_width: int, width: int, n_head: int) -> None:
        super().__init__()
        self.n_head = n_head
        self.key = nn.Linear(source_width, width, bias=False)
        self.value = nn.Linear(source_width, width, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Project (B, T, source_width) to keys (B*H, C/H, T) and values (B*H, T, C/H)."""
        return split_heads(self.key(x), self.n_head, keys=True), split_heads(
            self.value(x), self.n_head
        )


def split_heads(x: Tensor, n_head: int, *, keys: bool = False) -> Tensor:
    """Reshape (B, T, C) to (B*H, T, C/H), or to (B*H, C/H, T) where they are keys."""
    batch, length, width = x.shape
    size = width // n_head
    x = x.reshape(batch, length, n_head, size)
    if keys:
        return x.permute(0, 2, 3, 1).reshape(batch * n_head, size, length)
    return x.permute(0, 2, 1, 3).reshape(batch * n_head, length, size)


class Attention(nn.Module):
    """Multi-head attention over keys and values that are already split into heads."""

    def __init__(self, width: int, n_head: int) -> None:
        super().__init__()
        self.n_head = n_head
        self.scale = (width // n_head) ** -0.5
        self.query = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None) -> Tensor:
        """Attend.

        Args:
            x: (B, T, C) queries.
            keys: (B*H, C/H, S).
            values: (B*H, S, C/H).
            bias: (B*H or 1, 1, S), added to the scores: 0 where a key counts, very negative where
                it is padding; None where there is no padding.

        Returns:
            (B, T, C).
        """
        batch, length, width = x.shape
        scores = torch.bmm(split_heads(self.query(x) * self.scale, self.n_head), keys)
        if bias is not None:
            scores = scores + bias
        mixed = torch.bmm(torch.softmax(scores, -1), values)
        mixed = mixed.reshape(batch, self.n_head, length, width // self.n_head)
        out: Tensor = self.out(mixed.permute(0, 2, 1, 3).reshape(batch, length, width))
        return out


class FeedForward(nn.Module):
    """Two linear layers around a GELU."""

    def __init__(self, width: int, ratio: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, ratio * width)
        self.down = nn.Linear(ratio * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, C) to (B, T, C)."""
        out: Tensor = self.down(F.gelu(self.up(x)))
        return out


class ConvModule(nn.Module):
    """Depthwise convolution over time, SiLU and a pointwise projection, after the Conformer's.

    Source: arXiv 2005.08100, section 2.2, without the gated expansion and the batch norm.
    """

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.pointwise = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Map (B, T, C) to (B, T, C).

        Args:
            x: (B, T, C).
            mask: (B, T, 1), 1 where a position counts and 0 where it is padding, so that padding
                looks like the zeros beyond the edge; None where there is no padding.
        """
        if mask is not None:
            x = x * mask
        y = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        out: Tensor = self.pointwise(y * torch.sigmoid(y))
        return out
