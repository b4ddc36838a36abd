"""Any text in any voice on this machine: sentence by sentence, in PyTorch or through a .pte."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lowering.artifact import Artifact
from lowering.cache import cache_root
from model.choice import ModelChoice
from model.decoding import DecodingOptions
from model.files import open_log
from model.generate import Call, Limits, Request, Synthesis, synthesize
from model.utterance import Utterance


@dataclass(frozen=True, eq=False)
class Speaker:
    """A model that is loaded.

    Attributes:
        call: Runs its methods.
        limits: What they take.
        trained: False where its speech is noise.
    """

    call: Call
    limits: Limits
    trained: bool


@contextmanager
def quiet() -> Iterator[None]:
    """Send what libraries print while they load, at the level of file descriptors, to a log."""
    log = open_log(cache_root() / "logs" / "say.log")
    saved = os.dup(1), os.dup(2)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        yield
    finally:
        for number, descriptor in enumerate(saved, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(log)


def request_for(
    choice: ModelChoice,
    utterance: Utterance,
    options: DecodingOptions,
    *,
    first_phonemes: int | None = None,
) -> Request:
    """Turn text into phonemes and the prompt into codes.

    Args:
        choice: Names the codec and the sizes.
        utterance: Text and prompt.
        options: How to decode.
        first_phonemes: Longest first part; None leaves the first sentence whole.

    Raises:
        InputError: The text or the prompt cannot be used.
    """
    with quiet():
        from model.codec.providers import load_codec
        from model.config import CONFIGS
        from model.prepare import prepare

        codec = load_codec(choice.codec, choice.codec_checkpoint)
    sizes = CONFIGS[choice.name]
    return prepare(utterance, codec, sizes, options, first_phonemes=first_phonemes)


def eager_speaker(choice: ModelChoice, threads: int) -> Speaker:
    """Load a model to run in PyTorch, in fp32: nothing has to be lowered first.

    Raises:
        CheckpointError: Its weights cannot be used.
    """
    with quiet():
        import torch

        from lowering.reference import model_limits
        from model.methods import eager, methods
        from model.pair import load_pair

        torch.set_num_threads(threads or os.cpu_count() or 1)
        model, info, codec = load_pair(choice)
    limits = model_limits(model.config, codec.lookahead_frames)
    return Speaker(eager(methods(model, codec.decoder)), limits, info.trained)


def lowered_speaker(artifact: Artifact, threads: int) -> Speaker:
    """Load a .pte into ExecuTorch's runtime."""
    with quiet():
        from lowering.runtime import LoadedProgram, set_threads

        set_threads(threads)
        program = LoadedProgram(artifact.pte)
    return Speaker(program.call, artifact.manifest.limits, artifact.manifest.trained)


def speak(speaker: Speaker, request: Request) -> Iterator[Synthesis]:
    """Say a request's sentences one after the other, each as soon as it is ready."""
    for number, sentence in enumerate(request.sentences):
        options = replace(request.options, seed=request.options.seed + number)
        part = Request((sentence,), request.prompt_codes, options)
        yield synthesize(speaker.call, speaker.limits, part)
