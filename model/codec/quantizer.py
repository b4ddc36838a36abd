"""Residual vector quantization: each codebook describes what the ones before it left over."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ResidualQuantizer(nn.Module):
    """Codebooks applied one after the other (SoundStream, arXiv 2107.03312, section III-C).

    The table has one more row per codebook, of zeros: the code V, one past the last, stands for a
    code that is not known and adds nothing to the sum.

    Args:
        n_codebook: Codebooks Q.
        size: Entries V of each.
        width: Channels D of an entry.
    """

    entries: Tensor
    first: Tensor

    def __init__(self, n_codebook: int, size: int, width: int) -> None:
        super().__init__()
        self.n_codebook = n_codebook
        # A buffer: entries follow the data by moving averages, not by gradient. One table for all
        # codebooks, so that decoding is a single lookup outside the delegate.
        entries = torch.randn(n_codebook * size, width).view(n_codebook, size, width)
        self.register_buffer("entries", F.pad(entries, (0, 0, 0, 1)).flatten(0, 1))
        first = torch.arange(n_codebook)[:, None] * (size + 1)
        self.register_buffer("first", first, persistent=False)

    @property
    def codebooks(self) -> Tensor:
        """Entries (Q, V, D) of every codebook, sharing memory with the table."""
        return self.entries.view(self.n_codebook, -1, self.entries.shape[1])[:, :-1]

    def encode(self, latents: Tensor) -> Tensor:
        """Find the codes (B, Q, T) of (B, T, D) latents, greedily from the first codebook on."""
        flat = latents.reshape(-1, latents.shape[-1])
        codes = []
        for codebook in self.codebooks:
            index = nearest(flat, codebook)
            codes.append(index)
            flat = flat - codebook[index]
        return torch.stack(codes).reshape(len(codes), latents.shape[0], -1).transpose(0, 1)

    def forward(self, codes: Tensor) -> Tensor:
        """Sum the entries of (B, Q, T) codes, V where unknown, to (B, T, D) latents."""
        return F.embedding(codes + self.first, self.entries).sum(1)


def nearest(points: Tensor, codebook: Tensor) -> Tensor:
    """Index of the entry of (V, D) nearest to each of (N, D) points."""
    # |p|^2 is the same for every entry, so it need not be added.
    scores = torch.addmm(codebook.square().sum(1), points, codebook.T, alpha=-2)
    return scores.argmin(1)
