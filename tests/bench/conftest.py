"""A harness without torch: a device that answers from memory, and artifacts that nobody made."""

import contextlib

import numpy as np
import pytest

from bench import pipeline
from bench.pipeline import Plan
from devices.base import DeviceInfo, OperatorTime, Repeat, Trial
from devices.schedule import Schedule
from lowering.artifact import Artifact, Manifest, MethodFacts
from lowering.build import Built
from lowering.lower import LoweringSpec
from lowering.reference import Reference
from model.choice import ModelChoice
from model.decoding import DecodingOptions
from model.errors import DeviceError, DeviceUnavailableError
from model.generate import STAGES, Limits, Request
from model.hashing import file_sha256
from model.utterance import built_in_utterances

CODES = np.arange(8 * 30).reshape(8, 30)


class Recorder:
    """A device that remembers what it was asked, and fails where it is told to."""

    def __init__(self):
        self.asked = []
        self.broken = set()
        self.reason = "it crashed"
        self.gone_after = None
        self.claims = []

    @contextlib.contextmanager
    def claim(self):
        self.claims.append(len(self.asked))
        yield
        self.claims.append(len(self.asked))

    def info(self):
        return DeviceInfo("host", "host", "a machine", "an os", "x86_64", "a chip", 2, 1 << 34)

    def measure(self, job, schedule):
        self.asked.append(job.pte.name)
        if self.gone_after is not None and len(self.asked) > self.gone_after:
            raise DeviceUnavailableError("the cable was pulled")
        if job.pte.name in self.broken:
            raise DeviceError(self.reason)
        return make_repeat(wall_ms=100 + len(self.asked))

    def profile(self, job, schedule):
        return (OperatorTime("smd", "Fully Connected", "delegate", 15, 90.0),)


def make_repeat(wall_ms=100.0, codes=CODES):
    stage_ms = dict.fromkeys(STAGES, wall_ms / len(STAGES))
    trials = tuple(Trial(wall_ms + i, 10.0, stage_ms, None) for i in range(3))
    waveform = np.zeros(codes.shape[1] * 320, np.float32)
    return Repeat(
        load_ms=5.0, warm_load_ms=4.0, base_rss_bytes=100, load_peak_rss_bytes=200,
        peak_rss_bytes=300, planned_bytes=None, threads=2, affinity="3",
        backends=("XnnpackBackend",), warmup_ms=(120.0,), trials=trials, codes=codes,
        waveform=waveform,
    )  # fmt: skip


def make_manifest(scheme="fp32", **changes):
    facts = MethodFacts(1, 30, {"embedding": 1}, 1.0, 1000, 50, 100, 900, 1000, 0, 40.0, 1e-3)
    fields = {
        "model": "tiny", "trained": False, "model_sha256": "", "codec": "own", "codec_sha256": "",
        "scheme": scheme, "backend": "xnnpack", "versions": {}, "pte_sha256": "", "pte_bytes": 4096,
        "limits": Limits(2, 400, 100, 75, 20), "methods": {"smd": facts},
        "left_out": (("smd.embedding", "no linear layer"),), "token_agreement": (0.5,) * 8,
        "lsd_db": 1.0, "mcd_db": 2.0, "stage_s": {"lower": 3.0},
        "stage_peak_rss_bytes": {"lower": 9}, **changes,
    }  # fmt: skip
    return Manifest(**fields)


def make_artifact(folder, scheme):
    """A .pte with nothing in it but the name of its scheme."""
    pte = folder / scheme
    pte.write_text(scheme)
    return Artifact(pte, make_manifest(scheme, pte_sha256=file_sha256(pte)))


@pytest.fixture
def device():
    return Recorder()


@pytest.fixture
def plan():
    utterances = tuple(built_in_utterances()[name] for name in ("short", "medium"))
    schedule = Schedule(repeats=3)
    return Plan("host", ModelChoice("tiny"), ("fp32", "8da8w"), ("xnnpack",), utterances, schedule)


@pytest.fixture(autouse=True)
def without_torch(monkeypatch, tmp_path, request):
    """Let the pipeline find every artifact made, named after its scheme."""
    if "plan" not in request.fixturenames:
        return
    reference = Reference(Request(((1, 2),), CODES, DecodingOptions()), CODES, np.zeros(9600))
    monkeypatch.setattr(pipeline, "build_references", lambda specs, limit_s: None)
    monkeypatch.setattr(pipeline, "build_artifacts", lambda specs: [Built(s) for s in specs])
    monkeypatch.setattr(pipeline, "read_reference", lambda spec: reference)
    monkeypatch.setattr(LoweringSpec, "read", lambda spec: make_artifact(tmp_path, spec.scheme))
