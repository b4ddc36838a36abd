"""What a device could not do as PyTorch does is refused before anything is lowered, in one line."""

import collections

import numpy as np
import pytest
import torch
from torch import nn

from devices.method_job import DTYPES
from lowering.eager_module import (
    call_eagerly,
    check_inputs,
    check_module,
    check_state,
    row_major,
)
from model.errors import ConfigError, StageFailedError

Pair = collections.namedtuple("Pair", "one other")


class Does(nn.Module):
    """A module whose `forward` is given."""

    def __init__(self, forward, state=None):
        super().__init__()
        self.does = forward
        self.calls = 0
        if state is not None:
            self.register_buffer("state", state)

    def forward(self, x):
        return self.does(self, x)


def ones(*shape):
    return torch.ones(shape or (2, 4))


def count(module, x):
    module.calls += 1
    return x * module.calls


def add_up(module, x):
    module.state.add_(x)
    return module.state * 1


@pytest.mark.parametrize(
    "layout",
    [
        lambda x: x.to(memory_format=torch.channels_last),
        lambda x: x.transpose(1, 3).contiguous().transpose(1, 3),
        lambda x: x[:1].expand(2, 3, 4, 5),
        lambda x: torch.stack([x, x], -1)[..., 0],
    ],
    ids=["channels-last", "transposed", "expanded", "sliced"],
)
def test_inputs_become_rows_whatever_layout_they_had(layout):
    given = layout(torch.arange(120.0).reshape(2, 3, 4, 5))
    (rows,) = row_major([given])
    assert rows.stride() == (60, 20, 5, 1)
    assert torch.equal(rows, given)
    assert rows.data_ptr() != given.data_ptr()


def test_strides_of_dimensions_of_one_are_a_row_s_too():
    """PyTorch calls both layouts of such a tensor contiguous; an exported program tells them."""
    given = ones(1, 3, 4, 4).to(memory_format=torch.channels_last)[:, :1]
    (rows,) = row_major([given])
    assert rows.stride() == (16, 16, 4, 1)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ((), "no input"),
        ((ones(), [1.0]), "input 1 is list, not a tensor"),
        ((np.ones(2),), "input 0 is ndarray, not a tensor"),
        ((ones().bfloat16(),), r"input 0 is bfloat16; devices take bool, .*\.float\(\)"),
        ((ones().to(torch.complex64),), "input 0 is complex64"),
        ((ones().to_sparse(),), r"input 0 is torch.sparse_coo on cpu: .*\.to_dense"),
        ((ones().to("meta"),), "input 0 is torch.strided on meta"),
        ((torch.zeros(0, 4),), r"input 0 is empty \(\[0, 4\]\)"),
    ],
)
def test_an_input_that_no_device_takes_is_named_with_what_to_do(inputs, said):
    with pytest.raises(ConfigError, match=said) as caught:
        check_inputs(inputs, DTYPES)
    assert "\n" not in str(caught.value)


def test_every_type_that_devices_take_is_taken():
    check_inputs([ones().to(getattr(torch, name)) for name in DTYPES], DTYPES)


def parametrized():
    return nn.Sequential(nn.ReLU(), torch.nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)))


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: torch.sin, "is not a torch.nn.Module"),
        (lambda: torch.jit.script(nn.Linear(4, 4)), "TorchScript"),
        (lambda: torch.compile(nn.Linear(4, 4)), "wrapped by torch.compile"),
        (parametrized, r"1 has parametrized.*remove_parametrizations\(1, 'weight'\)"),
        (lambda: torch.nn.utils.weight_norm(nn.Linear(4, 4)), r"remove_weight_norm\(module\)"),
        (lambda: torch.nn.utils.spectral_norm(nn.Linear(4, 4)), r"remove_spectral_norm\(module\)"),
        (lambda: nn.LazyLinear(4), "weight has no size yet"),
        (lambda: nn.Linear(4, 4, device="meta"), "weight is on meta"),
    ],
    ids=["function", "scripted", "compiled", "parametrized", "old-weight-norm",
         "old-spectral-norm", "lazy", "meta"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_module_that_would_not_be_shipped_so_is_refused_with_what_to_do(make, said):
    with pytest.raises(ConfigError, match=said) as caught:
        check_module(make())
    assert "\n" not in str(caught.value)


def test_what_a_refusal_advises_is_enough():
    module = parametrized()
    torch.nn.utils.parametrize.remove_parametrizations(module[1], "weight")
    check_module(module)


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (lambda _, x: (x, None), r"output \[1\] of forward is None: wrap"),
        (lambda _, x: {"a": x, "n": 3}, r"output \['n'\] of forward is int"),
        (lambda _, x: Pair(x, x), "output of forward is Pair"),
        (lambda _, x: (), "returns no tensor"),
        (lambda _, x: x.bfloat16(), r"output of forward is bfloat16; .*\.float\(\)"),
        (lambda _, x: (x, (x, x * 1j)), r"output \[1\]\[1\] of forward is complex64"),
        (lambda _, x: x.add_(1), "changes input 0 in place.*clone"),
        (count, "other outputs when it is called again"),
        (lambda _, x: x + torch.randn_like(x), "other outputs when it is called again"),
        (lambda _, x: nn.functional.dropout(x, 0.5), "other outputs when it is called again"),
    ],
    ids=["none", "number", "named-tuple", "nothing", "bfloat16", "complex", "in-place", "counter",
         "random", "dropout-outside-of-modules"],
)  # fmt: skip
def test_a_forward_that_a_device_cannot_do_alike_is_refused_with_what_to_do(forward, said):
    torch.manual_seed(0)
    with pytest.raises(ConfigError, match=said) as caught:
        call_eagerly(Does(forward), (ones(8, 8),), 3, DTYPES)
    assert "\n" not in str(caught.value)


def test_an_error_of_forward_is_one_line():
    with pytest.raises(StageFailedError, match=r"^forward failed in PyTorch: RuntimeError: mat1"):
        call_eagerly(nn.Linear(4, 4), (ones(2, 5),), 1, DTYPES)


@pytest.mark.parametrize("calls", [1, 2, 3, 7])
def test_a_module_with_state_is_called_as_often_as_the_device_calls_it(calls):
    module = Does(add_up, state=torch.full((2, 4), 10.0))
    found = call_eagerly(module, (ones(),), calls, DTYPES)
    assert found.changed == ("state",)
    np.testing.assert_array_equal(found.last[0], np.full((2, 4), 10.0 + calls))
    assert torch.equal(module.state, torch.full((2, 4), 10.0))


def test_outputs_of_all_containers_are_listed_in_order_and_keep_their_layout_s_values():
    module = Does(lambda _, x: {"z": x.T, "a": [x + 1, (x > 0, x.argmax(-1))]})
    found = call_eagerly(module, (torch.arange(8.0).reshape(2, 4),), 1, DTYPES)
    assert [one.shape for one in found.last] == [(4, 2), (2, 4), (2, 4), (2,)]
    assert [one.dtype.name for one in found.last] == ["float32", "float32", "bool", "int64"]


def test_training_mode_and_gradients_are_left_to_the_module():
    module = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.9), nn.BatchNorm1d(4)).train()
    found = call_eagerly(module, (ones().requires_grad_(),), 2, DTYPES)
    assert found.changed == ()
    assert module.training


def test_values_that_are_no_numbers_do_not_look_like_state_or_chance():
    found = call_eagerly(Does(lambda _, x: torch.log(-x)), (ones(),), 2, DTYPES)
    assert np.isnan(found.last[0]).all()


def test_state_that_the_program_does_not_keep_is_refused():
    check_state(["cell.state"], ["module.cell.state"])
    check_state([], [])
    with pytest.raises(StageFailedError, match=r"forward changes state, and .*copy_"):
        check_state(["state", "state_2"], ["my_state", "cell.state_2"])
