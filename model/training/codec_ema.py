"""Codebooks that follow the data: k-means to begin with, moving averages, and no dead codes."""

import torch
from torch import Tensor

from model.codec.quantizer import ResidualQuantizer, nearest

# A new entry starts this far from a busy one towards a point of its cluster. At the point itself
# it would stay unused: in many dimensions a centre is nearer to all other points than a point is.
SPLIT = 0.2


def kmeans(points: Tensor, size: int, generator: torch.Generator, rounds: int = 12) -> Tensor:
    """Cluster (N, D) points into (size, D) centres; small clusters give way to splits of large."""
    start = torch.randperm(len(points), generator=generator)[:size].to(points.device)
    centres = points[start].clone()
    for _ in range(rounds):
        index = nearest(points, centres)
        count = torch.bincount(index, minlength=size)
        total = torch.zeros_like(centres).index_add_(0, index, points)
        centres = total / count.clamp_min(1)[:, None]
        crowded_out = torch.nonzero(count < len(points) / size / 8).flatten()
        chosen = draw_indices(points, crowded_out, generator)
        centres[crowded_out] = torch.lerp(centres[index[chosen]], points[chosen], SPLIT)
    return centres


def draw_indices(points: Tensor, like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw as many indices of points as another tensor has, on the processor, for any device."""
    return torch.randint(len(points), like.shape, generator=generator).to(points.device)


class CodebookTrainer:
    """Trains a residual quantizer by exponential moving averages (VQ-VAE, arXiv 1711.00937).

    Args:
        quantizer: The quantizer whose codebooks it updates.
        decay: Of the moving averages, per step.
        dead: A code used less often than this per step, on average, is replaced.
        seed: Of restarts and codebook dropout.
    """

    def __init__(
        self, quantizer: ResidualQuantizer, *, decay: float, dead: float, seed: int
    ) -> None:
        self.quantizer, self.decay, self.dead = quantizer, decay, dead
        self.count = torch.ones(quantizer.codebooks.shape[:2], device=quantizer.entries.device)
        self.total = quantizer.codebooks.clone()
        self.generator = torch.Generator().manual_seed(seed)

    @torch.no_grad()
    def initialise(self, points: Tensor) -> None:
        """Start every codebook from k-means on what the earlier ones leave of (N, D) points."""
        for q, codebook in enumerate(self.quantizer.codebooks):
            codebook.copy_(kmeans(points, len(codebook), self.generator))
            index = nearest(points, codebook)
            self.count[q] = torch.bincount(index, minlength=len(codebook)).float()
            self.count[q] *= 1 / (1 - self.decay) / len(points) * 64
            self.total[q] = codebook * self.count[q][:, None]
            points = points - codebook[index]

    def quantize(self, latents: Tensor, dropout: float, *, update: bool) -> tuple[Tensor, Tensor]:
        """Quantize with straight-through gradients, updating the averages on the way.

        Args:
            latents: (B, T, D) encoder output.
            dropout: Share of the batch that keeps only a random number of first codebooks.
            update: Whether codebooks learn from this batch.

        Returns:
            (B, T, D) quantized latents and the commitment loss.
        """
        batch, _, width = latents.shape
        n_codebook = len(self.quantizer.codebooks)
        kept = torch.full((batch,), n_codebook)
        dropped = torch.rand(batch, generator=self.generator) < dropout
        some = torch.randint(1, n_codebook, (batch,), generator=self.generator)
        kept[dropped] = some[dropped]
        kept = kept.to(latents.device)
        residual = latents.detach().reshape(-1, width)
        quantized = torch.zeros_like(latents)
        commitment = latents.new_zeros(())
        for q, codebook in enumerate(self.quantizer.codebooks):
            index = nearest(residual, codebook)
            entry = codebook[index]
            if update:
                self._update(q, residual, index)
            residual = residual - entry
            here = (kept > q)[:, None, None]
            quantized = quantized + entry.reshape(latents.shape) * here
            commitment = commitment + ((latents - quantized).square() * here).mean()
        return latents + (quantized - latents).detach(), commitment / n_codebook

    @torch.no_grad()
    def _update(self, q: int, points: Tensor, index: Tensor) -> None:
        codebook = self.quantizer.codebooks[q]
        count = torch.bincount(index, minlength=len(codebook)).float()
        total = torch.zeros_like(codebook).index_add_(0, index, points)
        self.count[q].lerp_(count, 1 - self.decay)
        self.total[q].lerp_(total, 1 - self.decay)
        dead = torch.nonzero(self.count[q] < self.dead).flatten()
        chosen = draw_indices(points, dead, self.generator)
        busy = index[chosen]
        fresh = torch.lerp(codebook[busy], points[chosen], SPLIT)
        self.count[q][busy] /= 2
        self.total[q][busy] /= 2
        self.count[q][dead] = self.count[q][busy].clamp_min(2 * self.dead)
        self.total[q][dead] = fresh * self.count[q][dead][:, None]
        codebook.copy_(self.total[q] / self.count[q].clamp_min(1e-5)[:, None])

    def state(self) -> dict[str, Tensor]:
        """Tensors that training needs to go on."""
        return {
            "count": self.count,
            "total": self.total,
            "generator": self.generator.get_state(),
        }

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        device = self.total.device
        self.count, self.total = state["count"].to(device), state["total"].to(device)
        self.generator.set_state(state["generator"])
