"""The speech mask decoder (SMD): one pass over a grid of codes, some of them masked."""

from collections.abc import Sequence

from torch import Tensor, nn

from model.config import CODEBOOK_SIZE, N_CODEBOOK, ModelConfig
from model.encoder import CodeEmbedding
from model.layers import Block, RMSNorm


class SpeechMaskDecoder(nn.Module):
    """A Conformer shared by all channels (MobileSpeech, figure 1(b)).

    The text row is added to the embedded grid; each block cross-attends to the prompt. Which
    channel is being decoded needs no input of its own: the mask vectors, one per channel, tell.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.frames_per_step = config.frames_per_step
        self.head_width = config.head_width
        self.embedding = CodeEmbedding(config.code_width)
        embedded_width = config.frames_per_step * N_CODEBOOK * config.code_width
        self.project = nn.Linear(embedded_width, config.width)
        self.blocks = nn.ModuleList(
            Block(config.width, config.ffn_ratio, config.conv_kernel, config.n_head, cross=True)
            for _ in range(config.n_layer)
        )
        self.norm = RMSNorm(config.width)
        self.out = nn.Linear(config.width, config.frames_per_step * config.head_width)

    def forward(
        self,
        codes: Tensor,
        row: Tensor,
        memory: Sequence[Tensor],
        mask: Tensor | None = None,
        prompt_mask: Tensor | None = None,
    ) -> Tensor:
        """Run one pass.

        Args:
            codes: (B, Q, T) codes; MASK where still unknown. T is a multiple of frames_per_step.
            row: (B, K, C) length-regulated text.
            memory: Keys and values of each block, from the prompt encoder (without the first two).
            mask: (B, K, 1), 0 where a step is padding.
            prompt_mask: (B, P / frames_per_step, 1), 0 where the prompt is padding.

        Returns:
            (B, T, head_width) hidden frames, the input of the channels' heads.
        """
        x = self.project(self.embedding(codes, self.frames_per_step)) + row
        for i, block in enumerate(self.blocks):
            x = block(x, mask, (memory[2 * i], memory[2 * i + 1]), prompt_mask)
        out: Tensor = self.out(self.norm(x))
        return out.reshape(out.shape[0], -1, self.head_width)


class Heads(nn.ModuleList):
    """One linear head per channel, each a method of its own: only sampled channels are computed."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(nn.Linear(config.head_width, CODEBOOK_SIZE) for _ in range(N_CODEBOOK))
