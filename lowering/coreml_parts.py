"""The compiler-side parts of the Core ML backend: partitioner and quantizer."""

from collections.abc import Mapping
from typing import Any

import torch
from coremltools.optimize.torch.quantization import (
    LinearQuantizerConfig,
    ModuleLinearQuantizerConfig,
)
from executorch.backends.apple.coreml.partition import CoreMLPartitioner
from executorch.backends.apple.coreml.quantizer import CoreMLQuantizer
from executorch.exir.backend.partitioner import PartitionResult
from torch.export import ExportedProgram
from torchao.quantization.pt2e.quantizer import Quantizer
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY

from lowering.backend import is_no_average


class RangeKeepingPartitioner(CoreMLPartitioner):  # type: ignore[misc]  # untyped library
    """Offers everything to Core ML, with the lengths that the exported method takes.

    ExecuTorch's edge passes (1.5.1) raise the least length of every dynamic axis to 2, and Core ML
    writes that into its mlprogram, which then refuses the single cell that a head may get.

    Args:
        compile_specs: For the compiler.
        ranges: Range of each symbolic length of the exported method.
    """

    def __init__(self, compile_specs: list[Any], ranges: Mapping[Any, Any]) -> None:
        # Below iOS 18 there is no state, and the methods have none.
        super().__init__(compile_specs=compile_specs, take_over_mutable_buffer=False)
        self.ranges = ranges

    def partition(self, exported_program: ExportedProgram) -> PartitionResult:
        """Tag what goes to Core ML."""
        known = {str(symbol): bounds for symbol, bounds in self.ranges.items()}
        for symbol in exported_program.range_constraints:
            if str(symbol) in known:
                exported_program.range_constraints[symbol] = known[str(symbol)]
        return super().partition(exported_program)


class LinearQuantizer(Quantizer):  # type: ignore[misc]  # untyped library
    """Core ML's static int8 for linear layers alone, as the other static backends have it."""

    def __init__(self) -> None:
        super().__init__()
        layers = ModuleLinearQuantizerConfig(
            quantization_scheme="symmetric",
            activation_dtype=torch.quint8,
            weight_dtype=torch.qint8,
            weight_per_channel=True,
        )
        self.whole = CoreMLQuantizer(LinearQuantizerConfig(global_config=layers))

    def annotate(self, model: torch.fx.GraphModule) -> torch.fx.GraphModule:
        """Annotate linear layers but averaging ones."""
        self.whole.annotate(model)
        for node in model.graph.nodes:
            linear = node.target is torch.ops.aten.linear.default and is_no_average(node)
            if not linear:
                node.meta.pop(Q_ANNOTATION_KEY, None)
        return model

    def validate(self, model: torch.fx.GraphModule) -> None:
        """Nothing to validate."""
