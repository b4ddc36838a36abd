"""How MobileSpeech does on what it is not trained on: guessed codes, and speech to listen to."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from model.codec.base import Codec
from model.config import FRAME_RATE_HZ, HOP_LENGTH, N_CODEBOOK, SAMPLE_RATE_HZ
from model.decoding import DecodingOptions
from model.errors import InputError
from model.generate import Limits, Request, synthesize
from model.losses import MaskOptions, mask_grid
from model.methods import eager, methods
from model.mobilespeech import MobileSpeech
from model.training.listening import Listener, count_errors
from model.training.speech_data import Batch
from model.training.speech_step import forward_losses
from model.training.tokens import TokenisedUtterance

LONGEST_PROMPT_S = 5.0
CHUNK_FRAMES = 150


def guessed_codes(model: MobileSpeech, batches: Sequence[Batch], seed: int = 0) -> dict[str, Any]:
    """Measure each channel as the decoder meets it: coarser ones given, itself masked.

    Args:
        model: The model.
        batches: Held-out batches.
        seed: Of the masks.

    Returns:
        Per channel cross-entropy (nats per code) and accuracy with the whole channel masked;
        those of channel 1 masked in part; and the two duration losses.
    """
    generator = torch.Generator().manual_seed(seed)
    entropies, accuracies = [], []
    for channel in range(N_CODEBOOK):
        entropy, accuracy, durations = _measure(model, batches, only(channel), generator)
        entropies.append(round(entropy, 4))
        accuracies.append(round(accuracy, 4))
    partial = _measure(model, batches, MaskOptions(first=1.0, alpha=1.0), generator)
    return {
        "cross_entropy": entropies,
        "accuracy": accuracies,
        "partial_cross_entropy": round(partial[0], 4),
        "partial_accuracy": round(partial[1], 4),
        "log_duration_mse": round(durations[0], 4),
        "prompt_log_duration_mse": round(durations[1], 4),
    }


def only(channel: int) -> MaskOptions:
    """Options that mask one whole channel, given the coarser ones."""
    if channel == 0:
        return MaskOptions(first=1.0, alpha=0.0)
    weights = tuple(float(c == channel) for c in range(1, N_CODEBOOK))
    return MaskOptions(first=0.0, whole_rank=1.0, rank_weights=weights)


@torch.no_grad()
def _measure(
    model: MobileSpeech,
    batches: Sequence[Batch],
    options: MaskOptions,
    generator: torch.Generator,
) -> tuple[float, float, tuple[float, float]]:
    """Mean cross-entropy, accuracy and duration losses under some masks."""
    entropy = hits = cells = 0.0
    durations = np.zeros(2)
    for batch in batches:
        device = batch.codes.device  # random numbers are a processor's, so that all agree on them
        masked = mask_grid(batch.codes.cpu(), batch.valid.cpu(), options, generator)
        losses = forward_losses(model, batch, masked.codes.to(device), masked.trained.to(device))
        count = float(losses.counts.sum())
        entropy += float(losses.codes) * count
        hits += float(losses.hits.sum())
        cells += count
        durations += [float(losses.durations), float(losses.prompt_durations)]
    durations /= len(batches)
    return entropy / cells, hits / cells, (float(durations[0]), float(durations[1]))


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """A sentence to say in the voice of a prompt, with the utterance it is taken from."""

    utterance: TokenisedUtterance
    prompt: TokenisedUtterance


def rehearsals(
    utterances: Sequence[TokenisedUtterance], count: int, lang: str = "en"
) -> list[Rehearsal]:
    """Choose held-out sentences, each of another speaker as long as there are others.

    The prompt is another utterance of the same speaker.
    """
    by_speaker: dict[str, list[TokenisedUtterance]] = {}
    for utterance in sorted(utterances, key=lambda u: u.name):
        if utterance.lang == lang:
            by_speaker.setdefault(utterance.speaker, []).append(utterance)
    pairs = [Rehearsal(said[1], said[0]) for said in by_speaker.values() if len(said) > 1]
    pairs += [
        Rehearsal(utterance, said[0]) for said in by_speaker.values() for utterance in said[2:]
    ]
    return pairs[:count]


def rehearse(
    model: MobileSpeech,
    codec: Codec,
    chosen: Sequence[Rehearsal],
    folder: Path,
    *,
    listener: Listener | None = None,
    options: DecodingOptions | None = None,
) -> dict[str, Any]:
    """Synthesise sentences to `folder`, and count the words that are heard wrong.

    Args:
        model: The model.
        codec: Turns codes to waveforms.
        chosen: What to say.
        folder: Where the WAV files go, named after the utterances.
        listener: Counts word errors; None leaves them out.
        options: How to decode.

    Returns:
        Seconds that synthesis took, length relative to the recordings, how many sentences would
        be longer than the model allows if any are, and where there is a listener, word error rate
        in percent and what was heard.
    """
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    say = speaker_of(model, codec, options or DecodingOptions())
    errors = words = samples = true_frames = unsaid = 0
    wall_s = 0.0
    heard: dict[str, str] = {}
    for item in chosen:
        started = time.perf_counter()
        try:
            waveform = say(item)
        except InputError:
            unsaid += 1
            continue
        wall_s += time.perf_counter() - started
        soundfile.write(folder / f"{item.utterance.name}.wav", waveform, SAMPLE_RATE_HZ)
        samples += len(waveform)
        true_frames += item.utterance.n_frame
        if listener is not None:
            transcript = listener.transcribe(waveform, item.utterance.lang)
            counted = count_errors(item.utterance.text, transcript, item.utterance.lang)
            errors, words = errors + counted.word_errors, words + counted.words
            heard[item.utterance.name] = transcript
    relative_length = samples / HOP_LENGTH / max(true_frames, 1)
    figures: dict[str, Any] = {
        "synthesis_s": round(wall_s, 3),
        "relative_length": round(relative_length, 3),
    }
    if unsaid:
        figures["unsaid"] = unsaid
    if listener is not None and words:
        figures |= {"wer_percent": round(100 * errors / words, 1), "heard": heard}
    return figures


def speaker_of(
    model: MobileSpeech, codec: Codec, options: DecodingOptions
) -> Callable[[Rehearsal], NDArray[np.float32]]:
    """Make a function that says a sentence with the loop that devices run."""
    call = eager(methods(model, codec.decoder))
    limits = Limits(
        frames_per_step=model.config.frames_per_step,
        max_frames=model.config.max_frames,
        max_prompt_frames=round(LONGEST_PROMPT_S * FRAME_RATE_HZ),
        chunk_frames=CHUNK_FRAMES,
        lookahead_frames=codec.lookahead_frames,
    )

    def say(item: Rehearsal) -> NDArray[np.float32]:
        request = Request(
            sentences=(tuple(item.utterance.phonemes.tolist()),),
            prompt_codes=item.prompt.codes.T.astype(np.int64),
            options=options,
        )
        return synthesize(call, limits, request).waveform

    return say
