"""The HTP simulator says what it is, and what it cannot."""

import pytest

from bench.commands.launch import fitted
from bench.config import Config
from bench.pipeline import Plan
from devices.htp_simulator import HtpSimulator
from devices.schedule import Schedule
from lowering.qnn import sdk
from model.choice import ModelChoice
from model.errors import DeviceError, DeviceUnavailableError
from model.utterance import built_in_utterances


def plan_for(device, **changes):
    utterances = (built_in_utterances()["short"],)
    return Plan(device, ModelChoice("tiny"), ("fp16",), ("qnn",), utterances, **changes)


def test_its_times_are_never_taken_for_a_phone_s(monkeypatch):
    monkeypatch.setattr("devices.htp_simulator.unavailable", lambda: "")
    monkeypatch.setattr("devices.htp_simulator.find_sdk", lambda: sdk.Sdk("SDK 1", sdk.LIBRARIES))
    info = HtpSimulator().info()
    assert info.emulated
    assert "simulator" in info.soc


def test_without_the_libraries_it_is_not_there_and_the_remedy_is_given(monkeypatch):
    monkeypatch.setattr("devices.htp_simulator.unavailable", lambda: sdk.NO_SDK)
    with pytest.raises(DeviceUnavailableError, match=r"\[qnn\]"):
        HtpSimulator().info()


def test_it_profiles_nothing(make_job, tmp_path):
    with pytest.raises(DeviceError, match="on a phone"):
        HtpSimulator().profile(make_job(tmp_path / "model.pte"), Schedule())


def test_a_plan_is_compiled_for_its_device_s_processor():
    spec = fitted(plan_for("s25"), Config()).lowering("fp16", "qnn")
    assert spec.made_backend().soc == "SM8750"
    chosen = plan_for("s25", backend_options={"qnn": (("soc", "SM8550"), ("steps", 96))})
    backend = fitted(chosen, Config()).lowering("fp16", "qnn").made_backend()
    assert (backend.soc, backend.steps) == ("SM8550", 96)


def test_a_processor_that_the_compiler_does_not_know_is_a_reason():
    assert "SM7325" in fitted(plan_for("snapdragon-778g"), Config()).excluded["qnn"]


@pytest.mark.parametrize("device", ["s25", "snapdragon-8-gen-3"])
def test_a_snapdragon_phone_takes_qnn_with_a_runner_of_one_s_own_alone(device):
    assert "--runner" in fitted(plan_for(device), Config()).excluded["qnn"]
    assert "qnn" not in fitted(plan_for(device), Config(), "qnn_executor_runner").excluded
