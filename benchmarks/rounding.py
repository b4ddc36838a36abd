"""What rounding costs, and what training for it wins back: distance from the unrounded model.

`python benchmarks/rounding.py --tokens TOKENS --from CHECKPOINT [--trained SCHEME=CHECKPOINT ...]`
rounds weights and activations as a scheme does (`model/training/speech_qat.py`), and prints the
Kullback-Leibler divergence of each channel's guesses from those of the checkpoint as it is, in
thousandths of a nat per code, on speakers and sentences that are not trained on. `--trained` names
what `python -m model.training.speech --qat SCHEME` made of the same checkpoint.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from model.config import CONFIGS, N_CODEBOOK
from model.loading import load_model
from model.losses import mask_grid
from model.mobilespeech import MobileSpeech
from model.training.speech_data import Batch, BatchSampler
from model.training.speech_qat import QAT_SCHEMES, prepare_for_quantization
from model.training.speech_step import forward_losses, guide
from model.training.speech_validation import only
from model.training.tokens import read_tokens
from reports.markdown import table

UNGUIDED = (0.0,) * N_CODEBOOK


def rounded(config: str, weights: Path, scheme: str) -> MobileSpeech:
    model, _ = load_model(config, weights)
    prepare_for_quantization(model, scheme)
    return model


@torch.no_grad()
def entropies(
    student: MobileSpeech, teacher: MobileSpeech, batches: Sequence[Batch]
) -> list[float]:
    """Cross-entropy of each channel, masked whole, from the teacher's guesses."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for channel in range(N_CODEBOOK):
        total = cells = 0.0
        for batch in batches:
            masked = mask_grid(batch.codes, batch.valid, only(channel), generator)
            guidance = guide(teacher, batch, masked.codes, UNGUIDED)
            losses = forward_losses(student, batch, masked.codes, masked.trained, guidance=guidance)
            total += float(losses.codes) * float(losses.counts.sum())
            cells += float(losses.counts.sum())
        found.append(total / cells)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=Path, required=True, help="folder of tokens")
    parser.add_argument("--from", dest="weights", type=Path, required=True, help="checkpoint")
    parser.add_argument("--trained", nargs="*", default=[], metavar="SCHEME=CHECKPOINT")
    parser.add_argument("--config", default="base", choices=list(CONFIGS))
    parser.add_argument("--batches", type=int, default=4)
    given = parser.parse_args()
    torch.set_num_threads(1)
    unseen = [u for u in read_tokens(given.tokens) if u.split == "test"]
    sampler = BatchSampler(unseen, CONFIGS[given.config], batch_frames=3000, seed=0)
    batches = [sampler.draw(number) for number in range(given.batches)]
    teacher, _ = load_model(given.config, given.weights)
    own = entropies(teacher, teacher, batches)

    candidates = [(scheme, "as trained in floats", given.weights) for scheme in QAT_SCHEMES]
    for named in given.trained:
        scheme, _, weights = named.partition("=")
        candidates.append((scheme, "trained for it", Path(weights)))
    rows = []
    for scheme, training, weights in candidates:
        found = entropies(rounded(given.config, weights, scheme), teacher, batches)
        lost = [cross - entropy for cross, entropy in zip(found, own, strict=True)]
        rows.append([scheme, training, *(f"{1000 * value:.1f}" for value in [*lost, sum(lost)])])
    titles = ["scheme", "weights", *map(str, range(1, N_CODEBOOK + 1)), "sum"]
    print(table(titles, 2, rows))


if __name__ == "__main__":
    main()
