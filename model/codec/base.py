"""What every codec offers, whichever network is behind it."""

from typing import Protocol

from torch import Tensor, nn

from model.config import HOP_LENGTH


class Codec(Protocol):
    """A neural codec at 24 kHz: 75 frames per second, 8 codes of 10 bits per frame, 6 kbps.

    Attributes:
        name: As registered in `model.codec.providers.CODECS`.
        licence: SPDX name of the licence of its code and weights.
        trained: False while its weights are random.
    """

    name: str
    licence: str
    trained: bool

    @property
    def codebooks(self) -> Tensor:
        """Entries (Q, V, D) of every codebook, to start token embeddings from."""
        ...

    @property
    def lookahead_frames(self) -> int:
        """Frames of context on each side of a chunk that make its decoding exact."""
        ...

    @property
    def decoder(self) -> nn.Module:
        """The module that maps (B, Q, T) codes to (B, T * 320) samples: what a device runs.

        Where a channel is not known its code is CODEBOOK_SIZE.
        """
        ...

    def codes_sha256(self) -> str:
        """Hash of what decides codes: encoder and codebooks, not the decoder."""
        ...

    def encode(self, waveform: Tensor) -> Tensor:
        """Encode (B, N) samples in -1 to 1 to (B, Q, T) int64 codes, T = ceil(N / 320)."""
        ...

    def decode(self, codes: Tensor) -> Tensor:
        """Decode (B, Q, T) codes to (B, T * 320) samples."""
        ...


def decode_chunk(codec: Codec, codes: Tensor, start: int, end: int) -> Tensor:
    """Decode frames [start, end) of (B, Q, T) codes exactly as decoding all of them would.

    Args:
        codec: The codec.
        codes: All codes that are known yet; a frame nearer than `lookahead_frames` to the end
            changes when more arrive.
        start: First frame wanted.
        end: Frame after the last wanted.

    Returns:
        (B, (end - start) * 320) samples.
    """
    first = max(0, start - codec.lookahead_frames)
    samples = codec.decode(codes[:, :, first : end + codec.lookahead_frames])
    return samples[:, (start - first) * HOP_LENGTH : (end - first) * HOP_LENGTH]
