"""torch.export of one method, with its dynamic axes."""

import torch
from torch.export import Dim, ExportedProgram
from torch.utils import _pytree as pytree

from model.methods import Axis, Method

SHORTEST = 2  # torch.export specialises lengths 0 and 1


def export_method(method: Method) -> ExportedProgram:
    """Export a method strictly: no graph break, no data-dependent Python."""
    dims: dict[str, Dim] = {}

    def dimension(axis: Axis) -> Dim:
        shortest = 1 if axis.name == "cells" else SHORTEST
        dim = dims.setdefault(axis.name, Dim(axis.name, min=shortest, max=axis.longest))
        return dim if axis.scale == 1 else axis.scale * dim

    axes = pytree.tree_map_only(Axis, dimension, method.axes)
    with torch.no_grad():
        return torch.export.export(method.module, method.inputs, dynamic_shapes=axes, strict=True)
