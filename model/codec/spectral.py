"""Fourier analysis and synthesis on the codec's frame grid.

Frame t is centred on the samples it stands for: its window of 1280 samples covers
`[320 t - 480, 320 t + 800)`, so T frames describe exactly 320 T samples and nothing hangs over.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.config import HOP_LENGTH, SAMPLE_RATE_HZ

N_FFT = 4 * HOP_LENGTH
N_BIN = N_FFT // 2 + 1
OVERHANG = (N_FFT - HOP_LENGTH) // 2  # samples of a window on either side of its own hop


def mel_filters(n_fft: int, n_mel: int, high_hz: float = SAMPLE_RATE_HZ / 2) -> Tensor:
    """Triangular mel filters (HTK's mel scale), each of unit area.

    Args:
        n_fft: Window length in samples.
        n_mel: Bands.
        high_hz: Upper edge of the highest band.

    Returns:
        (n_fft / 2 + 1, n_mel) weights of FFT magnitudes.
    """
    top = 2595 * math.log10(1 + high_hz / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, n_mel + 2, dtype=torch.float64) / 2595) - 1)
    # A band narrower than the bins would be empty: widen it to reach its neighbours.
    spacing = SAMPLE_RATE_HZ / n_fft
    bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64)[:, None] * spacing
    low = torch.minimum(edges[:-2], edges[1:-1] - spacing)
    high = torch.maximum(edges[2:], edges[1:-1] + spacing)
    rise = (bins - low) / (edges[1:-1] - low)
    fall = (high - bins) / (high - edges[1:-1])
    weights = torch.minimum(rise, fall).clamp_min(0)
    return (weights / weights.sum(0).clamp_min(1e-9)).float()


def frame_spectrum(waveform: Tensor, n_fft: int) -> Tensor:
    """Short-time Fourier transform with windows centred like the codec's frames.

    Args:
        waveform: (B, T * 320) samples.
        n_fft: Window length in samples, at most 1280.

    Returns:
        (B, T, n_fft / 2 + 1) complex spectrum, scaled so that a full-scale sine has magnitude 0.5.
    """
    side = (n_fft - HOP_LENGTH) // 2
    window = torch.hann_window(n_fft, dtype=waveform.dtype, device=waveform.device)
    spectrum = torch.stft(
        F.pad(waveform, (side, side)),
        n_fft,
        HOP_LENGTH,
        window=window,
        center=False,
        return_complex=True,
    )
    return spectrum.transpose(1, 2) / window.sum()


class InverseSTFT(nn.Module):
    """Inverse short-time Fourier transform as one convolution over frames.

    XNNPACK has neither FFT nor fold, and it takes no slice or pad along an axis of dynamic length.
    But hop t of the output is a linear function of frames t - 2 to t + 2, so that cosines, sines,
    synthesis window and overlap-add fit into the weights of a convolution of kernel 5. Frames
    outside the utterance count as silence: a chunk with enough context on both sides equals the
    whole.
    """

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Persistent although constant: XNNPACK's passes stumble over a weight outside the state.
        self.register_buffer("kernel", synthesis_kernel())

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """Synthesise (B, T, 641) real and imaginary parts to (B, T * 320) samples."""
        spectrum = torch.cat((real, imaginary), -1).transpose(1, 2)
        hops = F.conv1d(spectrum, self.kernel, padding=2)  # (B, 320, T)
        return hops.transpose(1, 2).reshape(real.shape[0], -1)


def synthesis_basis() -> Tensor:
    """Matrix (1280, 2 * 641) from one frame's spectrum to its windowed samples."""
    n = torch.arange(N_FFT, dtype=torch.float64)[:, None]
    k = torch.arange(N_BIN, dtype=torch.float64)
    # A real signal's spectrum: every bin but the first and the last stands for two.
    twice = torch.full((N_BIN,), 2.0, dtype=torch.float64)
    twice[0] = twice[-1] = 1.0
    angle = 2 * math.pi * k * n / N_FFT
    # Analysis divides by the window's sum, N / 2; squared Hann windows at a quarter hop sum to 1.5.
    window = torch.hann_window(N_FFT, dtype=torch.float64)[:, None] / 2 / 1.5
    return (torch.cat((angle.cos() * twice, -angle.sin() * twice), 1) * window).float()


def synthesis_kernel() -> Tensor:
    """Weights (320, 2 * 641, 5) that give each hop its share of the five frames around it."""
    # Frame u reaches 480 samples to either side of its hop: two hops when filled up with zeros.
    reach = F.pad(synthesis_basis(), (0, 0, HOP_LENGTH // 2, HOP_LENGTH // 2))
    hops = reach.reshape(5, HOP_LENGTH, 2 * N_BIN)  # a frame's part in hops u - 2 ... u + 2
    return hops.flip(0).permute(1, 2, 0).contiguous()


def overlap_add(frames: Tensor) -> Tensor:
    """Add (B, T, 1280) windowed frames at their places to (B, T * 320) samples."""
    batch, n_frame = frames.shape[:2]
    length = (n_frame - 1) * HOP_LENGTH + N_FFT
    whole = F.fold(
        frames.transpose(1, 2), (1, length), kernel_size=(1, N_FFT), stride=(1, HOP_LENGTH)
    )
    return whole.reshape(batch, length)[:, OVERHANG:-OVERHANG]
