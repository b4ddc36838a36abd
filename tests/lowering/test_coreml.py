"""Core ML says what it takes; its mlprograms are read back, and what is wrong in them is found."""

import pytest
import torch
from torch import nn

from lowering.backend import Proof
from lowering.coreml import TARGETS, CoreML
from lowering.export import export_method
from model.errors import ConfigError, StageFailedError
from model.methods import Axis, Method
from quantization.apply import quantize
from quantization.schemes import SCHEMES

pytest.importorskip("coremltools")
TAKEN = ("fp32", "fp16", "8w", "4w", "palettized-6", "palettized-4", "int8-static")
HOLDER = {
    "8w": "constexpr_blockwise_shift_scale",
    "4w": "constexpr_blockwise_shift_scale",
    "palettized-4": "constexpr_lut_to_dense",
    "int8-static": "quantize",
}


class Small(nn.Module):
    """A norm's averaging layer, a projection, a product of two inputs' parts."""

    def __init__(self):
        super().__init__()
        self.mean = nn.Linear(64, 1, bias=False)
        nn.init.constant_(self.mean.weight, 1 / 64)
        self.project = nn.Linear(64, 64)

    def forward(self, x):
        y = self.project(x * torch.rsqrt(self.mean(x * x) + 1e-6))
        return torch.bmm(y, y.transpose(1, 2))


@pytest.fixture(scope="module")
def method():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    axes = ({1: Axis("cells", 96)},)
    return Method(Small().eval(), (torch.randn(1, 10, 64),), axes)


def lowered(method, name, backend=None):
    scheme, backend = SCHEMES[name](), backend or CoreML()
    quantizer = backend.quantizer("small", scheme) if scheme.static else None
    program = quantize(
        "small", method, scheme, export_method, quantizer=quantizer, samples=[method.inputs]
    ).program
    pte = bytes(backend.lower({"small": program}, scheme, {}).to_executorch().buffer)
    return pte, scheme, {"small": program}


def test_it_takes_floats_weights_and_static_int8():
    assert tuple(name for name in SCHEMES if not CoreML().refuses(SCHEMES[name]())) == TAKEN


@pytest.mark.parametrize(
    ("scheme", "oldest"), [("fp16", "iOS16"), ("int8-static", "iOS17"), ("4w", "iOS18")]
)
def test_a_target_too_old_for_a_scheme_is_refused_with_the_one_it_needs(scheme, oldest):
    for target in TARGETS:
        refused = CoreML(deployment_target=target).refuses(SCHEMES[scheme]())
        assert bool(refused) == (TARGETS.index(target) < TARGETS.index(oldest))
        assert not refused or oldest in refused


def test_an_unknown_target_or_unit_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match="Known: iOS16"):
        CoreML(deployment_target="iOS12")
    with pytest.raises(ConfigError, match="Known: all"):
        CoreML(compute_units="npu")


def test_only_a_mac_executes_it(monkeypatch):
    monkeypatch.setattr("lowering.coreml.sys.platform", "linux")
    assert CoreML().proof() is Proof.READ_BACK
    monkeypatch.setattr("lowering.coreml.sys.platform", "darwin")
    assert CoreML().proof() is Proof.EXECUTED


def test_without_coremltools_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("lowering.coreml.find_spec", lambda _: None)
    assert "[coreml]" in CoreML().unavailable()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fp32", "fp16", *HOLDER])
def test_the_mlprogram_holds_what_the_scheme_asks_for_and_takes_every_length(method, name):
    pte, scheme, programs = lowered(method, name)
    facts = CoreML().read_back(pte, scheme, programs)["small"]
    assert facts["precisions"] == {"float32" if name == "fp32" else "float16": 3}
    assert facts["operators"]["linear"] == 2
    assert facts["operators"]["matmul"] == 1
    assert HOLDER.get(name, "linear") in facts["operators"]
    (lengths,) = facts["lengths"].values()
    assert lengths[1] == [1, 96]


@pytest.mark.slow
def test_the_target_is_that_of_the_option(method):
    old, scheme, programs = lowered(method, "fp16", CoreML(deployment_target="iOS16"))
    assert CoreML().read_back(old, scheme, programs)["small"]["specification"] == 7


@pytest.mark.slow
def test_an_mlprogram_that_is_not_what_was_asked_for_is_a_failure(method):
    pte, _, programs = lowered(method, "fp16")
    for name, complaint in (
        ("fp32", "multiplies in float16, not in float32"),
        ("8w", "has no operator constexpr_blockwise_shift_scale"),
    ):
        with pytest.raises(StageFailedError, match=complaint):
            CoreML().read_back(pte, SCHEMES[name](), programs)
    with pytest.raises(StageFailedError, match="other is not one mlprogram"):
        CoreML().read_back(pte, SCHEMES["fp16"](), {"other": programs["small"]})
    longer = Method(method.module, method.inputs, ({1: Axis("cells", 200)},))
    with pytest.raises(StageFailedError, match="takes 1 to 96 along axis 1"):
        CoreML().read_back(pte, SCHEMES["fp16"](), {"small": export_method(longer)})
    two = Method(nn.Sequential(nn.Linear(64, 64), method.module), method.inputs, method.axes)
    with pytest.raises(StageFailedError, match="holds 2 of 3 linear"):
        CoreML().read_back(pte, SCHEMES["fp16"](), {"small": export_method(two)})
