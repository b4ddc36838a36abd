"""Quantizing a method changes what it says it changes, and nothing else."""

import pytest
import torch
from torch import nn

from lowering.export import export_method
from model.methods import Axis, Method
from quantization.apply import quantize
from quantization.coverage import total
from quantization.schemes import SCHEMES


class Small(nn.Module):
    """Two linear layers, one of which no group of 32 fits, and a convolution."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Linear(64, 64)
        self.odd = nn.Linear(64, 40)
        self.last = nn.Linear(40, 64)
        self.convolution = nn.Conv1d(64, 64, 3, padding=1, groups=64)

    def forward(self, x):
        y = self.last(self.odd(self.wide(x)))
        return self.convolution(y.transpose(1, 2)).transpose(1, 2)


@pytest.fixture
def method():
    torch.manual_seed(0)
    return Method(Small().eval(), (torch.randn(1, 10, 64),), ({1: Axis("steps", 50)},))


def run(program, *inputs):
    with torch.no_grad():
        return program.module()(*inputs)


def test_float_leaves_every_number_as_it_is(method):
    quantized = quantize("smd", method, SCHEMES["fp32"](), export_method)
    assert torch.equal(run(quantized.program, *method.inputs), method.module(*method.inputs))
    assert quantized.coverage.quantized_params == 0
    assert len(quantized.coverage.left_out) == 4


@pytest.mark.parametrize(("name", "floor_db"), [("8da8w", 30), ("8da4w", 12)])
def test_dynamic_schemes_stay_near_float_and_leave_the_module_unchanged(method, name, floor_db):
    before = {key: value.clone() for key, value in method.module.state_dict().items()}
    quantized = quantize("smd", method, SCHEMES[name](), export_method)
    want = method.module(*method.inputs)
    error = run(quantized.program, *method.inputs) - want
    assert 0 < error.pow(2).sum() < want.pow(2).sum() / 10 ** (floor_db / 10)
    assert all(torch.equal(before[key], value) for key, value in method.module.state_dict().items())


def test_coverage_counts_parameters_and_multiply_adds_and_names_the_rest(method):
    coverage = quantize("smd", method, SCHEMES["8da4w"](), export_method).coverage
    assert coverage.quantized_params == (64 * 64 + 64) + (64 * 40 + 40)
    assert coverage.total_params == sum(p.numel() for p in method.module.parameters())
    assert coverage.quantized_macs == 10 * (64 * 64 + 64 * 40)
    assert coverage.total_macs == 10 * (64 * 64 + 64 * 40 + 40 * 64 + 64 * 3)
    assert [name for name, _ in coverage.left_out] == ["smd.last", "smd.convolution"]


def test_quantized_programs_take_other_lengths(method):
    quantized = quantize("smd", method, SCHEMES["8da8w"](), export_method)
    longer = torch.randn(1, 37, 64)
    want = method.module(longer)
    error = run(quantized.program, longer) - want
    assert error.pow(2).sum() < want.pow(2).sum() / 1000


def test_coverage_adds_up_over_methods(method):
    one = quantize("a", method, SCHEMES["8da8w"](), export_method).coverage
    both = total([one, one])
    assert both.quantized_params == 2 * one.quantized_params
    assert len(both.left_out) == 2 * len(one.left_out)


@pytest.mark.slow
def test_static_int8_calibrates_on_the_samples_and_covers_linear_layers(method):
    from lowering.backends import BACKENDS

    samples = [(torch.randn(1, 20, 64),) for _ in range(4)]
    quantizer = BACKENDS["xnnpack"]().quantizer("smd", SCHEMES["int8-static"]())
    quantized = quantize(
        "smd", method, SCHEMES["int8-static"](), export_method, quantizer=quantizer, samples=samples
    )
    want = method.module(*samples[0])
    error = run(quantized.program, *samples[0]) - want
    assert 0 < error.pow(2).sum() < want.pow(2).sum() / 100
    assert quantized.calibration_samples == 4
    assert [name for name, _ in quantized.coverage.left_out] == ["smd.convolution"]
