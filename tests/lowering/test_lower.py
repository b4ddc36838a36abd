"""Every method of MobileSpeech goes to XNNPACK whole, and says what fp32 eager says."""

import dataclasses
import math

import numpy as np
import pytest
from tiny import lowered, tiny_plan

from devices.base import Job
from devices.host import Host
from devices.schedule import Schedule
from lowering.build import build_artifacts
from lowering.lower import lower
from lowering.reference import read_reference
from lowering.runtime import LoadedProgram, set_threads
from model.errors import StageFailedError
from model.generate import synthesize
from quantization.scheme_files import adopt

SCHEMES = ("fp32", "8da8w", "int8-static")
MOST_DELEGATES = {"smd": 1, "codec_decoder": 3}
# XNNPACK and torch add in orders of their own, which differ from processor to processor. A method
# is a chain of some 20 sums of up to 1000 terms, each of which may be off by eps / 2.
LEAST_FP32_SNR_DB = -20 * math.log10(20 * 1000 * np.finfo(np.float32).eps / 2)
# Where two codes are as good but for such an error, either is chosen.
LEAST_FP32_AGREEMENT = 0.98


@pytest.fixture(scope="module")
def plan():
    return tiny_plan(*SCHEMES)


@pytest.fixture(scope="module")
def artifacts():
    return lowered(*SCHEMES)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_method_is_one_delegate_or_a_few(artifacts, scheme):
    for name, facts in artifacts[scheme].manifest.methods.items():
        assert 1 <= facts.delegates <= MOST_DELEGATES.get(name, 1), name
        assert facts.delegated_macs_share == 1


@pytest.mark.slow
def test_fp32_equals_eager(artifacts):
    manifest = artifacts["fp32"].manifest
    assert min(facts.snr_db for facts in manifest.methods.values()) > LEAST_FP32_SNR_DB
    assert min(manifest.token_agreement) >= LEAST_FP32_AGREEMENT
    assert manifest.lsd_db < 0.01


@pytest.mark.slow
def test_int8_is_near_fp32_and_smaller(artifacts):
    for scheme in ("8da8w", "int8-static"):
        manifest = artifacts[scheme].manifest
        assert manifest.pte_bytes < artifacts["fp32"].manifest.pte_bytes
        assert manifest.methods["smd"].snr_db > 15
        assert min(manifest.token_agreement) > 0.5
    assert artifacts["int8-static"].manifest.methods["smd"].calibration_samples > 10


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_host_says_what_the_same_pte_says_in_this_process(plan, artifacts, scheme):
    reference = read_reference(plan.reference(plan.utterances[0]))
    artifact = artifacts[scheme]
    job = Job(artifact.pte, artifact.manifest.limits, reference.request)
    repeat = Host().measure(job, Schedule(warmup=0, iterations=2, threads=1))
    assert repeat.threads == 1
    assert len(repeat.trials) == 2
    assert "XnnpackBackend" in repeat.backends
    assert 0 < repeat.base_rss_bytes < repeat.peak_rss_bytes
    assert len(repeat.waveform) == repeat.codes.shape[1] * 320
    set_threads(1)
    here = synthesize(LoadedProgram(artifact.pte).call, job.limits, job.request)
    np.testing.assert_array_equal(repeat.codes, here.codes)
    np.testing.assert_array_equal(repeat.waveform, here.waveform)


@pytest.mark.slow
def test_the_profile_names_operators_of_every_method(plan, artifacts):
    reference = read_reference(plan.reference(plan.utterances[0]))
    artifact = artifacts["fp32"]
    job = Job(artifact.pte, artifact.manifest.limits, reference.request)
    operators = Host().profile(job, Schedule(threads=1))
    assert {operator.method for operator in operators} == set(artifact.manifest.methods)
    assert any(operator.name.startswith("Fully Connected") for operator in operators)
    assert all(operator.total_ms >= 0 for operator in operators)


@pytest.mark.slow
def test_a_second_build_makes_nothing(plan, artifacts):
    specs = [plan.lowering(scheme, "xnnpack") for scheme in SCHEMES]
    before = {spec.folder(): spec.folder().stat().st_mtime_ns for spec in specs}
    assert all(not built.reason for built in build_artifacts(specs))
    assert before == {spec.folder(): spec.folder().stat().st_mtime_ns for spec in specs}


def test_a_pair_that_cannot_be_lowered_is_a_reason_and_not_the_end(plan):
    spec = plan.lowering("int8-static", "xnnpack")
    missing = dataclasses.replace(spec.verification, sources="nothing made this")
    (built,) = build_artifacts([dataclasses.replace(spec, calibration=(missing,))])
    assert built.reason.startswith("load failed: CacheError")


def test_a_scheme_that_quantizes_nothing_of_the_model_is_a_failed_lowering(
    plan, tmp_path, monkeypatch
):
    """`bench compile` and `bench run` would otherwise time fp32 under its name."""
    monkeypatch.setattr("lowering.export.export_method", lambda _: None)  # takes a minute
    (tmp_path / "lazy.toml").write_text('default = "fp32"\n')
    spec = plan.lowering(adopt(tmp_path / "lazy.toml"), "xnnpack")
    with pytest.raises(StageFailedError, match=r"quantized nothing; left in float: .*the default"):
        lower(spec)
    assert not spec.folder().exists()
