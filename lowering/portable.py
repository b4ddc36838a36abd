"""ExecuTorch's own operators: slow, on any processor, and always there."""

from dataclasses import dataclass

from lowering.backend import Backend, Proof
from quantization.schemes import Kind, Scheme


@dataclass(frozen=True)
class Portable(Backend):
    """Nothing is delegated."""

    summary = "portable operators, the baseline"
    delegate = ""

    def refuses(self, scheme: Scheme) -> str:
        """Take 32-bit floats only."""
        if scheme.kind is not Kind.FLOAT:
            return "portable operators compute in float: quantized weights need a delegate"
        return "float16 needs a backend that computes in it" if scheme.half else ""

    def proof(self) -> Proof:
        """Run it."""
        return Proof.EXECUTED

    def min_delegated(self, scheme: Scheme) -> float:
        """There is no delegate."""
        return 0.0
