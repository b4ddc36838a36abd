"""Tokens whose finer channels are MobileSpeech's guesses, for the codec's decoder to learn from.

`python -m model.training.predicted TOKENS --from CHECKPOINT --out DIR` keeps the coarse channels of
each utterance and has MobileSpeech guess the others in the voice of a prompt, channel by channel as
in synthesis. A decoder that has only met codes of real speech takes a wrong fine code at its word,
and speaks with a stranger's voice; one that has met guesses beside the speech they stand for knows
what they are worth. What it writes is a folder of tokens, pack by pack; killed, it goes on.

Vocoders learn from a model's own spectra for the same reason (HiFi-GAN, arXiv 2010.05646, 4.4).
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model.config import N_CODEBOOK
from model.data.corpus import finished_shards, read_items
from model.decoding import MASK
from model.loading import load_model
from model.mobilespeech import MobileSpeech
from model.training.speech_data import Batch, BatchSampler, regulate
from model.training.speech_step import masks_of
from model.training.tokens import (
    UTTERANCES_PER_PACK,
    read_manifest,
    read_tokens,
    write_manifest,
    write_pack,
)

BATCH_FRAMES = 2000
KEPT_CHANNELS = (1, 2, 3)  # as many are kept, drawn anew for each batch


@torch.no_grad()
def predict_finer(model: MobileSpeech, batch: Batch, n_kept: int) -> Tensor:
    """Guess all channels but the coarsest, each from those before it, as synthesis does.

    Args:
        model: MobileSpeech.
        batch: Utterances with text, durations and prompts.
        n_kept: Channels whose true codes are kept.

    Returns:
        (B, Q, T) codes.
    """
    frames_per_step = model.config.frames_per_step
    prompt_mask, text_mask, step_mask = masks_of(batch, frames_per_step)
    memory = model.prompt_encoder(batch.prompt, prompt_mask)[2:]
    _, rows = model.text_encoder(batch.phonemes, text_mask)
    row = regulate(rows, batch.phoneme_of_frame, frames_per_step)
    codes = batch.codes.clone()
    codes[:, n_kept:] = MASK
    for channel in range(n_kept, N_CODEBOOK):
        hidden = model.smd(codes, row, memory, step_mask, prompt_mask)
        codes[:, channel] = model.heads[channel](hidden).argmax(-1)
    return codes


def predict_tokens(model: MobileSpeech, tokens: Path, folder: Path, seed: int) -> Iterator[int]:
    """Write tokens with guessed fine channels, of what a folder does not hold yet.

    Args:
        model: MobileSpeech.
        tokens: Folder of true tokens; what it trains on is taken.
        folder: Where to.
        seed: Of prompts, and of how many channels are kept.

    Yields:
        After each pack, how many utterances are still to do.

    Raises:
        InputError: `tokens` holds no tokens, or no speaker with two utterances.
    """
    known = [
        (item, utterance)
        for item, utterance in zip(read_items(tokens), read_tokens(tokens), strict=True)
        if item.split == "train"
    ]
    items = {item.name: item for item, _ in known}
    sampler = BatchSampler([u for _, u in known], model.config, BATCH_FRAMES, seed)
    folder.mkdir(parents=True, exist_ok=True)
    done = {item.name for item in read_items(folder)}
    missing = [utterance for utterance in sampler.ordered if utterance.name not in done]
    pack = max(finished_shards(folder), default=-1)
    for first in range(0, len(missing), UTTERANCES_PER_PACK):
        pack += 1
        chosen = missing[first : first + UTTERANCES_PER_PACK]
        rng = np.random.default_rng((seed, pack))
        guessed: list[np.ndarray] = []
        for utterances, batch in sampler.batches(chosen, rng):
            n_kept = int(rng.choice(KEPT_CHANNELS))
            codes = predict_finer(model, batch, n_kept).numpy()
            guessed += [
                c[:, : u.n_frame].T.astype(np.int16) for c, u in zip(codes, utterances, strict=True)
            ]
        write_pack(folder, pack, [items[u.name] for u in chosen], guessed)
        yield len(missing) - first - len(chosen)
    write_manifest(folder, read_manifest(tokens)["codes_sha256"])


def main() -> None:
    """Parse the command line and predict."""
    parser = argparse.ArgumentParser(
        prog="python -m model.training.predicted",
        description="Tokens whose finer channels MobileSpeech guesses.",
    )
    parser.add_argument("tokens", type=Path, help="folder of true tokens")
    parser.add_argument("--from", dest="start", type=Path, required=True, help="checkpoint")
    parser.add_argument("--config", default="base", help="sizes of the model")
    parser.add_argument("--out", type=Path, required=True, help="folder of tokens")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model, _ = load_model(arguments.config, arguments.start)
    for remaining in predict_tokens(model, arguments.tokens, arguments.out, arguments.seed):
        print(f"{remaining} utterances to go", flush=True)


if __name__ == "__main__":
    main()
