"""One pass of the mask decoder, eager and lowered: `pytest benchmarks --benchmark-only`.

Compare the groups' medians with each other, within one run: they are ratios of this machine at this
moment, not absolute times. One thread, `base`, the passes recorded from a real utterance.
"""

import numpy as np
import pytest
import torch

from bench.pipeline import Plan, prepare_references
from lowering.build import build_artifacts
from lowering.reference import read_recording
from lowering.runtime import LoadedProgram, set_threads
from model.choice import ModelChoice
from model.loading import load_model
from model.methods import eager, methods
from model.utterance import used_for

SCHEMES = ("fp32", "8da8w", "8da4w", "int8-static")


@pytest.fixture(scope="module")
def plan():
    plan = Plan("host", ModelChoice("base"), SCHEMES, ("xnnpack",), used_for("measure")[:1])
    prepare_references(plan, lambda step: None)
    return plan


@pytest.fixture(scope="module")
def smd_inputs(plan):
    inputs, _ = read_recording(plan.lowering("fp32", "xnnpack").verification.folder())["smd"][0]
    return [np.array(array) for array in inputs]


@pytest.mark.benchmark(group="smd pass")
def test_eager(benchmark, smd_inputs):
    torch.set_num_threads(1)
    model, _ = load_model("base")
    call = eager(methods(model, torch.nn.Identity()))
    benchmark(call, "smd", smd_inputs)


@pytest.mark.benchmark(group="smd pass")
@pytest.mark.parametrize("scheme", SCHEMES)
def test_lowered(benchmark, plan, smd_inputs, scheme):
    (built,) = build_artifacts([plan.lowering(scheme, "xnnpack")])
    assert not built.reason
    set_threads(1)
    program = LoadedProgram(built.spec.read().pte)
    benchmark(program.call, "smd", smd_inputs)
