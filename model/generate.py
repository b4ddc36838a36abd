"""The synthesis loop: phonemes and prompt codes in, codes and waveform out.

One loop for everything: it calls the model's methods by name through `Call`, so that the eager
module, a lowered .pte on this host and the reference of the native runner are the same program.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.config import HOP_LENGTH, N_CODEBOOK
from model.decoding import MASK, Codes, DecodingOptions, MaskedCells, unmask
from model.errors import InputError, StageFailedError

Array = NDArray[np.generic]
Float32 = NDArray[np.float32]
# Runs one method: its name and inputs to its outputs. Outputs may be overwritten by the next call
# of the same method, never by that of another.
Call = Callable[[str, Sequence[Array]], Sequence[Array]]


@dataclass(frozen=True, eq=False)
class Request:
    """One utterance, ready for a device: no text and no waveform any more.

    Attributes:
        sentences: Phoneme ids of each sentence.
        prompt_codes: (Q, P) codes of the prompt.
        options: How to decode.
        dropped: Characters of the text that are not said, each once.
    """

    sentences: tuple[tuple[int, ...], ...]
    prompt_codes: Codes
    options: DecodingOptions = field(default_factory=DecodingOptions)
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """What the loop must know of the model behind `Call`.

    Attributes:
        frames_per_step: Codec frames per decoder step.
        max_frames: Longest output T of one sentence.
        max_prompt_frames: Longest prompt P; what is longer is cut.
        chunk_frames: Frames per chunk of decoded waveform.
        lookahead_frames: Context that the codec's decoder needs on each side of a chunk.
    """

    frames_per_step: int
    max_frames: int
    max_prompt_frames: int
    chunk_frames: int
    lookahead_frames: int


@dataclass(frozen=True, eq=False)
class Synthesis:
    """What one synthesis gave and what it took.

    Attributes:
        codes: (Q, T) of all sentences, one after the other; MASK where a channel has no pass.
        waveform: (N,) samples.
        stage_ms: Milliseconds per stage, summed over sentences and passes.
        first_audio_ms: From the start until the first chunk of waveform was there.
        wall_ms: All of it.
    """

    codes: Codes
    waveform: Float32
    stage_ms: dict[str, float]
    first_audio_ms: float
    wall_ms: float


STAGES = (
    "prompt_encoder",
    "text_encoder",
    "duration_predictor",
    "smd",
    "head",
    "sampling",
    "codec",
)


class Stopwatch:
    """Adds up milliseconds per stage."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.stage_ms = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what runs inside."""
        begin = time.perf_counter()
        yield
        self.stage_ms[name] += (time.perf_counter() - begin) * 1e3

    def elapsed_ms(self) -> float:
        """Milliseconds since the stopwatch was made."""
        return (time.perf_counter() - self.start) * 1e3


def regulate(rows: Float32, log_durations: Float32, limits: Limits) -> Float32:
    """Stretch the text to decoder steps (the length regulator).

    Each phoneme lasts max(1, floor(exp(log_duration) + 0.5)) frames; the last frame is repeated
    until the steps are full.

    Args:
        rows: (S, F * C) of the text encoder, F being `frames_per_step`.
        log_durations: (S,).
        limits: What the model takes.

    Returns:
        (K, C) rows.

    Raises:
        InputError: The speech would be longer than the model's longest output.
    """
    per_step = limits.frames_per_step
    frames = np.maximum(1, np.floor(np.exp(log_durations.astype(np.float64)) + 0.5))
    if not frames.sum() <= limits.max_frames:
        raise InputError(
            f"the predicted speech has {frames.sum():.0f} frames, over the model's"
            f" {limits.max_frames}: split the text into shorter sentences"
        )
    index = np.repeat(np.arange(len(frames)), frames.astype(np.int64))
    index = np.append(index, np.repeat(index[-1:], -len(index) % per_step))
    width = rows.shape[1] // per_step
    planes = rows.reshape(len(rows), per_step, width)
    steps: Float32 = planes[index[0::per_step], 0]
    for f in range(1, per_step):
        steps += planes[index[f::per_step], f]
    return steps


def synthesize(call: Call, limits: Limits, request: Request) -> Synthesis:
    """Text and prompt in, speech out: all of MobileSpeech's inference in one function.

    Args:
        call: Runs a method of the model.
        limits: What the model takes.
        request: What to say, in whose voice, and how to decode.
    """
    watch = Stopwatch()
    with watch.stage("prompt_encoder"):
        prompt = request.prompt_codes[None, :, : prompt_frames(request, limits)]
        memory = list(call("prompt_encoder", [prompt]))
    all_codes, chunks, first_audio_ms = [], [], 0.0
    for number, phonemes in enumerate(request.sentences):
        with watch.stage("text_encoder"):
            text, rows = call("text_encoder", [np.asarray([phonemes], np.int64)])
        with watch.stage("duration_predictor"):
            (log_durations,) = call("duration_predictor", [text, *memory[:2]])
            steps = regulate(rows[0], log_durations[0], limits)
        codes = decode_codes(
            call, limits, steps, memory[2:], request.options, sentence=number, watch=watch
        )
        for start in range(0, codes.shape[1], limits.chunk_frames):
            with watch.stage("codec"):
                chunks.append(decode_chunk(call, limits, codes, start))
            first_audio_ms = first_audio_ms or watch.elapsed_ms()
        all_codes.append(codes)
    return Synthesis(
        codes=np.concatenate(all_codes, 1),
        waveform=np.concatenate(chunks),
        stage_ms=watch.stage_ms,
        first_audio_ms=first_audio_ms,
        wall_ms=watch.elapsed_ms(),
    )


def prompt_frames(request: Request, limits: Limits) -> int:
    """Frames of the prompt that are used: whole steps, from its start, up to the model's limit."""
    available: int = min(request.prompt_codes.shape[1], limits.max_prompt_frames)
    return available - available % limits.frames_per_step


def decode_codes(
    call: Call,
    limits: Limits,
    steps: Float32,
    memory: Sequence[Array],
    options: DecodingOptions,
    *,
    sentence: int,
    watch: Stopwatch,
) -> Codes:
    """Fill a masked grid pass by pass, keeping each pass's most confident cells.

    Args:
        call: Runs a method of the model.
        limits: What the model takes.
        steps: (K, C) length-regulated text.
        memory: Keys and values for the SMD.
        options: How to decode.
        sentence: Number of the sentence, for its random numbers.
        watch: Takes the times.

    Returns:
        (Q, T) codes; MASK in the channels that no pass is for.

    Raises:
        StageFailedError: The model computes nonsense: a logit is infinite or no number.
    """
    codes = np.full((N_CODEBOOK, len(steps) * limits.frames_per_step), MASK, np.int64)
    for step in options.plan:
        cells = MaskedCells.of(codes, step)
        if not len(cells.frame):  # a short sentence is complete before its passes are over
            continue
        with watch.stage("smd"):
            (hidden,) = call("smd", [codes[None], steps[None], *memory])
        with watch.stage("head"):
            logits = [
                call(f"head_{channel}", [hidden[:, cells.frame[cells.channel == channel]]])[0][0]
                for channel in np.unique(cells.channel)
            ]
        with watch.stage("sampling"):
            rows = np.concatenate(logits)
            if not np.isfinite(rows).all():
                raise StageFailedError("the logits are not all finite numbers")
            unmask(codes, cells, rows, step, options, sentence=sentence)
    return codes


def decode_chunk(call: Call, limits: Limits, codes: Codes, start: int) -> Float32:
    """Decode a chunk of frames, with as much context as makes it equal decoding all of them."""
    left = max(0, start - limits.lookahead_frames)
    stop = min(codes.shape[1], start + limits.chunk_frames)
    right = min(codes.shape[1], stop + limits.lookahead_frames)
    (waveform,) = call("codec_decoder", [codes[None, :, left:right]])
    first = (start - left) * HOP_LENGTH
    return np.array(waveform[0, first : first + (stop - start) * HOP_LENGTH], np.float32)
