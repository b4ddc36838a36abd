"""Lower one method of anybody's: a module with example inputs, to a .pte and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lowering.backends import BACKENDS
from lowering.lower import StageClock
from model.errors import StageFailedError
from quantization.schemes import SCHEMES

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class LoweredMethod:
    """A .pte with one method.

    Attributes:
        pte: Its content.
        delegates: Delegated subgraphs.
        delegated_nodes_share: Operators inside them over all operators.
        delegated_macs_share: Multiply-adds inside them over all multiply-adds.
        other_operators: Operators outside, with how many of each.
        quantized_params_share: Parameters held in the scheme's integers over all parameters.
        left_out: (module, reason) of what the scheme left in float.
        planned_bytes: Activation memory that the program plans outside the delegates.
        compile_s: Wall seconds of quantizing, exporting and lowering.
    """

    pte: bytes
    delegates: int
    delegated_nodes_share: float
    delegated_macs_share: float
    other_operators: Mapping[str, int]
    quantized_params_share: float
    left_out: tuple[tuple[str, str], ...]
    planned_bytes: int
    compile_s: float


def why_not(scheme: str, backend: str) -> str:
    """Say why a pair of scheme and backend cannot be here, or return an empty string.

    Raises:
        ConfigError: There is no scheme or no backend of that name.
    """
    made = BACKENDS[backend]()
    return made.refuses(SCHEMES[scheme]()) or made.unavailable()


def lower_method(
    name: str,
    module: "nn.Module",
    inputs: "tuple[Tensor, ...]",
    *,
    scheme: str,
    backend: str,
    samples: "Sequence[tuple[Tensor, ...]]" = (),
    min_delegated: float | None = None,
) -> LoweredMethod:
    """Quantize, export and lower a module's `forward`, for inputs of just these shapes.

    Args:
        name: Of the method in the .pte.
        module: In fp32; left unchanged.
        inputs: What it takes.
        scheme: Entry of `SCHEMES`.
        backend: Entry of `BACKENDS`.
        samples: Real inputs that static schemes take their ranges from; by default `inputs`.
        min_delegated: Least share of multiply-adds in delegates; by default what the backend asks
            of MobileSpeech.

    Raises:
        ConfigError: There is no scheme or no backend of that name.
        StageFailedError: Named after the stage that failed; also where too little was delegated.
    """
    import copy

    from lowering.export import export_method
    from lowering.inspect import delegation, planned_bytes
    from model.methods import Method
    from quantization.apply import quantize

    made = BACKENDS[backend]()
    chosen = made.fit(SCHEMES[scheme]())
    clock = StageClock()
    any_axes: tuple[Any, ...] = tuple({} for _ in inputs)
    with clock.stage("quantize and export"):
        method = made.adapt(name, Method(copy.deepcopy(module).eval(), inputs, any_axes), chosen)
        quantizer = made.quantizer(name, chosen) if chosen.static else None
        quantized = quantize(
            name, method, chosen, export_method, quantizer=quantizer, samples=samples or [inputs]
        )
    with clock.stage("lower"):
        edge = made.lower({name: quantized.program}, chosen, {"scheme": scheme, "backend": backend})
        taken = delegation(edge.exported_program(name))
    with clock.stage("serialise"):
        pte = edge.to_executorch().buffer
    least = made.min_delegated(chosen) if min_delegated is None else min_delegated
    outside = ", ".join(f"{count} {kind}" for kind, count in taken.other_operators.items())
    if made.delegate and (taken.macs_share < least or not taken.delegates):
        raise StageFailedError(
            f"lower failed: {backend} took {taken.macs_share:.0%} of the multiply-adds, less than"
            f" {least:.0%}; outside are {outside or 'none'}. If that is meant, give min_delegated"
        )
    coverage, operators = quantized.coverage, sum(taken.other_operators.values())
    return LoweredMethod(
        pte=pte,
        delegates=taken.delegates,
        delegated_nodes_share=taken.delegated_nodes / max(1, taken.delegated_nodes + operators),
        delegated_macs_share=taken.macs_share,
        other_operators=taken.other_operators,
        quantized_params_share=coverage.quantized_params / max(1, coverage.total_params),
        left_out=coverage.left_out,
        planned_bytes=planned_bytes(pte)[name],
        compile_s=sum(clock.wall_s.values()),
    )
