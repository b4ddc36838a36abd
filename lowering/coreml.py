"""Core ML: Apple's processors, GPUs and neural engines, compiled on any x86-64 Linux or Mac."""

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lowering.backend import Backend, Partitioners, Programs, Proof, ReadBack
from model.errors import ConfigError
from quantization.schemes import Kind, Scheme

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torchao.quantization.pt2e.quantizer import Quantizer

TARGETS = ("iOS16", "iOS17", "iOS18", "iOS26")
UNITS = ("all", "cpu_only", "cpu_and_gpu", "cpu_and_ne")
INSTALL = "coremltools is not installed: pip install 'mobilespeech-bench[coreml]'"
DYNAMIC = "Core ML has no activations that are quantized at run time: take 8w, 4w or int8-static"
FLOAT_PARTS = "Core ML computes norms and softmax in float: int8-static quantizes linear layers"
BITS = "Core ML's quantized activations have 8 bits, and their weights too"
# The oldest target that has the operators, by what a scheme asks for.
OLDEST = {Kind.WEIGHTS: "iOS18", Kind.CODEBOOK: "iOS18", Kind.STATIC: "iOS17"}
# It indexes the shape of a bias that is a scalar, which the epsilon of a norm is (coremltools 9.0).
BROKEN_PASS = "common::fuse_linear_bias"


@dataclass(frozen=True)
class CoreML(Backend):
    """Every method as one mlprogram, any length.

    Attributes:
        deployment_target: Oldest system that the result must run on.
        compute_units: Where Core ML may compute.
    """

    summary = "Core ML on Apple's devices"
    delegate = "CoreMLBackend"
    packages = ("coremltools", "scikit-learn")

    deployment_target: str = "iOS18"
    compute_units: str = "all"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("deployment_target", self.deployment_target, TARGETS),
            ("compute_units", self.compute_units, UNITS),
        ):
            if value not in known:
                raise ConfigError(f"coreml.{name}: unknown {value!r}. Known: {', '.join(known)}.")

    def unavailable(self) -> str:
        """Ask for coremltools."""
        return "" if find_spec("coremltools") else INSTALL

    def refuses(self, scheme: Scheme) -> str:
        """Take floats, integer or palettized weights, and static int8."""
        if scheme.kind is Kind.DYNAMIC:
            return DYNAMIC
        if scheme.kind is Kind.INTEGER:
            return FLOAT_PARTS
        if scheme.static and scheme.bits != (8, 8):
            return BITS
        oldest = OLDEST.get(scheme.kind, TARGETS[0])
        if TARGETS.index(self.deployment_target) < TARGETS.index(oldest):
            return f"its operators need coreml.deployment_target={oldest} or newer"
        return ""

    def proof(self) -> Proof:
        """Execute it on a Mac; read it back elsewhere."""
        return Proof.EXECUTED if sys.platform == "darwin" else Proof.READ_BACK

    def min_delegated(self, scheme: Scheme) -> float:
        """Everything is delegated, embeddings too."""
        return 0.99

    def quantizer(self, name: str, scheme: Scheme) -> "Quantizer | None":
        """Quantize linear layers, but not the averaging ones."""
        from lowering.coreml_parts import LinearQuantizer

        return LinearQuantizer()

    def partitioners(self, program: "ExportedProgram", scheme: Scheme) -> Partitioners:
        """Offer everything to Core ML."""
        from lowering.coreml_parts import RangeKeepingPartitioner

        return [RangeKeepingPartitioner(self.compile_specs(scheme), program.range_constraints)]

    def compile_specs(self, scheme: Scheme) -> list[Any]:
        """Arrange the options as the compiler takes them."""
        import coremltools as ct
        from executorch.backends.apple.coreml.compiler import CoreMLBackend
        from executorch.backends.apple.coreml.compiler.coreml_preprocess import (
            MULTIMETHOD_WEIGHT_SHARING_STRATEGY,
        )

        full = scheme.kind is Kind.FLOAT and not scheme.half
        specs: list[Any] = CoreMLBackend.generate_compile_specs(
            compute_unit=ct.ComputeUnit[self.compute_units.upper()],
            minimum_deployment_target=ct.target[self.deployment_target],
            compute_precision=ct.precision.FLOAT32 if full else ct.precision.FLOAT16,
            pass_names=[name for name in ct.PassPipeline.DEFAULT.passes if name != BROKEN_PASS],
        )
        # The methods have no weights in common.
        apart = CoreMLBackend.generate_multimethod_weight_sharing_strategy_compile_spec(
            MULTIMETHOD_WEIGHT_SHARING_STRATEGY.DISABLED
        )
        return [*specs, apart]

    def read_back(self, pte: bytes, scheme: Scheme, programs: Programs) -> ReadBack:
        """Check operators, precisions, weights and lengths of the embedded mlprograms."""
        from lowering.mlprogram import check, read_mlprograms

        found = read_mlprograms(pte)
        for name, program in programs.items():
            check(name, found.get(name), program, scheme)
        return {name: one.facts() for name, one in found.items()}
