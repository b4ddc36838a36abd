"""ExecuTorch's quantizer for the HTP, fitted to attention masks, norms and the codec's spectrum."""

import torch
from executorch.backends.qualcomm.quantizer.quantizer import (
    ModuleQConfig,
    QnnQuantizer,
    QuantDtype,
    get_submodule_type_predicate,
)
from executorch.backends.qualcomm.serialization.qc_schema import QcomChipset
from torch import Tensor
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e import MinMaxObserver

from model.layers import RMSNorm

# Name of ExecuTorch's quantization per bits of activations and weights.
DTYPES = {(8, 8): "use_8a8w", (16, 8): "use_16a8w", (16, 4): "use_16a4w"}
# What padding gets added to its attention scores in place of -10 000, per bits of activations.
# Scores share their range with it, so with -10 000 one step of 8 bits would be 39, and attention
# would see no difference among scores that are not masked. e^-32 of a weight is none either.
PADDING = {8: 32.0, 16: 128.0}
LEAST_MASKING = 1000.0  # a factor as great only ever serves a mask
# Over what calibration saw: 16 bits lose a third of one for it, and another voice is not cut off.
ROOM = 1.25
# Added to the squared length of the codec's directions in place of 1e-6, which is less than half a
# step of 16 bits: short ones would round to zero, and what is divided by them would be noise.
SQUARE_EPSILON = 3e-3
# Sums and norms have 16 bits always: a few great values of the residuals take the range of 8, and
# all others are lost. Not the products of attention: they are viewed as others, and a view has as
# many bits after it as before.
SUM = torch.ops.aten.add.Tensor
OF_NORMS = (torch.ops.aten.mul.Tensor, torch.ops.aten.rsqrt.default)
in_norm = get_submodule_type_predicate(RMSNorm.__name__)


class RoomyObserver(MinMaxObserver):  # type: ignore[misc]  # untyped base
    """Takes the range from the smallest and the largest value of all samples, and adds room.

    ExecuTorch's own follows a moving average, which hardly leaves the range of the first sample.
    """

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        """Return scale and zero point."""
        found: tuple[Tensor, Tensor] = self._calculate_qparams(
            ROOM * self.min_val, ROOM * self.max_val
        )
        return found


class HtpQuantizer(QnnQuantizer):  # type: ignore[misc]  # untyped base
    """Quantizes every operator; weights of linear layers and convolutions per channel.

    With 8-bit activations, those of sums and norms have 16 bits all the same.

    Args:
        soc: The chip, as Qualcomm numbers it.
        bits: Of activations and of weights.
    """

    def __init__(self, soc: str, bits: tuple[int, int]) -> None:
        super().__init__(soc_model=getattr(QcomChipset, soc))
        self.padding = PADDING[bits[0]]
        observer = MinMaxObserver if bits[0] == 8 else RoomyObserver
        self.set_default_quant_config(
            getattr(QuantDtype, DTYPES[bits]),
            is_linear_per_channel=True,
            is_conv_per_channel=True,
            act_observer=observer,
        )
        if bits[0] == 8:
            wide = ModuleQConfig(QuantDtype.use_16a8w, act_observer=RoomyObserver)
            self.set_submodule_qconfig_list([(is_wide, wide)])

    def transform_for_annotation(self, model: GraphModule) -> GraphModule:
        """Mask mildly and keep squares from zero, then prepare the graph as ExecuTorch does."""
        clamp_mask_bias(model, self.padding)
        raise_rsqrt_eps(model)
        prepared: GraphModule = super().transform_for_annotation(model)
        return prepared


def is_wide(node: Node) -> bool:
    """Say whether a node's activations have 16 bits always."""
    return node.target is SUM or (node.target in OF_NORMS and in_norm(node))


def clamp_mask_bias(model: GraphModule, padding: float) -> int:
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


def raise_rsqrt_eps(model: GraphModule) -> int:
    """Raise what is added to sums of squares before their inverse root is taken.

    Those of norms are means by a linear layer, and stay: they are never as near to zero.

    Args:
        model: The exported graph; changed in place.

    Returns:
        How many were raised.
    """
    roots = model.graph.find_nodes(op="call_function", target=torch.ops.aten.rsqrt.default)
    raised = 0
    for root in roots:
        total = root.args[0]
        squares, epsilon = total.args
        if squares.target is torch.ops.aten.add.Tensor and epsilon < SQUARE_EPSILON:
            total.args = (squares, SQUARE_EPSILON)
            raised += 1
    model.recompile()
    return raised
