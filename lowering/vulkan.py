"""Vulkan: the GPUs of Android phones, through ExecuTorch's compute shaders."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lowering.backend import Backend, Partitioners, Proof
from quantization.schemes import Kind, Scheme

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram
    from torchao.core.config import AOBaseConfig

PACKED = 4  # outputs of a layer in a texel


@dataclass(frozen=True)
class Vulkan(Backend):
    """Any length; embeddings and the integer arithmetic before them stay on the processor.

    Attributes:
        small_textures: Keep within 2048 texels along an axis, all that Vulkan promises.
    """

    summary = "Vulkan on the GPUs of Android phones"
    delegate = "VulkanBackend"

    small_textures: bool = False

    def refuses(self, scheme: Scheme) -> str:
        """Take floats and dynamic activations on 4-bit weights."""
        if scheme.kind is Kind.FLOAT or (scheme.kind is Kind.DYNAMIC and scheme.bits == (8, 4)):
            return ""
        return f"ExecuTorch's shaders for Vulkan are not made for {scheme.summary}"

    def fit(self, scheme: Scheme) -> Scheme:
        """Leave layers in float whose outputs its shaders cannot pack.

        Its compiler pads the scales of such a layer, and then finds that they do not fit the layer
        (executorch 1.5.1).
        """
        if scheme.choose is None:
            return scheme
        quantize = scheme.choose

        def choose(method: str, name: str, module: "nn.Module") -> "AOBaseConfig | str":
            outputs = getattr(module, "out_features", 0)
            if outputs > 1 and outputs % PACKED:
                return f"{outputs} outputs are not a multiple of the {PACKED} that Vulkan packs"
            return quantize(method, name, module)

        return replace(scheme, choose=choose)

    def proof(self) -> Proof:
        """It has no runtime here."""
        return Proof.LOWERED

    def min_delegated(self, scheme: Scheme) -> float:
        """All multiplications are delegated."""
        return 0.99

    def partitioners(self, program: "ExportedProgram", scheme: Scheme) -> Partitioners:
        """Offer everything to Vulkan that takes any length."""
        from executorch.backends.vulkan.partitioner.vulkan_partitioner import VulkanPartitioner

        from lowering.vulkan_parts import LinearKeepingPartitioner

        options = {
            "require_dynamic_shapes": True,
            "force_fp16": scheme.half,
            "small_texture_limits": self.small_textures,
        }
        if scheme.kind is Kind.FLOAT:
            return [LinearKeepingPartitioner(options)]
        # Its search for quantized layers takes a view after a whole linear layer for a part of it.
        return [VulkanPartitioner(options)]
