"""What the codec is trained to get right: spectra at several resolutions."""

import torch
from torch import Tensor, nn

from model.codec.spectral import mel_filters

# (window, mel bands); the two groups take turns, which halves the cost of a step.
SCALES = (((2048, 160), (512, 64), (128, 16)), ((1024, 100), (256, 32)))
COMPLEX_SCALES = (1024, 512, 256)
POWER = 0.3


class SpectralLoss(nn.Module):
    """Log-mel distance at five resolutions and a phase-aware distance at three of them.

    The first is that of DAC (arXiv 2306.06546, section 3.4). The second compares complex spectra
    whose magnitudes are raised to the power 0.3 (arXiv 1911.04697): it rewards the right phase
    where the codes can carry it, at low frequencies.

    Args:
        phase_weight: Weight of the complex distance beside the mel distance.
    """

    def __init__(self, phase_weight: float = 1.0) -> None:
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
        n_complex = sum(n_fft in COMPLEX_SCALES for n_fft, _ in scales)
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
            if n_fft in COMPLEX_SCALES:
                phase = phase + pressed_distance(out, ref, out_power, ref_power)
        mel, phase = mel / len(scales), phase / n_complex
        return mel + self.phase_weight * phase, {"mel": mel.detach(), "phase": phase.detach()}


def log_mel_distance(output_power: Tensor, target_power: Tensor, filters: Tensor) -> Tensor:
    """Mean absolute difference of two log-mel spectra, in nepers, from (B, F, T) powers."""
    out, ref = (
        (p.sqrt().transpose(1, 2) @ filters).clamp_min(1e-5).log()
        for p in (output_power, target_power)
    )
    return (out - ref).abs().mean()


def pressed_distance(
    output: Tensor, target: Tensor, output_power: Tensor, target_power: Tensor
) -> Tensor:
    """Distance of two spectra with compressed magnitudes, relative to the target's energy."""
    # |X|^2 to the power (0.3 - 1) / 2 turns X into X |X|^-0.7.
    out_gain, ref_gain = (p.pow((POWER - 1) / 2) for p in (output_power, target_power))
    real = output.real * out_gain - target.real * ref_gain
    imaginary = output.imag * out_gain - target.imag * ref_gain
    energy = target_power.pow(POWER)
    return (real.square() + imaginary.square()).mean() / energy.mean().clamp_min(1e-4)
