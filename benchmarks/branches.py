"""What the branches' shares are worth: a small ablation of how grids are masked in training.

`python benchmarks/branches.py --tokens TOKENS --from CHECKPOINT --out FILE` trains the same weights
on for some steps under each setting, all on the same batches, and prints the cross-entropy that
each channel comes to on speakers and sentences that are not trained on. Each setting changes one
share of the first row's. What was measured stands in the file and is not measured again.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from model.config import CONFIGS, N_CODEBOOK
from model.loading import load_model
from model.losses import MaskOptions
from model.training.speech_data import BatchSampler
from model.training.speech_step import SpeechSettings, SpeechTraining
from model.training.speech_validation import guessed_codes
from model.training.tokens import TokenisedUtterance, read_tokens
from reports.markdown import table

SHARES = MaskOptions()
SETTINGS: Mapping[str, MaskOptions] = {
    "as by default": SHARES,
    "channel 1 in 20 % of examples, not 40": replace(SHARES, first=0.2),
    "channel 1 in 60 %": replace(SHARES, first=0.6),
    "channel 1 always masked in part": replace(SHARES, alpha=1.0),
    "channel 1 always masked whole": replace(SHARES, alpha=0.0),
    "a finer channel always masked whole, not in 75 %": replace(SHARES, whole_rank=1.0),
    "a finer channel whole in 25 %": replace(SHARES, whole_rank=0.25),
    "finer channels equally often": replace(SHARES, rank_weights=(1.0,) * (N_CODEBOOK - 1)),
    "30 % of examples masked jointly": replace(SHARES, joint=0.3),
}
BATCHES = 2


def train(
    utterances: list[TokenisedUtterance], masks: MaskOptions, given: argparse.Namespace
) -> dict[str, Any]:
    """Train the given weights on under a setting; returns what they come to."""
    model, _ = load_model(given.config, given.weights)
    settings = SpeechSettings(rate=given.rate, masks=masks, warmup_steps=10, average_decay=0.98)
    learnt = [u for u in utterances if u.split == "train"]
    sampler = BatchSampler(learnt, CONFIGS[given.config], settings.batch_frames, seed=1)
    training = SpeechTraining(model, sampler, settings)
    for step in range(given.steps):
        training.set_rate(step / given.steps)
        training.train_step()
    unseen = [u for u in utterances if u.split == "test"]
    judged = BatchSampler(unseen, CONFIGS[given.config], batch_frames=3000, seed=0)
    return guessed_codes(training.averaged(), [judged.draw(number) for number in range(BATCHES)])


def line_of(name: str, found: Mapping[str, Any]) -> list[str]:
    """Write a setting as a row."""
    entropies = found["cross_entropy"]
    shown = [entropies[0], found["partial_cross_entropy"], *entropies[1:], sum(entropies)]
    return [name, *(f"{value:.3f}" for value in shown)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=Path, required=True, help="folder of tokens")
    parser.add_argument("--from", dest="weights", type=Path, required=True, help="checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="JSON file")
    parser.add_argument("--config", default="base", choices=list(CONFIGS))
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rate", type=float, default=3e-4)
    given = parser.parse_args()
    torch.set_num_threads(1)
    utterances = read_tokens(given.tokens)
    found = json.loads(given.out.read_text()) if given.out.exists() else {}
    for name, masks in SETTINGS.items():
        if name not in found:
            found[name] = train(utterances, masks, given)
            given.out.write_text(json.dumps(found, indent=1) + "\n")
    titles = ["masks", "1 whole", "1 in part", *map(str, range(2, N_CODEBOOK + 1)), "sum, whole"]
    print(table(titles, 1, [line_of(name, found[name]) for name in SETTINGS]))


if __name__ == "__main__":
    main()
