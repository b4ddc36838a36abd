"""Kokoro's vocoder (an ISTFTNet with styled blocks) on a CPU, its convolutions in the fastest type.

That is bfloat16 where the processor computes in it, three times as fast as float32, and float32
elsewhere. Signals are matrices (time, channels), which is the layout that oneDNN's bfloat16
convolutions like best. Between convolutions everything is float32, in pieces that stay in the
cache.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from model.data.kokoro_parts import BLOCKS, STEPS
from model.precision import fast_dtype

_DILATIONS = {"1.0": 1, "1.1": 3, "1.2": 5, "2.0": 1, "2.1": 1, "2.2": 1}
_UPSAMPLING = ((10, 5), (6, 3))  # stride and padding of the two transposed convolutions
_BLOCKS_PER_STAGE = 3
_EPSILON = 1e-5
_PIECE = 2**18  # numbers: 1 MB of float32


@dataclass(frozen=True)
class _Step:
    """Normalisation, style, snake and convolution: a sixth of a block."""

    weight: torch.Tensor  # (C, C, 1, kernel), divided by alpha
    bias: torch.Tensor
    alpha: torch.Tensor  # (C,)
    style_weight: torch.Tensor  # (128, 2C)
    style_bias: torch.Tensor
    dilation: int

    def __call__(self, signal: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        """Return the convolved signal (time, C) in the type of the weights."""
        length, channels = signal.shape
        gain, shift = (style @ self.style_weight + self.style_bias)[0].chunk(2)
        mean = signal.mean(dim=0, dtype=torch.float32)
        pieces = range(0, length, _PIECE // channels)
        squares = torch.zeros(channels)
        for start in pieces:
            centred = signal[start : start + pieces.step].float() - mean
            squares += centred.square_().sum(dim=0)
        scale = (gain + 1.0) * self.alpha * torch.rsqrt(squares / length + _EPSILON)
        offset = shift * self.alpha - mean * scale
        active = torch.empty(
            1, channels, 1, length, dtype=self.weight.dtype, memory_format=torch.channels_last
        )
        rows = active[0, :, 0].t()
        for start in pieces:
            # Snake, x + sin²(αx) / α, on αx; the other factor α is in the weights.
            inner = torch.addcmul(offset, signal[start : start + pieces.step].float(), scale)
            sine = torch.sin(inner)
            rows[start : start + pieces.step] = inner.addcmul_(sine, sine)
        padding = self.dilation * (self.weight.shape[-1] - 1) // 2
        convolved = F.conv2d(
            active, self.weight, self.bias, padding=(0, padding), dilation=(1, self.dilation)
        )
        return convolved[0, :, 0].t()


class Vocoder:
    """Features, harmonic source and style in, log magnitudes and phases out.

    Args:
        weights: As `kokoro_parts.take_apart` returns them.
        dtype: Of the convolutions; by default the processor's fastest.
    """

    def __init__(
        self, weights: Mapping[str, torch.Tensor], dtype: torch.dtype | None = None
    ) -> None:
        self._dtype = dtype or fast_dtype()
        self._blocks = {
            block: [
                _step(weights, f"{block}.{step}", _DILATIONS[step], self._dtype) for step in STEPS
            ]
            for block in BLOCKS
        }
        self._ups = [_pair(weights, f"ups.{stage}", self._dtype) for stage in range(2)]
        self._post = _pair(weights, "post", self._dtype)

    @torch.inference_mode()
    def __call__(
        self,
        features: torch.Tensor,
        coarse_source: torch.Tensor,
        fine_source: torch.Tensor,
        style: torch.Tensor,
    ) -> torch.Tensor:
        """Return the spectrum (1, 22, 60 F + 1), as Kokoro's last convolution gives it.

        Args:
            features: (1, 512, F).
            coarse_source: (1, 256, 10 F).
            fine_source: (1, 128, 60 F + 1).
            style: (1, 128).
        """
        signal = features
        for stage, source in enumerate((coarse_source, fine_source)):
            stride, padding = _UPSAMPLING[stage]
            signal = F.conv_transpose1d(
                F.leaky_relu(signal.to(self._dtype), 0.1),
                *self._ups[stage],
                stride=stride,
                padding=padding,
            )
            if stage == 1:
                signal = F.pad(signal, (1, 0), mode="reflect")
            rows = _rows(signal) + self._block(f"noise_res.{stage}", _rows(source), style)
            first = stage * _BLOCKS_PER_STAGE
            mixed = self._block(f"resblocks.{first}", rows, style)
            for number in range(first + 1, first + _BLOCKS_PER_STAGE):
                mixed += self._block(f"resblocks.{number}", rows, style)
            signal = (mixed / _BLOCKS_PER_STAGE).t().unsqueeze(0)
        return F.conv1d(F.leaky_relu(signal.to(self._dtype), 0.01), *self._post, padding=3).float()

    def _block(self, name: str, rows: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        steps = self._blocks[name]
        for dilated, plain in zip(steps[::2], steps[1::2], strict=True):
            rows = rows + plain(dilated(rows, style), style).float()
        return rows


def _step(
    weights: Mapping[str, torch.Tensor], key: str, dilation: int, dtype: torch.dtype
) -> _Step:
    alpha = weights[f"{key}.alpha"]
    weight = (weights[f"{key}.weight"] / alpha[None, :, None]).unsqueeze(2).to(dtype)
    return _Step(
        weight=weight.contiguous(memory_format=torch.channels_last),
        bias=weights[f"{key}.bias"].to(dtype),
        alpha=alpha,
        style_weight=weights[f"{key}.style_weight"],
        style_bias=weights[f"{key}.style_bias"],
        dilation=dilation,
    )


def _pair(
    weights: Mapping[str, torch.Tensor], key: str, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    return weights[f"{key}.weight"].to(dtype), weights[f"{key}.bias"].to(dtype)


def _rows(signal: torch.Tensor) -> torch.Tensor:
    """Return (1, C, time) as (time, C), float32 and contiguous."""
    return signal[0].t().contiguous().float()
