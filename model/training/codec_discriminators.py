"""Critics that tell resynthesis from recordings, small enough to train on a CPU.

Complex spectra at several resolutions as in EnCodec (arXiv 2210.13438), with a fraction of the
channels. Critics of waveform periods (HiFi-GAN, arXiv 2010.05646) as small as these never told the
two apart.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RESOLUTIONS = (2048, 1024, 512)
SLOPE = 0.1


class SpectrumDiscriminator(nn.Module):
    """Looks at a complex spectrogram with compressed magnitudes.

    Args:
        n_fft: Window in samples; the hop is a quarter of it.
    """

    window: Tensor

    def __init__(self, n_fft: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.convolutions = nn.ModuleList(
            (
                nn.Conv2d(2, 24, (8, 3), (4, 1), padding=(2, 1)),
                nn.Conv2d(24, 48, (6, 3), (4, 1), padding=(1, 1)),
                nn.Conv2d(48, 64, (4, 3), (2, 2), padding=(1, 1)),
                nn.Conv2d(64, 64, (3, 3), padding=(1, 1)),
            )
        )
        self.verdict = nn.Conv2d(64, 1, (3, 3), padding=(1, 1))

    def forward(self, waveform: Tensor) -> list[Tensor]:
        """Judge (B, N) samples; returns the features of every layer, the verdict last."""
        spectrum = torch.stft(
            waveform, self.n_fft, self.n_fft // 4, window=self.window, return_complex=True
        )
        parts = torch.view_as_real(spectrum[:, :-1]) / (self.n_fft / 2)
        # The floor keeps the decoder from learning of little but bins too quiet to be heard, where
        # a compressed spectrum is steepest.
        power = parts.square().sum(-1, keepdim=True) + 1e-7
        x = (parts * power.pow(-0.35)).permute(0, 3, 1, 2)
        features = []
        for convolution in self.convolutions:
            x = F.leaky_relu(convolution(x), SLOPE)
            features.append(x)
        return [*features, self.verdict(x)]


class Discriminators(nn.Module):
    """All critics but one, whose turn it is to rest: which saves a third."""

    def __init__(self) -> None:
        super().__init__()
        self.spectra = nn.ModuleList(SpectrumDiscriminator(n_fft) for n_fft in RESOLUTIONS)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # a third faster

    def forward(self, waveform: Tensor, turn: int) -> list[list[Tensor]]:
        """Judge (B, N) samples; returns each critic's features, its verdict last.

        Args:
            waveform: (B, N) samples.
            turn: Number of the step, by which another critic rests each time.
        """
        resting = turn % len(self.spectra)
        return [critic(waveform) for i, critic in enumerate(self.spectra) if i != resting]


def critic_loss(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Hinge loss of the critics: verdicts above 1 on recordings, below -1 on resynthesis."""
    losses = [
        F.relu(1 - r[-1].float()).mean() + F.relu(1 + f[-1].float()).mean()
        for r, f in zip(real, fake, strict=True)
    ]
    return torch.stack(losses).mean()


def deceit_loss(fake: list[list[Tensor]]) -> Tensor:
    """What the decoder gets for verdicts that are not high."""
    return torch.stack([-f[-1].float().mean() for f in fake]).mean()


def feature_loss(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Distance of the critics' features, relative to their size on recordings."""
    losses = [
        (a.detach().float() - b.float()).abs().mean()
        / a.detach().float().abs().mean().clamp_min(1e-3)
        for r, f in zip(real, fake, strict=True)
        for a, b in zip(r[:-1], f[:-1], strict=True)
    ]
    return torch.stack(losses).mean()
