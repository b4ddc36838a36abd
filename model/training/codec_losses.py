"""What the codec is trained to get right: spectra at several resolutions."""

import torch
from torch import Tensor, nn

from model.codec.spectral import mel_filters

# (window, mel bands); the two groups take turns, which halves the cost of a step.
SCALES = (((2048, 160), (512, 64), (128, 16)), ((1024, 100), (256, 32)))
PHASE_SCALES = (1024, 512, 256)
POWER = 0.6  # of a bin's magnitude, as the weight of its phase


class SpectralLoss(nn.Module):
    """Log-mel distance at five resolutions and a phase distance at three of them.

    The first is that of DAC (arXiv 2306.06546, section 3.4). The second is one minus the cosine
    between the phases of a bin. A distance of complex spectra would do both at once, but it is
    smallest at zero magnitude wherever the phase cannot be told from the codes, and so takes most
    of the energy out of the high bands.

    Args:
        phase_weight: Weight of the phase distance beside the mel distance.
    """

    def __init__(self, phase_weight: float = 0.3) -> None:
        super().__init__()
        self.phase_weight = phase_weight
        for n_fft, n_mel in SCALES[0] + SCALES[1]:
            self.register_buffer(f"window_{n_fft}", torch.hann_window(n_fft))
            self.register_buffer(f"mel_{n_fft}", mel_filters(n_fft, n_mel))

    def forward(
        self, output: Tensor, target: Tensor, step: int | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compare (B, N) samples at the scales whose turn it is, or at all of them without step.

        Returns:
            The total and its parts by name.
        """
        scales = SCALES[0] + SCALES[1] if step is None else SCALES[step % 2]
        n_phase = sum(n_fft in PHASE_SCALES for n_fft, _ in scales)
        mel = output.new_zeros(())
        phase = output.new_zeros(())
        for n_fft, _ in scales:
            window, filters = self.get_buffer(f"window_{n_fft}"), self.get_buffer(f"mel_{n_fft}")
            out, ref = (
                torch.stft(w, n_fft, n_fft // 4, window=window, return_complex=True) / (n_fft / 2)
                for w in (output, target)
            )
            out_power, ref_power = (s.real.square() + s.imag.square() + 1e-12 for s in (out, ref))
            mel = mel + log_mel_distance(out_power, ref_power, filters)
            if n_fft in PHASE_SCALES:
                phase = phase + phase_distance(out, ref, out_power, ref_power)
        mel, phase = mel / len(scales), phase / n_phase
        return mel + self.phase_weight * phase, {"mel": mel.detach(), "phase": phase.detach()}


def log_mel_distance(output_power: Tensor, target_power: Tensor, filters: Tensor) -> Tensor:
    """Mean absolute difference of two log-mel spectra, in nepers, from (B, F, T) powers."""
    out, ref = (
        (p.sqrt().transpose(1, 2) @ filters).clamp_min(1e-5).log()
        for p in (output_power, target_power)
    )
    return (out - ref).abs().mean()


def phase_distance(
    output: Tensor, target: Tensor, output_power: Tensor, target_power: Tensor
) -> Tensor:
    """One minus the cosine between phases, 0 to 2, weighted by the target's compressed energy."""
    product = output.real * target.real + output.imag * target.imag
    cosine = product * torch.rsqrt(output_power * target_power)
    weight = target_power.pow(POWER / 2)
    return 1 - (cosine * weight).sum() / weight.sum()
