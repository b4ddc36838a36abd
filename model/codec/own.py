"""The codec `own`: frame-rate ConvNeXt networks around a short-time Fourier transform.

Nothing in it runs at the sample rate but two Fourier transforms, so it costs a tenth of a
convolutional codec of the same rate and learns on a CPU. The architecture follows Vocos
(arXiv 2306.00814) for the decoder and SoundStream (arXiv 2107.03312) for the quantizer.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.checkpoint import load_checkpoint, tensor_hash
from model.codec.quantizer import ResidualQuantizer
from model.codec.spectral import N_BIN, N_FFT, InverseSTFT, frame_spectrum, mel_filters
from model.config import CODEBOOK_SIZE, HOP_LENGTH, N_CODEBOOK
from model.errors import CheckpointError
from model.layers import RMSNorm

ENTRIES = "quantizer.entries"  # of the checkpoint: all codebooks, without the rows of zeros


@dataclass(frozen=True)
class CodecConfig:
    """Sizes of the codec `own`.

    Attributes:
        code_width: Channels D of the quantized latents.
        encoder_width: Channels of the encoder.
        encoder_layers: ConvNeXt blocks of the encoder.
        decoder_width: Channels of the decoder.
        decoder_layers: ConvNeXt blocks of the decoder.
        ffn_ratio: Inner width of a block over its outer.
        kernel: Frames that a block's depthwise convolution sees.
        n_mel: Mel bands of the encoder's input.
        n_phase_bin: Bins of the encoder's complex input, from 0 Hz in steps of 37.5 Hz.
    """

    code_width: int = 64
    encoder_width: int = 256
    encoder_layers: int = 4
    decoder_width: int = 288
    decoder_layers: int = 6
    ffn_ratio: int = 3
    kernel: int = 7
    n_mel: int = 100
    n_phase_bin: int = 108


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time and a feed-forward over channels (arXiv 2201.03545)."""

    def __init__(self, width: int, ratio: int, kernel: int, scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = RMSNorm(width)
        self.up = nn.Linear(width, ratio * width)
        self.down = nn.Linear(ratio * width, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Refine (B, T, C); a mask (B, T, 1) keeps frames that are padding out of the others."""
        if mask is not None:
            x = x * mask
        y = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        refined: Tensor = x + self.down(F.gelu(self.up(self.norm(y)))) * self.scale
        return refined


class Encoder(nn.Module):
    """Waveform to latents: log-mel magnitudes plus the low bins' phases, then ConvNeXt blocks."""

    mel: Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        width = config.encoder_width
        self.n_phase_bin = config.n_phase_bin
        self.register_buffer("mel", mel_filters(N_FFT, config.n_mel), persistent=False)
        self.stem = nn.Linear(config.n_mel + 2 * config.n_phase_bin, width)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(width, config.ffn_ratio, config.kernel, 1 / config.encoder_layers)
            for _ in range(config.encoder_layers)
        )
        self.norm = RMSNorm(width)
        self.project = nn.Linear(width, config.code_width)

    def features(self, waveform: Tensor) -> Tensor:
        """Turn (B, T * 320) samples into (B, T, n_mel + 2 * n_phase_bin) features."""
        mel = frame_spectrum(waveform, N_FFT).abs() @ self.mel
        loudness = torch.log(mel.clamp_min(1e-6)) / 4 + 2.5  # about zero mean, unit deviation
        # Magnitudes to the power 0.3 as in hearing; a shorter window, for pulses within a frame.
        low = frame_spectrum(waveform, N_FFT // 2)[..., : self.n_phase_bin]
        pressed = torch.view_as_real(low) * (low.abs() + 1e-6).pow(-0.7)[..., None]
        return torch.cat((loudness, 4 * pressed.flatten(-2)), -1)

    def forward(self, features: Tensor) -> Tensor:
        """Encode (B, T, F) features to (B, T, D) latents of unit mean square."""
        x = self.stem(features)
        for block in self.blocks:
            x = block(x)
        latents: Tensor = self.project(self.norm(x))
        return latents * torch.rsqrt(latents.square().mean(-1, keepdim=True) + 1e-6)


class Decoder(nn.Module):
    """Codes to waveform: ConvNeXt blocks, a magnitude and a phase per bin, an inverse STFT."""

    def __init__(self, config: CodecConfig, quantizer: ResidualQuantizer) -> None:
        super().__init__()
        width = config.decoder_width
        self.quantizer = quantizer
        self.stem = nn.Linear(config.code_width, width)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(width, config.ffn_ratio, config.kernel, 1 / config.decoder_layers)
            for _ in range(config.decoder_layers)
        )
        self.norm = RMSNorm(width)
        self.log_magnitude = nn.Linear(width, N_BIN)
        self.cosine = nn.Linear(width, N_BIN)
        self.sine = nn.Linear(width, N_BIN)
        self.synthesis = InverseSTFT()
        nn.init.constant_(self.log_magnitude.bias, -7.0)  # speech's usual level, so to start near

    def hidden(self, latents: Tensor, mask: Tensor | None = None) -> Tensor:
        """Turn (B, T, D) latents into (B, T, C) features of the spectrum to come."""
        x = self.stem(latents)
        for block in self.blocks:
            x = block(x, mask)
        normed: Tensor = self.norm(x)
        return normed

    def spectrum(self, hidden: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Turn (B, T, C) features into real and imaginary parts (B, T, 641)."""
        magnitude = torch.exp(torch.clamp(self.log_magnitude(hidden), -16.0, 0.0))
        if mask is not None:
            magnitude = magnitude * mask
        # A direction normalised to the unit circle: no phase to unwrap, and only rsqrt to lower.
        cosine, sine = self.cosine(hidden), self.sine(hidden)
        magnitude = magnitude * torch.rsqrt(cosine * cosine + sine * sine + 1e-6)
        return magnitude * cosine, magnitude * sine

    def forward(self, codes: Tensor, mask: Tensor | None = None) -> Tensor:
        """Decode codes to samples.

        Args:
            codes: (B, Q, T) codes; CODEBOOK_SIZE where a channel is not known.
            mask: (B, T, 1) with 1 for real frames and 0 for padding, which then changes nothing
                in the real frames and comes out silent.

        Returns:
            (B, T * 320) samples.
        """
        hidden = self.hidden(self.quantizer(codes), mask)
        waveform: Tensor = self.synthesis(*self.spectrum(hidden, mask))
        return waveform


class OwnCodec(nn.Module):
    """The project's own codec; see `model.codec.base.Codec` for the interface.

    Args:
        config: Sizes.
    """

    name = "own"
    licence = "Apache-2.0"

    def __init__(self, config: CodecConfig | None = None) -> None:
        super().__init__()
        self.config = config or CodecConfig()
        self.trained = False
        self.quantizer = ResidualQuantizer(N_CODEBOOK, CODEBOOK_SIZE, self.config.code_width)
        self.encoder = Encoder(self.config)
        self.decoder = Decoder(self.config, self.quantizer)

    @property
    def codebooks(self) -> Tensor:
        """Entries (Q, V, D) of every codebook."""
        return self.quantizer.codebooks

    @property
    def lookahead_frames(self) -> int:
        """Frames of context on each side that make a chunk's decoding exact."""
        return self.config.decoder_layers * (self.config.kernel // 2) + 2

    def learned_state(self) -> dict[str, Tensor]:
        """Tensors of a checkpoint: all but constants that the configuration implies."""
        constant = (".mean.weight", "synthesis.kernel", "quantizer.entries")
        learned = {n: t for n, t in self.state_dict().items() if not n.endswith(constant)}
        return learned | {ENTRIES: self.codebooks.flatten(0, 1)}

    def codes_sha256(self) -> str:
        """Hash of what decides codes, encoder and codebooks, at a checkpoint's precision.

        Codes made with one codec mean the same to every other of the same hash, however much
        longer its decoder was trained.
        """
        deciding = {
            name: tensor.half()
            for name, tensor in self.learned_state().items()
            if not name.startswith("decoder.")
        }
        return tensor_hash(deciding)

    def load_learned_state(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `learned_state` returned.

        Raises:
            CheckpointError: Tensors are missing, unknown or of other shapes.
        """
        own = self.learned_state()
        if own.keys() != tensors.keys():
            odd = sorted(own.keys() ^ tensors.keys())[0]
            raise CheckpointError(f"the codec checkpoint does not fit its configuration at {odd}.")
        for name, tensor in tensors.items():
            if own[name].shape != tensor.shape:
                raise CheckpointError(
                    f"the codec checkpoint has {name} of shape {tuple(tensor.shape)},"
                    f" its configuration asks for {tuple(own[name].shape)}."
                )
            if name == ENTRIES:
                self.codebooks.copy_(tensor.view_as(self.codebooks))
            else:
                own[name].copy_(tensor)

    @torch.no_grad()
    def encode(self, waveform: Tensor) -> Tensor:
        """Encode (B, N) samples at 24 kHz to (B, Q, ceil(N / 320)) codes."""
        waveform = F.pad(waveform, (0, -waveform.shape[-1] % HOP_LENGTH))
        return self.quantizer.encode(self.encoder(self.encoder.features(waveform)))

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Decode (B, Q, T) codes to (B, T * 320) samples."""
        waveform: Tensor = self.decoder(codes)
        return waveform


def load_own(weights: Path | None) -> OwnCodec:
    """Build the codec from a checkpoint, or with random weights of seed 0 without one.

    Raises:
        CheckpointError: The checkpoint is damaged, foreign or of other sizes.
    """
    if weights is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return OwnCodec().eval()
    tensors, metadata = load_checkpoint(weights, "codec")
    try:
        config = CodecConfig(**metadata["config"])
    except TypeError as error:
        raise CheckpointError(f"{weights} was made by another version: {error}.") from error
    codec = OwnCodec(config)
    codec.load_learned_state(tensors)
    codec.trained = True
    return codec.eval()
