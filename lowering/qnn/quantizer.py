"""ExecuTorch's quantizer for the HTP, for models whose attention is masked by adding numbers."""

import torch
from executorch.backends.qualcomm.quantizer.quantizer import QnnQuantizer, QuantDtype
from executorch.backends.qualcomm.serialization.qc_schema import QcomChipset
from torch.fx import GraphModule

# Name of ExecuTorch's quantization per bits of activations and weights.
DTYPES = {(8, 8): "use_8a8w", (16, 8): "use_16a8w", (16, 4): "use_16a4w"}
# What padding gets added to its attention scores in place of -10 000, per bits of activations.
# Scores share their range with it, so with -10 000 one step of 8 bits would be 39, and attention
# would see no difference among scores that are not masked. e^-32 of a weight is none either.
PADDING = {8: 32.0, 16: 128.0}
LEAST_MASKING = 1000.0  # a factor as great only ever serves a mask


class HtpQuantizer(QnnQuantizer):  # type: ignore[misc]  # untyped base
    """Quantizes every operator; weights of linear layers and convolutions per channel.

    Args:
        soc: The chip, as Qualcomm numbers it.
        bits: Of activations and of weights.
    """

    def __init__(self, soc: str, bits: tuple[int, int]) -> None:
        super().__init__(soc_model=getattr(QcomChipset, soc))
        self.padding = PADDING[bits[0]]
        self.set_default_quant_config(
            getattr(QuantDtype, DTYPES[bits]), is_linear_per_channel=True, is_conv_per_channel=True
        )

    def transform_for_annotation(self, model: GraphModule) -> GraphModule:
        """Mask mildly, then prepare the graph as ExecuTorch does."""
        mask_mildly(model, self.padding)
        prepared: GraphModule = super().transform_for_annotation(model)
        return prepared


def mask_mildly(model: GraphModule, padding: float) -> int:
    """Lower the factors that turn masks into what is added to attention scores.

    Args:
        model: The exported graph; changed in place.
        padding: What they become.

    Returns:
        How many were lowered.
    """
    multiplications = model.graph.find_nodes(op="call_function", target=torch.ops.aten.mul.Tensor)
    lowered = 0
    for node in multiplications:
        mask, factor = node.args
        if isinstance(factor, float) and factor >= LEAST_MASKING:
            node.args = (mask, padding)
            lowered += 1
    model.recompile()
    return lowered
