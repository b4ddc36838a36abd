"""The systems that `speech_quality.py` compares: each says a sentence once, and never again."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from bench.pipeline import Plan, prepare_references
from bench.quality.clips import Clip, read_samples
from bench.quality.suite import Recorded
from lowering.build import build_artifacts
from lowering.cache import cache_key, cache_root, source_hash
from lowering.reference import model_limits
from lowering.runtime import LoadedProgram, set_threads
from model.choice import ModelChoice
from model.codec.providers import load_codec
from model.config import CONFIGS, SAMPLE_RATE_HZ
from model.data.corpus import Samples, digest
from model.decoding import DecodingOptions, decoding_plan
from model.entries import usable
from model.errors import InputError
from model.generate import Call, Limits, synthesize
from model.loading import load_model
from model.methods import eager, methods
from model.prepare import prepare

RECORDING, RESYNTHESIS, EAGER = "recording", "codec resynthesis", "fp32 eager"

Say = Callable[[Recorded], np.ndarray]


@cache
def one_thread() -> None:
    """Set the runtime's threads, once only: programs that are loaded do not survive another."""
    set_threads(1)


@dataclass(frozen=True, eq=False)
class System:
    """Something that says sentences.

    Attributes:
        name: In tables.
        key: All that what it says depends on, beside the sentence.
        say: Returns (N,) samples within [-1, 1].
        passes: Of decoding; 0 where nothing is decoded.
        beside: The system that it is compared with sample by sample; empty where there is none.
        plays: Whether it plays the recording, and so says what was said there.
    """

    name: str
    key: Mapping[str, Any]
    say: Say
    passes: int = 0
    beside: str = ""
    plays: bool = False

    def path(self, item: Recorded) -> Path:
        """Name the file of what it says of a sentence."""
        sentence = (item.utterance.text, item.utterance.seed, digest(item.prompt))
        name = cache_key([item.utterance.name, *sentence, digest(item.recording)])
        return cache_root() / "quality" / "speech" / cache_key(dict(self.key)) / f"{name}.flac"

    def speak(self, item: Recorded) -> None:
        """Say a sentence, unless it is in the cache already; what cannot be said leaves a reason.

        CPU seconds are kept beside it: unlike wall seconds, they hardly depend on other programs.
        """
        path = self.path(item)
        facts = path.with_suffix(".json")
        if facts.is_file():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        started_s = time.process_time()
        found: dict[str, Any] = {"problem": ""}
        try:
            waveform = self.say(item)
            found["cpu_s"] = time.process_time() - started_s
            soundfile.write(path, np.clip(waveform, -1, 1), SAMPLE_RATE_HZ, subtype="PCM_16")
        except InputError as error:
            found["problem"] = str(error)
        facts.write_text(json.dumps(found))  # last: a sentence with it is finished

    def spoken(self, item: Recorded) -> Samples | None:
        """Read what it said of a sentence; none where it could not, or has not yet."""
        path = self.path(item)
        return read_samples(path) if path.is_file() else None

    def facts(self, item: Recorded) -> dict[str, Any]:
        """Read what is known of saying a sentence."""
        facts: dict[str, Any] = json.loads(self.path(item).with_suffix(".json").read_text())
        return facts

    def clip(self, item: Recorded, others: Mapping[str, "System"]) -> Clip | None:
        """Put what it said beside all that it is judged by."""
        speech = self.spoken(item)
        if speech is None:
            return None
        reference = others[self.beside].spoken(item) if self.beside in others else None
        utterance = item.utterance
        text = item.recorded_text if self.plays else utterance.text
        return Clip(utterance.name, speech, text, utterance.lang or "", item.prompt, reference)


class Systems:
    """Makes systems of one model and one codec, which are loaded when they are first needed.

    Args:
        choice: Model and codec.
        passes: Of decoding, where a system does not say otherwise.
        temperature: Of decoding.
    """

    def __init__(self, choice: ModelChoice, passes: Sequence[int], temperature: float) -> None:
        self.choice = choice
        self.passes = tuple(passes)
        self.temperature = temperature
        self.identity = choice.identity()
        self.trained = load_model(choice.name, choice.checkpoint)[1].trained

    @cached_property
    def codec(self) -> Any:
        """The codec."""
        return load_codec(self.choice.codec, self.choice.codec_checkpoint)

    @cached_property
    def eager_call(self) -> Call:
        """The fp32 eager model."""
        model, _ = load_model(self.choice.name, self.choice.checkpoint)
        return eager(methods(model, self.codec.decoder))

    @property
    def limits(self) -> Limits:
        """What the model takes."""
        return model_limits(CONFIGS[self.choice.name], self.codec.lookahead_frames)

    def recording(self) -> System:
        """The test speakers' own reading."""
        said = {"system": "recording"}
        return System(
            RECORDING, said, lambda item: item.recording.astype(np.float32) / 32768, plays=True
        )

    def resynthesis(self) -> System:
        """The same, through the codec."""
        codec = {name: self.identity[name] for name in ("codec", "codec_weights")}
        said = {"system": "resynthesis", "sources": source_hash("model/codec"), **codec}
        return System(
            RESYNTHESIS,
            said,
            lambda item: self.through_codec(item.recording),
            beside=RECORDING,
            plays=True,
        )

    def coarse(self, n_channel: int) -> System:
        """The recordings through the coarsest channels of the codec `own`: what finer ones add."""
        codec = {name: self.identity[name] for name in ("codec", "codec_weights")}
        said = {
            "system": "resynthesis",
            "channels": n_channel,
            "sources": source_hash("model/codec"),
            **codec,
        }

        @torch.no_grad()
        def say(item: Recorded) -> np.ndarray:
            waveform = torch.from_numpy(item.recording.astype(np.float32) / 32768)[None]
            codes, decoder = self.codec.encode(waveform), self.codec.decoder
            chosen = zip(self.codec.codebooks[:n_channel], codes[0], strict=False)
            latents = sum(codebook[code] for codebook, code in chosen)
            return decoder.synthesis(*decoder.spectrum(decoder.hidden(latents[None])))[0].numpy()

        name = f"{RESYNTHESIS}, channels 1 to {n_channel}"
        return System(name, said, say, beside=RECORDING, plays=True)

    @torch.no_grad()
    def through_codec(self, samples: Samples) -> np.ndarray:
        """Encode and decode speech."""
        waveform = torch.from_numpy(samples.astype(np.float32) / 32768)[None]
        return self.codec.decode(self.codec.encode(waveform))[0].numpy()

    def eager(self, name: str = EAGER, passes: Sequence[int] = ()) -> System:
        """The fp32 eager model."""
        return self.synthesis(name, lambda: (self.eager_call, self.limits), "eager", passes)

    def lowered(self, schemes: Sequence[str], backend: str) -> list[System]:
        """Lower schemes, and make a system of each .pte; what cannot be lowered is told."""
        plan = Plan("host", self.choice, tuple(schemes), (backend,), (), passes=self.passes)
        specs = {scheme: plan.lowering(scheme, backend) for scheme in schemes}
        for scheme, spec in specs.items():
            if reason := spec.refused():
                print(f"{scheme} left out: {reason}", flush=True)
        wanted = [spec for spec in specs.values() if not spec.refused()]
        if any(not usable(spec.folder()) for spec in wanted):
            prepare_references(plan, lambda step: None)
        made = []
        for built in build_artifacts(wanted):
            if built.reason:
                print(f"{built.spec.scheme} left out: {built.reason}", flush=True)
                continue
            made.append(self.artifact(built.spec.scheme, built.spec.folder(), built.spec.read()))
        return sorted(made, key=lambda system: list(schemes).index(system.name.split()[0]))

    def artifact(self, scheme: str, folder: Path, artifact: Any) -> System:
        """Make a system of a .pte."""
        loaded: list[LoadedProgram] = []

        def program() -> tuple[Call, Limits]:
            if not loaded:
                one_thread()
                loaded.append(LoadedProgram(artifact.pte))
            return loaded[0].call, artifact.manifest.limits

        return self.synthesis(f"{scheme} .pte", program, folder.name, beside=EAGER)

    def synthesis(
        self,
        name: str,
        program: Callable[[], tuple[Call, Limits]],
        what: str,
        passes: Sequence[int] = (),
        beside: str = "",
    ) -> System:
        """Make a system of a model behind a `Call`."""
        plan = decoding_plan(tuple(passes) or self.passes)
        options = DecodingOptions(plan=plan, temperature=self.temperature)

        def say(item: Recorded) -> np.ndarray:
            call, limits = program()
            request = prepare(item.utterance, self.codec, CONFIGS[self.choice.name], options)
            return synthesize(call, limits, request).waveform

        said = {
            "system": what,
            "sources": source_hash("model"),
            "passes": [step.remaining for step in plan],
            "channels": [step.channels for step in plan],
            "temperature": self.temperature,
            **self.identity,
        }
        return System(name, said, say, len(plan), beside)
