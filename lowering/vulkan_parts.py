"""The compiler-side part of the Vulkan backend: its partitioner."""

from collections.abc import Callable

import torch
from executorch.backends.vulkan.partitioner.vulkan_partitioner import VulkanPartitioner
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.fx import Node

Kept = tuple[list[OpOverload], Callable[[Node], bool] | None]


class LinearKeepingPartitioner(VulkanPartitioner):  # type: ignore[misc]  # untyped library
    """Offers linear layers whole, as Vulkan has them.

    Taken apart (executorch 1.5.1), one without bias on three axes becomes two `expand_copy` and a
    `bmm`, and an `expand_copy` of any length cuts the graph.
    """

    def ops_to_not_decompose(self, ep: ExportedProgram) -> Kept:
        """Keep linear layers too."""
        kept, choose = super().ops_to_not_decompose(ep)
        return [*kept, torch.ops.aten.linear.default], choose
