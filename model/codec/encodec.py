"""The codec `encodec-24khz`: EnCodec (arXiv 2210.13438) as the `encodec` package has it.

Its code is CC-BY-NC 4.0 and stays in that package, which must be installed with `--no-deps`: its
dependency torchaudio has no build beside the project's torch. The package imports torchaudio at
its top all the same, for file and resampling helpers that nothing here uses; this file answers
that import, and only that, with an empty module.
"""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.checkpoint import tensor_hash
from model.config import HOP_LENGTH, N_CODEBOOK
from model.errors import CheckpointError, ConfigError

BANDWIDTH_KBPS = 6.0
INSTALL = "pip install --no-deps encodec==0.1.1 einops"


class EncodecDecoder(nn.Module):
    """Codes (B, Q, T) to samples (B, T * 320)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, codes: Tensor) -> Tensor:
        """Decode; the package wants the codebooks first."""
        latents = self.network.quantizer.decode(codes.transpose(0, 1))
        return torch.as_tensor(self.network.decoder(latents))[:, 0]


class Encodec(nn.Module):
    """EnCodec at 6 kbps; see `model.codec.base.Codec` for the interface.

    Args:
        network: The package's `EncodecModel`.
        trained: Whether its weights are somebody's training or random.
    """

    name = "encodec-24khz"
    licence = "CC-BY-NC-4.0"

    def __init__(self, network: nn.Module, *, trained: bool) -> None:
        super().__init__()
        self.network: Any = network  # EncodecModel, which has no type information
        self.decoder = EncodecDecoder(network)
        self.trained = trained

    @property
    def codebooks(self) -> Tensor:
        """Entries (Q, V, D) of the first 8 codebooks; the others serve higher bandwidths."""
        layers = self.network.quantizer.vq.layers[:N_CODEBOOK]
        return torch.stack([layer.codebook for layer in layers])

    @property
    def lookahead_frames(self) -> int:
        """Longer than any utterance: an LSTM runs through all of it, so chunks are never exact."""
        return 1 << 20

    def codes_sha256(self) -> str:
        """Hash of encoder and codebooks."""
        state = self.network.state_dict()
        return tensor_hash({n: t for n, t in state.items() if not n.startswith("decoder.")})

    @torch.no_grad()
    def encode(self, waveform: Tensor) -> Tensor:
        """Encode (B, N) samples at 24 kHz to (B, Q, ceil(N / 320)) codes."""
        waveform = F.pad(waveform, (0, -waveform.shape[-1] % HOP_LENGTH))
        ((codes, _),) = self.network.encode(waveform[:, None])
        return torch.as_tensor(codes)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Decode (B, Q, T) codes to (B, T * 320) samples."""
        waveform: Tensor = self.decoder(codes)
        return waveform


def load_encodec(weights: Path | None) -> Encodec:
    """Build EnCodec with weights from a file, or with random weights of seed 0 without one.

    Args:
        weights: A state dict of the package's 24 kHz model, safetensors or torch's own format;
            the latter is only read as tensors.

    Raises:
        ConfigError: The package is not installed.
        CheckpointError: The file is no such state dict.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = encodec_network()
    if weights is not None:
        try:
            network.load_state_dict(read_state_dict(weights))
        except RuntimeError as error:
            raise CheckpointError(
                f"{weights} does not hold the weights of EnCodec's 24 kHz model."
            ) from error
    return Encodec(network.eval(), trained=weights is not None).eval()


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read named tensors from a safetensors file or a torch state dict, never unpickling code."""
    from pickle import UnpicklingError

    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            tensors: dict[str, Tensor] = load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, OSError, RuntimeError, EOFError) as error:
        raise CheckpointError(f"cannot read weights from {path}: {error}") from error
    return tensors


def encodec_network() -> nn.Module:
    """Build the package's 24 kHz model with random weights, torchaudio or not."""
    if importlib.util.find_spec("encodec") is None:
        raise ConfigError(f"codec encodec-24khz needs the encodec package: {INSTALL}")
    with without_torchaudio():
        from encodec.model import EncodecModel
    network: nn.Module = EncodecModel.encodec_model_24khz(pretrained=False)
    network.set_target_bandwidth(BANDWIDTH_KBPS)  # type: ignore[operator]
    return network


@contextmanager
def without_torchaudio() -> Iterator[None]:
    """Let `import torchaudio` succeed with an empty module where there is no real one."""
    if "torchaudio" in sys.modules or importlib.util.find_spec("torchaudio") is not None:
        yield
        return
    sys.modules["torchaudio"] = ModuleType("torchaudio")
    try:
        yield
    finally:
        del sys.modules["torchaudio"]
