"""A scheme that names what the model has not is refused, not ignored."""

import pytest
import torch
from torch import nn

from lowering.lower import check_parts
from model.errors import StageFailedError
from model.methods import Method

TABLE = {
    "smd": Method(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), (torch.zeros(1, 2),), ({},)),
    "head_0": Method(nn.Linear(2, 2), (torch.zeros(1, 2),), ({},)),
}


def test_methods_modules_and_layers_are_parts():
    check_parts(("smd", "smd.1", "head_0"), TABLE)


@pytest.mark.parametrize("part", ["smd.2", "codec_decoder", "smd.blocks.0", "head_0.weight"])
def test_a_part_that_is_not_there_is_named(part):
    with pytest.raises(StageFailedError, match=f"has not: .*{part}"):
        check_parts(("smd.1", part), TABLE)
