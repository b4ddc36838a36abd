"""XNNPACK: optimised kernels for Arm and x86 processors."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lowering.backend import Backend, Partitioners, Proof, is_no_average
from quantization.schemes import Kind, Scheme

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torchao.quantization.pt2e.quantizer import Quantizer

    from model.methods import Method

WEIGHT_ONLY = "XNNPACK multiplies int8 with int8: weights alone in integers stay outside it"
CODEBOOKS = "XNNPACK has no kernels for weights from a codebook"
BITS = "XNNPACK's static kernels take 8-bit activations and weights"
FLOAT_PARTS = "XNNPACK computes norms and softmax in float: int8-static quantizes its linear layers"


@dataclass(frozen=True)
class XNNPACK(Backend):
    """Every method whole, any length."""

    summary = "XNNPACK on the processor's cores"
    delegate = "XnnpackBackend"

    def refuses(self, scheme: Scheme) -> str:
        """Take floats, dynamic schemes and static int8."""
        if scheme.kind is Kind.STATIC and scheme.bits != (8, 8):
            return BITS
        reasons = {
            Kind.WEIGHTS: WEIGHT_ONLY,
            Kind.CODEBOOK: CODEBOOKS,
            Kind.INTEGER: FLOAT_PARTS,
        }
        return reasons.get(scheme.kind, "")

    def proof(self) -> Proof:
        """Run it."""
        return Proof.EXECUTED

    def min_delegated(self, scheme: Scheme) -> float:
        """All but embeddings is delegated."""
        return 0.99

    def adapt(self, name: str, method: "Method", scheme: Scheme) -> "Method":
        """Compute in float16 where the scheme asks for it, between float32 inputs and outputs."""
        if not scheme.half:
            return method
        from lowering.half import HalfInside

        # All inputs are one argument of `forward(*inputs)`.
        return replace(method, module=HalfInside(method.module), axes=(method.axes,))

    def quantizer(self, name: str, scheme: Scheme) -> "Quantizer | None":
        """Quantize linear layers, but not those of the codec's decoder."""
        from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
            XNNPACKQuantizer,
            get_symmetric_quantization_config,
        )
        from torch import nn

        if name == "codec_decoder":
            # Its linear layers feed convolutions, and XNNPACK takes no convolution of which only
            # the input is quantized; with all of it in int8, the inverse STFT too, the speech is
            # lost (-6 dB).
            return None
        config = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=False)
        # Linear layers only, like the dynamic schemes: with everything else in int8 too,
        # an SMD pass of `base` is 27 dB from fp32 instead of 32.
        quantizer = XNNPACKQuantizer().set_module_type(nn.Linear, config)
        return quantizer.set_filter_function(is_no_average)

    def partitioners(self, program: "ExportedProgram", scheme: Scheme) -> Partitioners:
        """Offer everything to XNNPACK."""
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

        return [XnnpackPartitioner()]
