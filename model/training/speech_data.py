"""Batches of codec tokens with their text and a prompt, for MobileSpeech's training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.config import FRAME_RATE_HZ, N_CODEBOOK, ModelConfig
from model.errors import InputError
from model.training.tokens import TokenisedUtterance

PROMPT_S = (1.5, 5.0)  # shortest and longest prompt


@dataclass(frozen=True, eq=False)
class Batch:
    """Some utterances, each with a prompt of the same speaker, padded to one length.

    Attributes:
        phonemes: (B, S) ids.
        spoken: (B, S), False where a phoneme is padding.
        durations: (B, S) in frames.
        codes: (B, Q, T) codes, T a multiple of frames_per_step.
        valid: (B, T), False where a frame is padding.
        phoneme_of_frame: (B, T) index into S of the phoneme heard in each frame.
        prompt: (B, Q, P) codes, P a multiple of frames_per_step.
        prompt_valid: (B, P / frames_per_step), False where a step is padding.
        prompt_durations: (B, P / frames_per_step) whole duration, in frames, of the phoneme heard
            in each step's first frame.
    """

    phonemes: Tensor
    spoken: Tensor
    durations: Tensor
    codes: Tensor
    valid: Tensor
    phoneme_of_frame: Tensor
    prompt: Tensor
    prompt_valid: Tensor
    prompt_durations: Tensor

    @property
    def seconds(self) -> float:
        """Seconds of speech in it, without prompts."""
        return int(self.valid.sum()) / FRAME_RATE_HZ

    def to(self, device: torch.device) -> "Batch":
        """Copy it to a device."""
        return Batch(**{name: tensor.to(device) for name, tensor in vars(self).items()})


class BatchSampler:
    """Draws batches as a pure function of seed and step, so that training can be resumed anywhere.

    Args:
        utterances: What to draw from; speakers with a single utterance are left out, since a
            prompt has to come from another one.
        config: Sizes of the model; what is longer than they allow is left out.
        batch_frames: Frames of a batch, padding included, at most.
        seed: Of everything.
    """

    def __init__(
        self,
        utterances: Sequence[TokenisedUtterance],
        config: ModelConfig,
        batch_frames: int,
        seed: int,
    ) -> None:
        self.frames_per_step = config.frames_per_step
        self.batch_frames, self.seed = batch_frames, seed
        longest = batch_frames - config.frames_per_step
        fitting = [u for u in utterances if fits(u, config) and u.n_frame <= longest]
        self.by_speaker: dict[str, list[TokenisedUtterance]] = {}
        for utterance in fitting:
            self.by_speaker.setdefault(utterance.speaker, []).append(utterance)
        # Neighbours in this order are of about one length, so that little of a batch is padding.
        self.ordered = sorted(
            (u for u in fitting if len(self.by_speaker[u.speaker]) > 1),
            key=lambda utterance: (utterance.n_frame, utterance.name),
        )
        if not self.ordered:
            raise InputError("no speaker has two utterances that fit: there is nothing to train on")
        lengths = np.array([utterance.n_frame for utterance in self.ordered], np.float64)
        # A batch of long utterances has fewer of them: drawing by length evens that out.
        self.cumulative = np.cumsum(lengths / lengths.sum())

    @property
    def hours(self) -> float:
        """Hours of speech to draw from."""
        return sum(u.n_frame for u in self.ordered) / FRAME_RATE_HZ / 3600

    def draw(self, step: int) -> Batch:
        """Draw the batch of a step."""
        rng = np.random.default_rng((self.seed, step))
        anchor = min(int(np.searchsorted(self.cumulative, rng.random())), len(self.ordered) - 1)
        size = max(1, self.batch_frames // (self.ordered[anchor].n_frame + self.frames_per_step))
        low = max(0, anchor - 2 * size)
        near = np.arange(low, min(len(self.ordered), anchor + 2 * size + 1))
        near = near[near != anchor]
        others = rng.choice(near, min(size - 1, len(near)), replace=False)
        chosen = [self.ordered[i] for i in (anchor, *others)]
        while len(chosen) > 1 and self._padded_frames(chosen) > self.batch_frames:
            chosen.pop()
        return self._with_prompts(chosen, rng)

    def batches(
        self, utterances: Sequence[TokenisedUtterance], rng: np.random.Generator
    ) -> Iterator[tuple[list[TokenisedUtterance], Batch]]:
        """Yield utterances, out of `ordered` and in its order, with the batches they fill."""
        chosen: list[TokenisedUtterance] = []
        for utterance in utterances:
            if chosen and self._padded_frames([*chosen, utterance]) > self.batch_frames:
                yield chosen, self._with_prompts(chosen, rng)
                chosen = []
            chosen.append(utterance)
        if chosen:
            yield chosen, self._with_prompts(chosen, rng)

    def _with_prompts(
        self, utterances: Sequence[TokenisedUtterance], rng: np.random.Generator
    ) -> Batch:
        low_frames, high_frames = (round(s * FRAME_RATE_HZ) for s in PROMPT_S)
        longest_prompt = int(rng.integers(low_frames, high_frames + 1))
        prompts = [self._cut_prompt(utterance, longest_prompt, rng) for utterance in utterances]
        return collate(utterances, prompts, self.frames_per_step)

    def _padded_frames(self, utterances: Sequence[TokenisedUtterance]) -> int:
        return len(utterances) * (max(u.n_frame for u in utterances) + self.frames_per_step)

    def _cut_prompt(
        self, utterance: TokenisedUtterance, longest: int, rng: np.random.Generator
    ) -> "Cut":
        """Cut a prompt out of another utterance of the same speaker."""
        candidates = self.by_speaker[utterance.speaker]
        other = candidates[int(rng.integers(len(candidates)))]
        while other is utterance:
            other = candidates[int(rng.integers(len(candidates)))]
        length = min(longest, other.n_frame)
        length = max(self.frames_per_step, length - length % self.frames_per_step)
        start = int(rng.integers(other.n_frame - length + 1))
        return Cut(other, start, start + length)


def fits(utterance: TokenisedUtterance, config: ModelConfig) -> bool:
    """Whether an utterance is within a model's longest text and longest output."""
    return (
        len(utterance.phonemes) <= config.max_phonemes
        and utterance.n_frame <= config.max_frames - config.frames_per_step
    )


@dataclass(frozen=True, eq=False)
class Cut:
    """Frames `start` to `stop` of an utterance."""

    utterance: TokenisedUtterance
    start: int
    stop: int


def collate(
    utterances: Sequence[TokenisedUtterance], prompts: Sequence[Cut], frames_per_step: int
) -> Batch:
    """Pad utterances and prompts to tensors.

    An utterance that does not fill its last step has its last frame repeated, as the length
    regulator does.
    """
    size = len(utterances)
    n_phoneme = max(len(u.phonemes) for u in utterances)
    n_frame = max(whole_steps(u.n_frame, frames_per_step) for u in utterances)
    n_prompt = max(cut.stop - cut.start for cut in prompts)
    phonemes = np.zeros((size, n_phoneme), np.int64)
    durations = np.zeros((size, n_phoneme), np.int64)
    codes = np.zeros((size, N_CODEBOOK, n_frame), np.int64)
    phoneme_of_frame = np.zeros((size, n_frame), np.int64)
    valid = np.zeros((size, n_frame), np.bool_)
    prompt = np.zeros((size, N_CODEBOOK, n_prompt), np.int64)
    prompt_valid = np.zeros((size, n_prompt), np.bool_)
    prompt_durations = np.ones((size, n_prompt), np.int64)
    for i, (utterance, cut) in enumerate(zip(utterances, prompts, strict=True)):
        phonemes[i, : len(utterance.phonemes)] = utterance.phonemes
        durations[i, : len(utterance.phonemes)] = utterance.durations
        used = whole_steps(utterance.n_frame, frames_per_step)
        frame = np.minimum(np.arange(used), utterance.n_frame - 1)
        codes[i, :, :used] = utterance.codes[frame].T
        phoneme_of_frame[i, :used] = heard_phonemes(utterance)[frame]
        valid[i, :used] = True
        length = cut.stop - cut.start
        prompt[i, :, :length] = cut.utterance.codes[cut.start : cut.stop].T
        prompt_valid[i, :length] = True
        heard = heard_phonemes(cut.utterance)[cut.start : cut.stop]
        prompt_durations[i, :length] = cut.utterance.durations[heard]
    return Batch(
        phonemes=torch.from_numpy(phonemes),
        spoken=torch.from_numpy(durations > 0),
        durations=torch.from_numpy(durations),
        codes=torch.from_numpy(codes),
        valid=torch.from_numpy(valid),
        phoneme_of_frame=torch.from_numpy(phoneme_of_frame),
        prompt=torch.from_numpy(prompt),
        prompt_valid=torch.from_numpy(prompt_valid[:, ::frames_per_step]),
        prompt_durations=torch.from_numpy(prompt_durations[:, ::frames_per_step]),
    )


def whole_steps(n_frame: int, frames_per_step: int) -> int:
    """Round a number of frames up to whole decoder steps."""
    return n_frame + -n_frame % frames_per_step


def heard_phonemes(utterance: TokenisedUtterance) -> NDArray[np.int64]:
    """Index of the phoneme heard in each frame, (T,)."""
    return np.repeat(np.arange(len(utterance.phonemes)), utterance.durations)


def regulate(rows: Tensor, phoneme_of_frame: Tensor, frames_per_step: int) -> Tensor:
    """Stretch text to decoder steps with known durations; `model.generate.regulate`, batched.

    Args:
        rows: (B, S, F * C) of the text encoder, F being `frames_per_step`.
        phoneme_of_frame: (B, T) index into S.
        frames_per_step: F.

    Returns:
        (B, T / F, C) rows.
    """
    width = rows.shape[2] // frames_per_step
    steps = rows.new_zeros(())
    for f in range(frames_per_step):
        index = phoneme_of_frame[:, f::frames_per_step, None].expand(-1, -1, width)
        steps = steps + rows[..., f * width : (f + 1) * width].gather(1, index)
    return steps
