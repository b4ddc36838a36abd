"""Sizes of the model and the arithmetic of its audio."""

from dataclasses import dataclass

SAMPLE_RATE_HZ = 24_000
HOP_LENGTH = 320
FRAME_RATE_HZ = SAMPLE_RATE_HZ // HOP_LENGTH  # 75 codec frames per second, exactly
N_CODEBOOK = 8  # 8 codebooks of 10 bits at 75 Hz: 6 kbps, the family's default (EnCodec, VALL-E)
CODEBOOK_SIZE = 1024


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of MobileSpeech; one entry of `CONFIGS`.

    Attributes:
        width: Channels C of the decoder (SMD), the prompt encoder and the text row.
        n_layer: Conformer blocks L of the SMD.
        n_head: Attention heads H of the SMD; `width` is divisible by it.
        ffn_ratio: Feed-forward width of the SMD over `width`.
        conv_kernel: Depthwise kernel of SMD and prompt encoder, in decoder steps.
        code_width: Channels of one codebook's embedding before it is projected to `width`.
        head_width: Channels of one frame in front of the codebooks' heads.
        frames_per_step: Codec frames that share one decoder position.
        prompt_layers: Convolution blocks of the prompt encoder.
        text_width: Channels of text encoder and duration predictor.
        text_layers: Transformer blocks of the text encoder.
        duration_layers: Transformer blocks of the duration predictor.
        text_head: Attention heads of text encoder and duration predictor.
        text_kernel: Depthwise kernel of text encoder and duration predictor, in phonemes.
        max_phonemes: Longest phoneme sequence S in one pass.
        max_frames: Longest output T in one pass.
        max_prompt_frames: Longest prompt P.
    """

    width: int
    n_layer: int
    n_head: int
    ffn_ratio: int
    conv_kernel: int
    code_width: int
    head_width: int
    frames_per_step: int
    prompt_layers: int
    text_width: int
    text_layers: int
    duration_layers: int
    text_head: int
    text_kernel: int
    max_phonemes: int = 256
    max_frames: int = 1536  # 20.5 s
    max_prompt_frames: int = 768  # 10.2 s


CONFIGS: dict[str, ModelConfig] = {
    # What a phone should run: 9.3 M parameters in an SMD pass, so that parameters x passes stays
    # below 0.15 G up to a schedule of 16 passes; with the codec 45 MB in fp16.
    "base": ModelConfig(
        width=384, n_layer=4, n_head=6, ffn_ratio=4, conv_kernel=7, code_width=48, head_width=192,
        frames_per_step=2, prompt_layers=1, text_width=256, text_layers=2, duration_layers=1,
        text_head=4, text_kernel=5,
    ),
    # The family's usual size (some 60 M parameters): for machines with a GPU to train on.
    "paper": ModelConfig(
        width=512, n_layer=12, n_head=8, ffn_ratio=4, conv_kernel=7, code_width=128,
        head_width=512, frames_per_step=1, prompt_layers=4, text_width=256, text_layers=4,
        duration_layers=2, text_head=4, text_kernel=5,
    ),
    # For tests only. Lowering costs the same per graph node however wide it is, so every stack has
    # one block; those of several are `base`'s.
    "tiny": ModelConfig(
        width=64, n_layer=1, n_head=2, ffn_ratio=2, conv_kernel=3, code_width=16, head_width=32,
        frames_per_step=2, prompt_layers=1, text_width=48, text_layers=1, duration_layers=1,
        text_head=2, text_kernel=3,
    ),
}  # fmt: skip
