"""A module that computes in float16 behind float32 inputs and outputs."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree


class HalfInside(nn.Module):
    """Casts float inputs to float16, and outputs back.

    Args:
        module: In fp32; copied.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.inside = copy.deepcopy(module).half()

    def forward(self, *inputs: Any) -> Any:  # noqa: ANN401 - whatever the module takes and gives
        """Run the module on float16."""
        outputs = self.inside(*cast(inputs, torch.float16))
        return cast(outputs, torch.float32)


def cast(tree: Any, dtype: torch.dtype) -> Any:  # noqa: ANN401 - tensors, nested anyhow
    """Cast the float tensors of a tree and leave others alone."""

    def one(tensor: Tensor) -> Tensor:
        return tensor.to(dtype) if tensor.is_floating_point() else tensor

    return pytree.tree_map_only(Tensor, one, tree)
