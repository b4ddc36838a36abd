"""Random crops of recorded and synthetic speech, with its true codes or with guessed ones."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.config import HOP_LENGTH, SAMPLE_RATE_HZ
from model.data.corpus import AudioShards, Samples, Utterance, read_items
from model.errors import ConfigError, InputError
from model.training.tokens import read_manifest, read_tokens

QUIETEST_PEAK = 0.01  # of full scale: a crop below it is silence and teaches nothing
VALIDATION_SHARE = 100  # one utterance in so many is kept from training, chosen by its name


class CropSampler:
    """Draws equally long crops, each second of audio equally likely.

    Args:
        utterances: Samples of each, mono at 24 kHz.
        seed: Of the crops and their gains.
    """

    def __init__(self, utterances: Sequence[Samples], seed: int) -> None:
        self.utterances = list(utterances)
        self.rng = np.random.default_rng(seed)
        self.ends = np.cumsum([len(samples) for samples in self.utterances])

    @property
    def hours(self) -> float:
        """Hours of audio to draw from."""
        return float(self.ends[-1]) / SAMPLE_RATE_HZ / 3600

    def draw(self, batch: int, n_sample: int, *, vary_gain: bool = True) -> Tensor:
        """Draw (batch, n_sample) samples; loudness varies so that the codec meets every level."""
        crops: list[NDArray[np.float32]] = []
        while len(crops) < batch:
            crop = self._crop(n_sample)
            if np.abs(crop).max() < QUIETEST_PEAK:
                continue
            gain_db = self.rng.uniform(-12, 3) if vary_gain else 0.0
            crops.append(np.clip(crop * np.float32(10 ** (gain_db / 20)), -1, 1))
        return torch.from_numpy(np.stack(crops))

    def _crop(self, n_sample: int) -> NDArray[np.float32]:
        place = int(self.rng.integers(self.ends[-1]))
        samples = self.utterances[int(np.searchsorted(self.ends, place, side="right"))]
        start = int(self.rng.integers(max(len(samples) - n_sample, 0) + 1))
        crop = samples[start : start + n_sample].astype(np.float32) / 32768
        return np.pad(crop, (0, n_sample - len(crop)))


class PredictedCrops:
    """Draws crops of speech with the codes that MobileSpeech guessed for it.

    Args:
        utterances: Samples (N,) of each, and its codes (T, Q), T being N / 320.
    """

    def __init__(self, utterances: Sequence[tuple[Samples, NDArray[np.int16]]]) -> None:
        self.utterances = list(utterances)
        self.ends = np.cumsum([len(codes) for _, codes in self.utterances])

    @classmethod
    def open(
        cls, corpora: Sequence[Path], tokens: Sequence[Path], codes_sha256: str, n_frame: int
    ) -> Self:
        """Open folders of `model.training.predicted`, and find the speech in corpora by its hash.

        Raises:
            ConfigError: A folder holds codes of another codec than the one with that hash.
            InputError: No utterance of at least `n_frame` frames is in both.
        """
        for folder in tokens:
            if read_manifest(folder)["codes_sha256"] != codes_sha256:
                raise ConfigError(f"{folder} holds another codec's codes: predict from its tokens")
        shards = AudioShards.open(*corpora)
        audio = {
            item.sha256: shards.audio(i)
            for i, item in enumerate(shards.items)
            if item.split == "train" and not is_validation(item)
        }
        found = [
            (audio[item.sha256], utterance.codes)
            for folder in tokens
            for item, utterance in zip(read_items(folder), read_tokens(folder), strict=True)
            if item.sha256 in audio and item.n_frames >= n_frame
        ]
        if not found:
            raise InputError("none of the predicted tokens is of speech in these corpora")
        return cls(found)

    def draw(self, batch: int, n_frame: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw (batch, n_frame * 320) samples and their (batch, Q, n_frame) codes."""
        crops = [self._crop(n_frame, rng) for _ in range(batch)]
        waveforms, codes = zip(*crops, strict=True)
        return torch.from_numpy(np.stack(waveforms)), torch.from_numpy(np.stack(codes))

    def _crop(
        self, n_frame: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        index = int(np.searchsorted(self.ends, int(rng.integers(self.ends[-1])), side="right"))
        samples, codes = self.utterances[index]
        start = int(rng.integers(len(codes) - n_frame + 1))
        waveform = samples[start * HOP_LENGTH : (start + n_frame) * HOP_LENGTH]
        chosen = codes[start : start + n_frame].T
        return waveform * np.float32(1 / 32768), chosen.astype(np.int64)


def open_corpora(folders: Sequence[Path]) -> tuple[list[Samples], list[Samples]]:
    """Open corpora; returns the utterances to train on and the few to validate on.

    Items of the splits `test` and `prompt` are in neither.
    """
    shards = AudioShards.open(*folders)
    known = [(item, shards.audio(i)) for i, item in enumerate(shards.items)]
    usable = [pair for pair in known if pair[0].split in ("train", "valid")]
    train = [samples for item, samples in usable if not is_validation(item)]
    return train, [samples for item, samples in usable if is_validation(item)]


def is_validation(item: Utterance) -> bool:
    """Whether an utterance is kept from training, which must never change between runs."""
    return item.split == "valid" or zlib.crc32(item.name.encode()) % VALIDATION_SHARE == 0
