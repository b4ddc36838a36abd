"""What the shipped checkpoints make of the built-in prompts: figures that code must not change.

`golden.json` holds them with the hashes of the checkpoints that they were measured with. After new
checkpoints are shipped: `python tests/golden.py`, look at the differences, and commit them.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.audio import load_prompt
from model.choice import ModelChoice
from model.codec.base import Codec
from model.codec.providers import SHIPPED
from model.config import HOP_LENGTH
from model.distance import log_spectral_distance_db
from model.hashing import file_sha256
from model.loading import CHECKPOINTS
from model.mobilespeech import MobileSpeech
from model.pair import load_pair
from model.text.inventory import phoneme_ids
from model.training.speech_data import Batch, Cut, collate
from model.training.speech_validation import guessed_codes
from model.training.tokens import TokenisedUtterance
from model.utterance import BUILT_IN_PROMPTS

GOLDEN = Path(__file__).with_name("golden.json")
SAID_SHARE = 0.6  # of a recording that is guessed; what follows is its prompt


def load_shipped() -> tuple[MobileSpeech, Codec]:
    """Load both checkpoints."""
    model, _, codec = load_pair(ModelChoice())
    return model, codec


def shipped_sha256() -> dict[str, str]:
    """Hash both checkpoints."""
    return {
        path.name: file_sha256(path) for path in (SHIPPED, *sorted(CHECKPOINTS.glob("mobile*")))
    }


def recordings() -> dict[str, tuple[dict[str, Any], torch.Tensor]]:
    """Read the built-in prompts: what `prompts.toml` says of each, and its (1, N) samples."""
    tables = tomllib.loads(BUILT_IN_PROMPTS.read_text(encoding="utf-8"))["prompt"]
    return {
        table["name"]: (
            table,
            torch.from_numpy(load_prompt(BUILT_IN_PROMPTS.parent / table["file"]))[None],
        )
        for table in tables
    }


def batch_of(model: MobileSpeech, codec: Codec) -> Batch:
    """Cut every recording in two at a phoneme: what is guessed, and the prompt that follows it."""
    step = model.config.frames_per_step
    utterances, prompts = [], []
    for name, (table, samples) in recordings().items():
        durations = np.asarray(table["durations"], np.int64)
        codes = codec.encode(samples)[0].numpy().T.astype(np.int16)[: durations.sum()]
        said = int(np.searchsorted(np.cumsum(durations), SAID_SHARE * durations.sum()))
        ids = np.asarray(phoneme_ids(table["phonemes"].split()), np.int64)
        at = int(durations[:said].sum())
        first, second = (
            TokenisedUtterance(name, name, "golden", table["lang"], "", ids[s], durations[s], c)
            for s, c in ((slice(said), codes[:at]), (slice(said, None), codes[at:]))
        )
        utterances.append(first)
        prompts.append(Cut(second, 0, second.n_frame - second.n_frame % step))
    return collate(utterances, prompts, step)


def speech_figures(model: MobileSpeech, batch: Batch) -> dict[str, Any]:
    """Measure the model: cross-entropy of each channel in nats, and errors of log durations."""
    found = guessed_codes(model, [batch])
    names = (
        "cross_entropy",
        "partial_cross_entropy",
        "log_duration_mse",
        "prompt_log_duration_mse",
    )
    return {name: found[name] for name in names}


def codec_figures(codec: Codec) -> dict[str, dict[str, float]]:
    """Measure the codec per recording: signal-to-noise ratio and log-spectral distance in dB."""
    figures = {}
    for name, (_, samples) in recordings().items():
        whole = samples[:, : samples.shape[1] // HOP_LENGTH * HOP_LENGTH]
        decoded = codec.decode(codec.encode(whole))[0].numpy().astype(np.float64)
        wanted = whole[0].numpy().astype(np.float64)
        noise = np.square(wanted - decoded).sum()
        figures[name] = {
            "snr_db": round(float(10 * np.log10(np.square(wanted).sum() / noise)), 3),
            "lsd_db": round(log_spectral_distance_db(whole[0].numpy(), decoded.astype("f4")), 3),
        }
    return figures


def measured() -> dict[str, Any]:
    """Measure everything that `golden.json` holds."""
    model, codec = load_shipped()
    return {
        "sha256": shipped_sha256(),
        "speech": speech_figures(model, batch_of(model, codec)),
        "codec": codec_figures(codec),
    }


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(measured(), indent=1) + "\n")
    print(GOLDEN.read_text())
