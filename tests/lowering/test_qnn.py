"""What the HTP compiler makes of MobileSpeech says on its simulator what fp32 says."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bench.pipeline import Plan
from devices.base import Job
from devices.htp_simulator import HtpSimulator
from devices.schedule import Schedule
from lowering.artifact import read_artifact
from lowering.backend import Proof
from lowering.backends import make_backend
from lowering.build import build_artifacts, build_references
from lowering.qnn import sdk
from lowering.qnn.backend import BITS, QNN, SOCS, bits_of
from lowering.reference import read_reference
from model.choice import ModelChoice
from model.errors import ConfigError, StageFailedError
from model.utterance import built_in_utterances
from quantization.schemes import SCHEMES

needs_htp = pytest.mark.skipif(bool(sdk.unavailable()), reason=sdk.unavailable())
LEAST_SNR_DB = {"fp16": 50, "16a8w": 30, "8a8w": 20, "16a4w": 10}


def test_it_takes_float16_and_integers_throughout_and_says_what_to_take_in_place_of_others():
    taken = {name for name in SCHEMES if not QNN().refuses(SCHEMES[name]())}
    assert taken == set(LEAST_SNR_DB)
    assert "fp16" in QNN().refuses(SCHEMES["fp32"]())
    assert "8a8w" in QNN().refuses(SCHEMES["int8-static"]())


def test_an_unknown_chip_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match="SM8650"):
        QNN(soc="SM1")
    assert all(QNN(soc=soc).soc == soc for soc in SOCS)


def test_lengths_and_compiler_are_among_its_options():
    backend = make_backend("qnn", (("steps", 96),))
    assert backend.lengths()["steps"] == backend.options()["steps"] == 96
    assert "compiler" in backend.options()
    assert backend.proof() is Proof.SIMULATED


def test_what_is_heard_has_16_bits_whatever_the_scheme():
    assert bits_of("codec_decoder", SCHEMES["8a8w"]()) == (16, 8)
    assert bits_of("smd", SCHEMES["8a8w"]()) == (8, 8)
    for scheme in (SCHEMES[name]() for name in ("8a8w", "16a8w", "16a4w")):
        assert {bits_of(name, scheme) for name in ("smd", "codec_decoder")} <= set(BITS)


@pytest.fixture(scope="module")
def head():
    """One method that takes the whole way, small enough for every scheme."""
    import torch

    from lowering.static import with_lengths
    from model.codec.providers import load_codec
    from model.loading import load_model
    from model.methods import methods

    model, _ = load_model("tiny")
    method = with_lengths(methods(model, load_codec().decoder)["head_0"], {"cells": 64})
    inputs = torch.randn(1, 64, model.config.head_width, generator=torch.Generator().manual_seed(0))
    return replace(method, inputs=(inputs,))


def compiled(backend, method, scheme):
    from lowering.export import export_method
    from quantization.apply import quantize

    part = quantize(
        "head_0", method, scheme, export_method,
        quantizer=backend.quantizer("head_0", scheme) if scheme.static else None,
        samples=[method.inputs],
    )  # fmt: skip
    return backend.lower({"head_0": part.program}, scheme, {})


@pytest.mark.slow
@needs_htp
@pytest.mark.parametrize("name", LEAST_SNR_DB)
def test_a_method_is_one_delegate_and_near_fp32_on_the_simulator(head, name):
    from lowering.inspect import delegation

    backend, scheme = QNN(), SCHEMES[name]()
    edge = compiled(backend, head, scheme)
    found = delegation(edge.exported_program("head_0"))
    assert (found.delegates, found.macs_share, found.other_operators) == (1, 1, {})
    pte = bytes(edge.to_executorch().buffer)
    figures = backend.read_back(pte, scheme, {"head_0": None})["head_0"]
    assert figures["ddr_read_total_bytes"] > 0
    assert figures["ddr_spill_bytes"] == 0
    (got,) = backend.load(pte)("head_0", [head.inputs[0].numpy()])
    want = head.module(*head.inputs).detach().numpy()
    noise = np.square(got - want).sum()
    assert 10 * math.log10(np.square(want).sum() / noise) > LEAST_SNR_DB[name]


@pytest.mark.slow
@needs_htp
def test_every_chip_gets_its_own_program(head):
    scheme = SCHEMES["fp16"]()
    ptes = [bytes(compiled(QNN(soc=soc), head, scheme).to_executorch().buffer) for soc in SOCS]
    assert len(set(ptes)) == len(SOCS)
    assert min(map(len, ptes)) > 2 * 1024 * head.module.in_features


@pytest.mark.slow
@needs_htp
def test_a_compiler_that_fails_is_quoted(head, monkeypatch):
    import os

    from executorch.backends.qualcomm.utils import utils

    def fail(*_, **__):
        os.write(2, b"[ERROR] [Qnn ExecuTorch]:  <E> the graph is too large\n")
        raise RuntimeError

    monkeypatch.setattr(utils, "to_edge_transform_and_lower_to_qnn", fail)
    with pytest.raises(StageFailedError, match="last word: the graph is too large"):
        compiled(QNN(), head, SCHEMES["fp16"]())


@pytest.mark.slow
@pytest.mark.timeout(3600)
@needs_htp
def test_the_simulator_says_a_whole_sentence():
    utterance = built_in_utterances()["short"]
    plan = Plan("htp-simulator", ModelChoice("tiny"), ("8a8w",), ("qnn",), (utterance,))
    spec = plan.lowering("8a8w", "qnn")
    wanted = plan.reference(utterance)
    build_references([*spec.calibration, spec.verification, wanted])
    (built,) = build_artifacts([spec])
    assert built.reason == ""
    artifact = read_artifact(spec.folder())
    manifest = artifact.manifest
    assert manifest.proof == Proof.SIMULATED
    for name, facts in manifest.methods.items():
        assert (facts.delegates, facts.delegated_macs_share) == (1, 1), name
        assert facts.snr_db > 15, name
        assert facts.read_back["ddr_read_total_bytes"] > 0, name
    reference = read_reference(wanted)
    job = Job(artifact.pte, manifest.limits, reference.request)
    repeat = HtpSimulator().measure(job, Schedule(warmup=0, iterations=1, threads=1))
    assert repeat.codes.shape[0] == reference.codes.shape[0]
    assert len(repeat.waveform) == repeat.codes.shape[1] * 320
    assert np.isfinite(repeat.waveform).all()
    assert np.abs(repeat.waveform).max() > 0
