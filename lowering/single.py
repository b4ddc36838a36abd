"""Lower a user's module: one method with example inputs, to a .pte and what became of it."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lowering.backends import BACKENDS
from lowering.lower import StageClock
from model.errors import StageFailedError
from quantization.schemes import SCHEMES, Kind

if TYPE_CHECKING:
    from executorch.exir import ExecutorchBackendConfig
    from torch import Tensor, nn
    from torch.export import ExportedProgram

    from lowering.inspect import Delegation


@dataclass(frozen=True, eq=False)
class LoweredMethod:
    """A .pte with one method.

    Attributes:
        pte: Its content.
        delegates: Delegated subgraphs.
        delegated_nodes_share: Operators inside them over all operators.
        delegated_macs_share: Multiply-adds inside them over all multiply-adds.
        other_operators: Operators outside, with how many of each.
        quantizing: True where the scheme is not a float one.
        quantized_macs_share: Multiply-adds on quantized weights over all multiply-adds.
        quantized_params_share: Parameters held in the scheme's integers over all parameters.
        left_out: (module, reason) of what the scheme left in float.
        state: Buffers that it changes, so that a call has something of the calls before.
        planned_bytes: Activation memory that the program plans outside the delegates.
        compile_s: Wall seconds of quantizing, exporting and lowering.
    """

    pte: bytes
    delegates: int
    delegated_nodes_share: float
    delegated_macs_share: float
    other_operators: Mapping[str, int]
    quantizing: bool
    quantized_macs_share: float
    quantized_params_share: float
    left_out: tuple[tuple[str, str], ...]
    state: tuple[str, ...]
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
    min_quantized: float | None = None,
) -> LoweredMethod:
    """Quantize, export and lower a module's `forward`, for inputs of just these shapes.

    The program takes inputs as rows in memory, one after the other, whatever layout they have here.
    Buffers that `forward` changes start with the values that they have here.

    Args:
        name: Of the method in the .pte.
        module: In fp32; left unchanged.
        inputs: What it takes.
        scheme: Entry of `SCHEMES`.
        backend: Entry of `BACKENDS`.
        samples: Real inputs that static schemes take their ranges from; by default `inputs`.
        min_delegated: Least share of multiply-adds in delegates; by default what the backend asks
            of MobileSpeech. With 0 nothing need be delegated.
        min_quantized: Least share of parameters that a quantizing scheme holds in integers; by
            default more than none. With 0 nothing need be quantized.

    Raises:
        ConfigError: There is no scheme or no backend of that name, or the module cannot be
            exported as it would be shipped.
        StageFailedError: Named after the stage that failed; also where too little was quantized
            or delegated.
    """
    import copy

    import torch

    from lowering.eager_module import check_module, row_major
    from lowering.export import export_method
    from lowering.inspect import delegation, planned_bytes
    from model.methods import Method
    from quantization.apply import quantize
    from quantization.coverage import check_quantized

    check_module(module)
    inputs = row_major(inputs)
    samples = [row_major(sample) for sample in samples] or [inputs]
    made = BACKENDS[backend]()
    chosen = made.fit(SCHEMES[scheme]())
    clock = StageClock()
    any_axes: tuple[Any, ...] = tuple({} for _ in inputs)
    with clock.stage("quantize and export"):
        shipped = copy.deepcopy(module).eval()
        shipped.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # in no stub
        method = made.adapt(name, Method(shipped, inputs, any_axes), chosen)
        quantizer = made.quantizer(name, chosen) if chosen.static else None
        quantized = quantize(
            name, method, chosen, export_method, quantizer=quantizer, samples=samples
        )
    check_quantized(scheme, chosen.kind, quantized.coverage, min_quantized)
    with clock.stage("lower"):
        edge = made.lower({name: quantized.program}, chosen, {"scheme": scheme, "backend": backend})
        taken = delegation(edge.exported_program(name))
    with clock.stage("serialise"), warnings.catch_warnings():
        # ExecuTorch warns of any state, with a value to start from or without.
        warnings.filterwarnings("ignore", "Mutation on a buffer in the model is detected")
        lowered = edge.exported_program(name)
        pte = edge.to_executorch(started_state(lowered)).buffer
    least = made.min_delegated(chosen) if min_delegated is None else min_delegated
    if made.delegate:
        check_taken(backend, taken, least)
    coverage, operators = quantized.coverage, sum(taken.other_operators.values())
    return LoweredMethod(
        pte=pte,
        delegates=taken.delegates,
        delegated_nodes_share=taken.delegated_nodes / max(1, taken.delegated_nodes + operators),
        delegated_macs_share=taken.macs_share,
        other_operators=taken.other_operators,
        quantizing=chosen.kind is not Kind.FLOAT,
        quantized_macs_share=coverage.quantized_macs / max(1, coverage.total_macs),
        quantized_params_share=coverage.quantized_params / max(1, coverage.total_params),
        left_out=coverage.left_out,
        # A calibrated graph changes its buffers, but a later call does not see it.
        state=() if chosen.static else tuple(lowered.graph_signature.buffers_to_mutate.values()),
        planned_bytes=planned_bytes(pte)[name],
        compile_s=sum(clock.wall_s.values()),
    )


def check_taken(backend: str, taken: "Delegation", least: float) -> None:
    """Refuse a method of which a backend took too little.

    Raises:
        StageFailedError: It lists what is outside.
    """
    if least <= 0 or (taken.delegates and taken.macs_share >= least):
        return
    outside = ", ".join(f"{count} {kind}" for kind, count in taken.other_operators.items())
    took = (
        f"{taken.macs_share:.0%} of the multiply-adds, less than {least:.0%}"
        if taken.delegates
        else "no operator at all"
    )
    raise StageFailedError(
        f"lower failed: {backend} took {took}; outside are {outside or 'none'}. If that is meant,"
        " give min_delegated"
    )


def started_state(program: "ExportedProgram") -> "ExecutorchBackendConfig":
    """Have buffers that a method changes start with their values, not with what memory has."""
    from executorch.exir import ExecutorchBackendConfig
    from executorch.exir.passes.init_mutable_pass import InitializedMutableBufferPass

    signature = program.graph_signature
    changed = set(signature.buffers_to_mutate.values())
    names = [name for name, buffer in signature.inputs_to_buffers.items() if buffer in changed]
    return ExecutorchBackendConfig(passes=[InitializedMutableBufferPass(names)] if names else [])
