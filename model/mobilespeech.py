"""MobileSpeech as one module, whose children are the methods that run on a device."""

import torch
from torch import nn

from model.config import ModelConfig
from model.decoder import Heads, SpeechMaskDecoder
from model.encoder import DurationPredictor, PromptEncoder, TextEncoder


class MobileSpeech(nn.Module):
    """Text and prompt codes to speech codes (arXiv 2402.09378, figure 1).

    The loop that calls the children lives in `model.generate`: the same loop drives this module and
    its lowered form, so the two cannot drift apart.

    Args:
        config: Sizes.
        n_phoneme: Entries of the phoneme inventory.
        seed: Seed of the initial weights.
    """

    def __init__(self, config: ModelConfig, n_phoneme: int, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.prompt_encoder = PromptEncoder(config)
            self.text_encoder = TextEncoder(config, n_phoneme)
            self.duration_predictor = DurationPredictor(config)
            self.smd = SpeechMaskDecoder(config)
            self.heads = Heads(config)
