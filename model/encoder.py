"""Everything before the decoder: prompt encoder, text encoder, duration predictor."""

import math

import torch
from torch import Tensor, nn

from model.config import CODEBOOK_SIZE, N_CODEBOOK, ModelConfig
from model.layers import Block, Memory, RMSNorm


class CodeEmbedding(nn.Module):
    """Embeds all codebooks of some frames at once.

    A low-rank form of the family's sum of channel embeddings: each codebook has a narrow table,
    with its mask vector as last row, and what follows projects their concatenation, which is the
    same as summing projected vectors. One gather of one table: half a million parameters, not 3 M.
    """

    first_row: Tensor

    def __init__(self, code_width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(N_CODEBOOK * (CODEBOOK_SIZE + 1), code_width)
        first_row = torch.arange(N_CODEBOOK) * (CODEBOOK_SIZE + 1)
        self.register_buffer("first_row", first_row, persistent=False)

    def forward(self, codes: Tensor, frames_per_step: int) -> Tensor:
        """Map (B, Q, T) codes to (B, K, frames_per_step * Q * code_width)."""
        embedded: Tensor = self.table(codes.transpose(1, 2) + self.first_row)
        width = frames_per_step * codes.shape[1] * embedded.shape[-1]
        return embedded.reshape(codes.shape[0], -1, width)


class PromptEncoder(nn.Module):
    """Encodes the prompt's codes, all channels, into keys and values for every later attention.

    MobileSpeech, figure 1(b): the prompt panel. What cross-attention needs is computed here, once
    per prompt, and not in each pass of the decoder. The duration extractor of figure 1(a) reads
    speaking rate off the same encoding, so that no transcript of the prompt is needed.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.frames_per_step = config.frames_per_step
        self.embedding = CodeEmbedding(config.code_width)
        embedded_width = config.frames_per_step * N_CODEBOOK * config.code_width
        self.project = nn.Linear(embedded_width, config.width)
        self.blocks = nn.ModuleList(
            Block(config.width, 2, config.conv_kernel) for _ in range(config.prompt_layers)
        )
        self.norm = RMSNorm(config.width)
        self.duration_extractor = nn.Linear(config.width, 1)
        self.duration_token = nn.Linear(1, config.width)
        self.duration_memory = Memory(config.width, config.text_width, config.text_head)
        self.memories = nn.ModuleList(
            Memory(config.width, config.width, config.n_head) for _ in range(config.n_layer)
        )

    def encode(self, codes: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encode (B, Q, P) codes to (B, P / frames_per_step, C)."""
        x: Tensor = self.project(self.embedding(codes, self.frames_per_step))
        for block in self.blocks:
            x = block(x, mask)
        normed: Tensor = self.norm(x)
        return normed

    def remember(self, x: Tensor) -> tuple[Tensor, ...]:
        """Turn an encoded prompt into keys and values: the duration predictor's, then the SMD's."""
        token = self.duration_token(self.duration_extractor(x))
        pairs = [self.duration_memory(x + token), *(memory(x) for memory in self.memories)]
        return tuple(tensor for pair in pairs for tensor in pair)

    def forward(self, codes: Tensor, mask: Tensor | None = None) -> tuple[Tensor, ...]:
        """Encode a prompt once.

        Args:
            codes: (B, Q, P) codes of the prompt, never masked; P a multiple of frames_per_step.
            mask: (B, P / frames_per_step, 1), 0 where a step is padding.

        Returns:
            keys, values of the duration predictor, then keys, values of each block of the SMD;
            keys (B*H, C/H, P / frames_per_step), values (B*H, P / frames_per_step, C/H).
        """
        return self.remember(self.encode(codes, mask))


class TextEncoder(nn.Module):
    """Encodes phonemes, and prepares the row that the length regulator stretches to frames."""

    def __init__(self, config: ModelConfig, n_phoneme: int) -> None:
        super().__init__()
        self.frames_per_step = config.frames_per_step
        self.embedding = nn.Embedding(n_phoneme, config.text_width)
        self.blocks = nn.ModuleList(
            Block(config.text_width, 2, config.text_kernel, config.text_head)
            for _ in range(config.text_layers)
        )
        self.norm = RMSNorm(config.text_width)
        self.row = nn.Linear(config.text_width, config.frames_per_step * config.width)

    def forward(self, phonemes: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Encode text.

        Args:
            phonemes: (B, S) phoneme ids.
            mask: (B, S, 1), 0 where a phoneme is padding.

        Returns:
            (B, S, text_width) encoded text, for the duration predictor, and (B, S, F * C) rows, for
            the length regulator: columns f*C to (f+1)*C are what a phoneme adds to a decoder step
            whose f-th frame it covers, F being `frames_per_step`.
        """
        x = self.embedding(phonemes)
        for block in self.blocks:
            x = block(x, mask)
        x = self.norm(x)
        return x, self.row(x)


class DurationPredictor(nn.Module):
    """Predicts how long each phoneme lasts, in the context of the prompt's own durations."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(config.text_width, 2, config.text_kernel, config.text_head, cross=True)
            for _ in range(config.duration_layers)
        )
        self.norm = RMSNorm(config.text_width)
        self.out = nn.Linear(config.text_width, 1)
        # An average phoneme: untrained weights then stretch text to a sane length.
        nn.init.constant_(self.out.bias, math.log(6))

    def forward(
        self,
        text: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None = None,
        prompt_mask: Tensor | None = None,
    ) -> Tensor:
        """Predict log durations.

        Args:
            text: (B, S, text_width) of the text encoder.
            keys: The prompt encoder's first output.
            values: The prompt encoder's second output.
            mask: (B, S, 1), 0 where a phoneme is padding.
            prompt_mask: (B, P / frames_per_step, 1), 0 where the prompt is padding.

        Returns:
            (B, S) natural logarithms of durations in codec frames.
        """
        for block in self.blocks:
            text = block(text, mask, (keys, values), prompt_mask)
        out: Tensor = self.out(self.norm(text)).reshape(text.shape[0], -1)
        return out
