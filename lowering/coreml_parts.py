"""The compiler-side parts of the Core ML backend: partitioner and quantizer."""

from collections.abc import Mapping
from typing import Any

import torch
from executorch.backends.apple.coreml.partition import CoreMLPartitioner
from executorch.exir.backend.partitioner import PartitionResult
from torch.export import ExportedProgram
from torchao.quantization.pt2e.observer import MinMaxObserver, PerChannelMinMaxObserver
from torchao.quantization.pt2e.quantizer import (
    QuantizationAnnotation,
    QuantizationSpec,
    Quantizer,
)
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY

from lowering.backend import is_no_average

ACTIVATION = QuantizationSpec(
    dtype=torch.int8,
    quant_min=-128,
    quant_max=127,
    qscheme=torch.per_tensor_affine,
    observer_or_fake_quant_ctr=MinMaxObserver,
)
WEIGHT = QuantizationSpec(
    dtype=torch.int8,
    quant_min=-127,
    quant_max=127,
    qscheme=torch.per_channel_symmetric,
    ch_axis=0,
    observer_or_fake_quant_ctr=PerChannelMinMaxObserver,
)


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
    """Static int8 for linear layers but averaging ones, as the other static backends have it.

    Core ML's own quantizer (executorch 1.5.1) searches for so many patterns that a single layer
    takes it a minute; its specification of inputs and weights is this one.
    """

    def annotate(self, model: torch.fx.GraphModule) -> torch.fx.GraphModule:
        """Ask for int8 inputs, affine per tensor, and int8 weights, symmetric per channel."""
        for node in model.graph.nodes:
            if node.target is torch.ops.aten.linear.default and is_no_average(node):
                node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
                    input_qspec_map={node.args[0]: ACTIVATION, node.args[1]: WEIGHT},
                    _annotated=True,
                )
        return model

    def validate(self, model: torch.fx.GraphModule) -> None:
        """Nothing to validate."""
