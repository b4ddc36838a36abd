"""The blocks of MobileSpeech, written so that XNNPACK takes a whole pass as one delegate.

XNNPACK (executorch 1.5.1) leaves `native_layer_norm`, `mean.dim` over the last axis and the
`expand_copy` that a 4-D matmul brings outside its delegate, and each of them cuts the graph in two.
Hence the RMS norm whose mean is a linear layer, and attention as 3-D `bmm`. A reshape stays inside
only while its one dynamic dimension is spelt -1, which `reshape` of a permuted tensor does not
keep and `contiguous().view` does.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# What norms divide by before they square. 16-bit floats end at 65 504, the square of 256, and the
# residuals of a trained model go beyond. A power of two: in fp32 no bit of a norm changes.
BEFORE_SQUARES = 16.0


class RMSNorm(nn.Module):
    """Root-mean-square norm (arXiv 1910.07467) whose mean over channels is a `Linear(C, 1)`.

    The averaging weights are constants, and quantization must leave them alone: rounding them
    would bend the scale of every activation.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.mean = nn.Linear(width, 1, bias=False)
        self.mean.weight.requires_grad = False
        nn.init.constant_(self.mean.weight, 1 / width)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis of (..., C)."""
        x = x * (1 / BEFORE_SQUARES)
        epsilon = 1e-6 / BEFORE_SQUARES**2
        normed: Tensor = x * torch.rsqrt(self.mean(x * x) + epsilon) * self.scale
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
    batch, size = x.shape[0], x.shape[2] // n_head
    x = x.reshape(batch, -1, n_head, size)
    if keys:
        return x.permute(0, 2, 3, 1).contiguous().view(batch * n_head, size, -1)
    return x.permute(0, 2, 1, 3).contiguous().view(batch * n_head, -1, size)


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
        batch, _, width = x.shape
        queries = split_heads(self.query(x) * self.scale, self.n_head)
        if self.training:  # fused where there is a kernel for it; a device runs the other branch
            mixed = attend(queries, keys, values, bias)
        else:
            scores = torch.bmm(queries, keys)
            if bias is not None:
                scores = scores + bias
            mixed = torch.bmm(torch.softmax(scores, -1), values)
        mixed = mixed.reshape(batch, self.n_head, -1, width // self.n_head)
        out: Tensor = self.out(mixed.permute(0, 2, 1, 3).contiguous().view(batch, -1, width))
        return out


def attend(queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None) -> Tensor:
    """Attention of `Attention`, by torch's fused kernels: (B*H, T, C/H), scaled already."""
    keys = keys.transpose(1, 2)
    if bias is not None:
        bias = bias.to(queries.dtype)[None].expand(1, len(queries), queries.shape[1], -1)
    # Kernels take four dimensions.
    mixed = F.scaled_dot_product_attention(
        queries[None], keys[None], values[None], attn_mask=bias, scale=1.0
    )
    return mixed[0]


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


class Block(nn.Module):
    """Self-attention, cross-attention, convolution and feed-forward, each behind a norm.

    The Conformer block (arXiv 2005.08100) with a single feed-forward, and with cross-attention
    to a prompt where `cross` is set. Without self-attention it is a convolution block.
    """

    def __init__(
        self,
        width: int,
        ratio: int,
        kernel: int,
        n_head: int = 0,
        *,
        cross: bool = False,
    ) -> None:
        super().__init__()
        self.self_memory = Memory(width, width, n_head) if n_head else None
        self.self_attention = Attention(width, n_head) if n_head else None
        self.cross_attention = Attention(width, n_head) if cross else None
        self.convolution = ConvModule(width, kernel)
        self.feed_forward = FeedForward(width, ratio)
        self.attention_norm = RMSNorm(width) if n_head else None
        self.cross_norm = RMSNorm(width) if cross else None
        self.convolution_norm = RMSNorm(width)
        self.feed_forward_norm = RMSNorm(width)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        memory: tuple[Tensor, Tensor] | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        """Map (B, T, C) to (B, T, C).

        Args:
            x: (B, T, C).
            mask: (B, T, 1), 1 where a position counts, 0 where it is padding; None for no padding.
            memory: Keys and values to cross-attend to, split into heads; only with `cross`.
            memory_mask: (B, S, 1), the same as `mask` for the memory.
        """
        if self.self_attention and self.self_memory and self.attention_norm:
            y = self.attention_norm(x)
            bias = attention_bias(mask, self.self_attention.n_head)
            x = x + self.self_attention(y, *self.self_memory(y), bias)
        if self.cross_attention and self.cross_norm and memory is not None:
            bias = attention_bias(memory_mask, self.cross_attention.n_head)
            x = x + self.cross_attention(self.cross_norm(x), *memory, bias)
        x = x + self.convolution(self.convolution_norm(x), mask)
        out: Tensor = x + self.feed_forward(self.feed_forward_norm(x))
        return out


def attention_bias(mask: Tensor | None, n_head: int) -> Tensor | None:
    """Turn a (B, T, 1) mask into what is added to attention scores, (B*H or 1, 1, T)."""
    if mask is None:
        return None
    bias = ((mask - 1) * 1e4).transpose(1, 2)
    return bias if bias.shape[0] == 1 else bias.repeat_interleave(n_head, 0)
