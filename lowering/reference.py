"""The fp32 reference: requests, the eager model's speech, and real inputs of every method.

What needs the eager model is made once, in a child process, and cached: a second run needs no torch
in the parent.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from lowering.cache import (
    MODEL_PACKAGES,
    PINS,
    cache_key,
    cache_root,
    source_hash,
    versions,
)
from model.choice import ModelChoice
from model.codec.providers import CODECS
from model.config import ModelConfig
from model.decoding import Codes, DecodingOptions, unused_channels
from model.entries import publish, require
from model.generate import Array, Call, Float32, Limits, Request, synthesize
from model.hashing import file_sha256
from model.utterance import Utterance
from quantization.calibration import Recording, record

CHUNK_FRAMES = 75  # one second of waveform per chunk
RECORDED_CALLS = 16  # per method, or all passes of one sentence where they are more


@dataclass(frozen=True)
class ReferenceSpec:
    """One utterance to make a reference of.

    Attributes:
        choice: The model.
        utterance: What it says.
        options: How codes are unmasked.
        sources: Hash of the code that makes it, as it is when the spec is made.
    """

    choice: ModelChoice
    utterance: Utterance
    options: DecodingOptions
    sources: str = field(default_factory=lambda: source_hash("model"))

    def packages(self) -> dict[str, str]:
        """Versions of what makes it: of what runs the model, its codec, its text and its prompt."""
        return versions((*PINS, *MODEL_PACKAGES, *CODECS[self.choice.codec].packages))

    def folder(self) -> Path:
        """Name its folder in the cache."""
        utterance = asdict(self.utterance) | {"prompt": file_sha256(self.utterance.prompt.path)}
        parts = {
            "sources": self.sources,
            "packages": self.packages(),
            "model": self.choice.identity(),
            "utterance": utterance,
            "options": asdict(self.options),
        }
        return cache_root() / "references" / cache_key(parts)


@dataclass(frozen=True, eq=False)
class Reference:
    """What the fp32 eager model said.

    Attributes:
        request: The utterance, ready for a device.
        codes: (Q, T).
        waveform: (N,).
    """

    request: Request
    codes: Codes
    waveform: Float32


def read_reference(spec: ReferenceSpec) -> Reference:
    """Read a reference from the cache, where `make_references` has put it.

    Raises:
        CacheError: It has gone, or is broken.
    """
    with np.load(require(spec.folder()) / "reference.npz") as arrays:
        names = sorted(name for name in arrays if name.startswith("sentence_"))
        request = Request(
            sentences=tuple(tuple(arrays[name].tolist()) for name in names),
            prompt_codes=arrays["prompt_codes"],
            options=replace(spec.options, seed=spec.utterance.seed),
        )
        return Reference(request, arrays["codes"], arrays["waveform"])


def make_references(specs: Sequence[ReferenceSpec]) -> None:
    """Make references of utterances of one model, and put them into the cache."""
    from model.methods import eager, methods
    from model.pair import load_pair
    from model.prepare import prepare

    choice = specs[0].choice
    model, _, codec = load_pair(choice)
    run = eager(methods(model, codec.decoder))
    limits = model_limits(model.config, codec.lookahead_frames)
    for spec in specs:
        request = prepare(spec.utterance, codec, model.config, spec.options)
        call, recording = recorded_for(spec, run)
        speech = synthesize(call, limits, request)
        if recording:
            run_unused_heads(call, recording, spec.options)
        arrays: dict[str, Array] = {
            f"sentence_{i:04d}": np.asarray(sentence)
            for i, sentence in enumerate(request.sentences)
        }
        arrays |= {
            "prompt_codes": request.prompt_codes,
            "codes": speech.codes,
            "waveform": speech.waveform,
        }

        def fill(
            folder: Path, arrays: dict[str, Array] = arrays, kept: Recording = recording
        ) -> None:
            np.savez(folder / "reference.npz", allow_pickle=False, **arrays)
            np.savez(folder / "recording.npz", allow_pickle=False, **flatten(kept))

        publish(spec.folder(), fill)


def recorded_for(spec: ReferenceSpec, run: Call) -> tuple[Call, Recording]:
    """Record what calibration or verification may want; of speech to be scored, nothing."""
    if spec.utterance.use == "score":
        return run, {}
    return record(run, max(RECORDED_CALLS, len(spec.options.plan)))


def run_unused_heads(call: Call, recording: Recording, options: DecodingOptions) -> None:
    """Run the heads that no pass needs, so that they too are calibrated and verified.

    Args:
        call: Records what it runs.
        recording: What it recorded of a synthesis.
        options: How that decoded.
    """
    (hidden,) = recording["smd"][-1][1]
    for channel in unused_channels(options.plan):
        call(f"head_{channel}", [hidden])


def model_limits(config: ModelConfig, lookahead_frames: int) -> Limits:
    """Say what the methods of a model take."""
    return Limits(
        frames_per_step=config.frames_per_step,
        max_frames=config.max_frames,
        max_prompt_frames=config.max_prompt_frames,
        chunk_frames=CHUNK_FRAMES,
        lookahead_frames=lookahead_frames,
    )


def flatten(recording: Recording) -> dict[str, Array]:
    """Name every array of a recording `method/call/in|out/number`."""
    return {
        f"{method}/{i}/{side}/{j}": array
        for method, calls in recording.items()
        for i, call in enumerate(calls)
        for side, arrays in zip(("in", "out"), call, strict=True)
        for j, array in enumerate(arrays)
    }


def read_recording(folder: Path) -> Recording:
    """Read back what `flatten` named.

    Raises:
        CacheError: It has gone, or is broken.
    """
    recording: Recording = {}
    with np.load(require(folder) / "recording.npz") as arrays:
        for name in arrays.files:
            method, i, side, _ = name.split("/")
            calls = recording.setdefault(method, [])
            if int(i) == len(calls):
                calls.append(([], []))
            calls[int(i)][side == "out"].append(arrays[name])
    return recording
