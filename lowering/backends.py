"""Backends that ExecuTorch lowers to, by name. A new backend goes here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from model.registry import Registry
from quantization.schemes import Scheme

if TYPE_CHECKING:
    from torch.fx import Node
    from torchao.quantization.pt2e.quantizer import Quantizer

FLOAT_METHODS = "inputs and outputs of the methods are float32: a half model has no way in or out"

Partitioners = list[Any]


@dataclass(frozen=True)
class Backend:
    """One entry of `BACKENDS`. Its heavy imports live inside the functions.

    Attributes:
        summary: One line for people.
        delegate: Name that the runtime knows it by; empty where nothing is delegated.
        unavailable: Why it cannot be used here, with the remedy; empty where it can.
        refuses: Why it does not take a scheme, or an empty string.
        partitioners: Makes the partitioners for one method.
        quantizer: Makes the PT2E quantizer of a method for graph schemes; None where the method
            stays in float.
        dynamic: Whether methods take any length up to their bound, or one bucket's length.
        min_delegated: Least share of multiply-adds inside delegates; below it the lowering failed.
    """

    summary: str
    delegate: str
    unavailable: Callable[[], str]
    refuses: Callable[[Scheme], str]
    partitioners: Callable[[], Partitioners]
    quantizer: Callable[[str], "Quantizer | None"]
    dynamic: bool
    min_delegated: float


BACKENDS: Registry[Callable[[], Backend]] = Registry("backend")


def is_no_average(node: "Node") -> bool:
    """Tell the averaging layer of a norm, which must stay in float, from all other nodes."""
    stack = node.meta.get("nn_module_stack", {}).values()
    return not any(str(path).endswith(".mean") for path, _ in stack)


@BACKENDS.register("portable")
def portable() -> Backend:
    """ExecuTorch's own operators, on any processor: slow, and always there."""

    def refuses(scheme: Scheme) -> str:
        if scheme.choose is not None or scheme.graph:
            return "portable operators compute in float: quantized weights need a delegate"
        return "float16 needs a backend that computes in it" if scheme.half else ""

    return Backend(
        summary="portable operators, the baseline",
        delegate="",
        unavailable=lambda: "",
        refuses=refuses,
        partitioners=list,
        quantizer=lambda _: None,
        dynamic=True,
        min_delegated=0.0,
    )


@BACKENDS.register("xnnpack")
def xnnpack() -> Backend:
    """XNNPACK: optimised kernels for Arm and x86 processors."""

    def quantizer(method: str) -> "Quantizer | None":
        from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
            XNNPACKQuantizer,
            get_symmetric_quantization_config,
        )
        from torch import nn

        config = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=False)
        if method == "codec_decoder":
            # Its linear layers feed convolutions, and XNNPACK takes no convolution of which only
            # the input is quantized; with all of it in int8, the inverse STFT too, the speech is
            # lost (-6 dB).
            return None
        # Linear layers only, like the dynamic schemes: with everything else in int8 too,
        # an SMD pass of `base` is 27 dB from fp32 instead of 32.
        quantizer = XNNPACKQuantizer().set_module_type(nn.Linear, config)
        return quantizer.set_filter_function(is_no_average)

    def partitioners() -> Partitioners:
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

        return [XnnpackPartitioner()]

    return Backend(
        summary="XNNPACK on the processor's cores",
        delegate="XnnpackBackend",
        unavailable=lambda: "",
        refuses=lambda scheme: FLOAT_METHODS if scheme.half else "",
        partitioners=partitioners,
        quantizer=quantizer,
        dynamic=True,
        min_delegated=0.99,
    )
