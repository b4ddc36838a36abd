"""From an utterance to a request: phonemes of the text, codes of the prompt."""

from dataclasses import replace

import numpy as np
import torch

from model.audio import load_prompt
from model.codec.base import Codec
from model.config import FRAME_RATE_HZ, HOP_LENGTH, SAMPLE_RATE_HZ, ModelConfig
from model.decoding import DecodingOptions
from model.denoise import without_noise
from model.generate import Request
from model.text.frontend import phonemize
from model.text.inventory import phoneme_ids
from model.utterance import Utterance

# A sentence that would be longer than the model's longest output is cut; this many phonemes per
# second is slower than anybody speaks for long (English has 10 to 15).
SLOWEST_PHONEMES_PER_S = 6


def prepare(
    utterance: Utterance,
    codec: Codec,
    config: ModelConfig,
    options: DecodingOptions,
    *,
    first_phonemes: int | None = None,
) -> Request:
    """Turn text into phonemes and the prompt into codes.

    Args:
        utterance: Text and prompt.
        codec: Encodes the prompt.
        config: Sizes of the model, which limit sentences and prompt.
        options: How to decode; the seed is the utterance's.
        first_phonemes: Longest first part, so that speech begins soon; None leaves the first
            sentence whole.

    Raises:
        InputError: The text or the prompt cannot be used.
    """
    longest = config.max_frames * SLOWEST_PHONEMES_PER_S // FRAME_RATE_HZ
    sentences = phonemize(
        utterance.text,
        utterance.lang,
        max_phonemes=min(longest, config.max_phonemes),
        first_phonemes=first_phonemes,
        lexicon=utterance.lexicon,
    )
    longest_s = config.max_prompt_frames * HOP_LENGTH / SAMPLE_RATE_HZ
    samples = load_prompt(utterance.prompt.path, longest_s)[: config.max_prompt_frames * HOP_LENGTH]
    codes = codec.encode(torch.from_numpy(without_noise(samples))[None])
    return Request(
        sentences=tuple(phoneme_ids(sentence.phonemes) for sentence in sentences),
        prompt_codes=np.asarray(codes[0].numpy(), np.int64),
        options=replace(options, seed=utterance.seed),
        dropped=tuple(dict.fromkeys(one for sentence in sentences for one in sentence.dropped)),
    )
