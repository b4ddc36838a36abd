"""Vulkan takes a transformer's layers whole, at any length."""

import pytest
import torch

from lowering.backend import Proof
from lowering.export import export_method
from lowering.inspect import delegation
from lowering.single import lower_method
from lowering.vulkan import Vulkan
from model.layers import Block
from model.methods import Axis, Method
from quantization.apply import quantize
from quantization.schemes import SCHEMES

TAKEN = ("fp32", "fp16", "8da4w")


def test_it_takes_floats_and_4_bit_weights_with_dynamic_activations():
    assert tuple(name for name in SCHEMES if not Vulkan().refuses(SCHEMES[name]())) == TAKEN
    assert Vulkan().proof() is Proof.LOWERED


@pytest.mark.slow
def test_a_layer_whose_outputs_cannot_be_packed_stays_in_float_and_says_so():
    torch.set_num_threads(1)
    found = lower_method(
        "two",
        torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.Linear(32, 9)),
        (torch.randn(1, 5, 64),),
        scheme="8da4w",
        backend="vulkan",
    )
    reason = "9 outputs are not a multiple of the 4 that Vulkan packs"
    assert found.left_out == (("two.1", reason),)
    assert found.delegated_macs_share == 1


class Whole(torch.nn.Module):
    """A block without padding."""

    def __init__(self):
        super().__init__()
        self.block = Block(64, 2, 3, 2)

    def forward(self, x):
        return self.block(x, None)


@pytest.mark.slow
@pytest.mark.parametrize("name", TAKEN)
def test_all_multiply_adds_of_a_block_are_delegated(name):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    method = Method(Whole().eval(), (torch.randn(1, 10, 64),), ({1: Axis("steps", 96)},))
    scheme = SCHEMES[name]()
    program = quantize("block", method, scheme, export_method).program
    edge = Vulkan().lower({"block": program}, scheme, {})
    found = delegation(edge.exported_program("block"))
    assert found.macs_share == 1
    if name != "8da4w":  # layers without bias are taken apart there
        assert (found.delegates, found.other_operators) == (1, {})
