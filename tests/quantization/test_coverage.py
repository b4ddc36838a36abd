"""What a scheme left in float cannot pass under its name, and measuring it changes no state."""

import pytest
import torch
from torch import nn

from lowering.export import export_method
from model.errors import StageFailedError
from model.methods import Method
from quantization.apply import quantize
from quantization.coverage import check_quantized, unchanged_buffers
from quantization.schemes import SCHEMES, Kind


def coverage_of(module, *inputs, scheme):
    method = Method(module.eval(), inputs, tuple({} for _ in inputs))
    return quantize("forward", method, SCHEMES[scheme](), export_method).coverage


@pytest.mark.parametrize(
    ("module", "shape", "scheme", "said"),
    [
        (nn.Linear(100, 100), (2, 100), "8da4w", r"forward \(100 inputs are not a multiple of"),
        (nn.Conv1d(4, 4, 3), (1, 4, 9), "8da8w", r"forward \(Conv1d: .*linear layers only\)"),
        (nn.LSTM(4, 4), (3, 1, 4), "8da8w", r"forward \(LSTM: .*linear layers only\)"),
        (nn.GELU(), (4,), "8da8w", "left in float: all of it, which has no weights"),
    ],
)
def test_nothing_quantized_is_a_failure_that_names_what_was_left_out_and_why(
    module, shape, scheme, said
):
    coverage = coverage_of(module, torch.randn(shape), scheme=scheme)
    with pytest.raises(StageFailedError, match=rf"{scheme} quantized nothing; .*{said}"):
        check_quantized(scheme, SCHEMES[scheme]().kind, coverage)
    check_quantized(scheme, SCHEMES[scheme]().kind, coverage, least=0)
    check_quantized("fp32", Kind.FLOAT, coverage)


def test_the_least_share_of_parameters_is_the_caller_s():
    module = nn.Sequential(nn.Linear(64, 64), *(nn.Conv1d(8, 8, 1) for _ in range(5)))
    coverage = coverage_of(module, torch.randn(8, 64), scheme="8da8w")
    share = coverage.quantized_params / coverage.total_params
    check_quantized("8da8w", Kind.DYNAMIC, coverage)
    check_quantized("8da8w", Kind.DYNAMIC, coverage, least=share)
    said = r"less than 95%; left in float: forward.1, forward.2, forward.3 and 2 more \(Conv1d"
    with pytest.raises(StageFailedError, match=said):
        check_quantized("8da8w", Kind.DYNAMIC, coverage, least=0.95)


class Counts(nn.Module):
    """Has one buffer that it changes in place and one that it puts another tensor in place of."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("last", torch.zeros(4))
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        self.calls.add_(1)
        self.last = self.layer(x + self.calls)
        return self.last


def test_buffers_have_their_values_and_their_tensors_back():
    module = nn.Sequential(Counts())
    calls, last = module[0].calls, module[0].last
    with torch.no_grad(), unchanged_buffers(module):
        module(torch.ones(4))
        assert module[0].calls.item() == 1
    assert module[0].calls is calls
    assert module[0].last is last
    assert calls.item() == 0
    assert not last.any()


@pytest.mark.filterwarnings("ignore:While compiling, we found certain side effects")
def test_quantizing_a_module_leaves_the_state_that_its_program_starts_with():
    module = Counts()
    method = Method(module.eval(), (torch.ones(4),), ({},))
    program = quantize("forward", method, SCHEMES["8da8w"](), export_method).program
    assert program.state_dict["calls"].item() == 0
    assert module.calls.item() == 0
