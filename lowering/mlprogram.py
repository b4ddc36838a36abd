"""What is inside the mlprograms of a .pte: operators, precisions, weights, lengths."""

import math
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coremltools as ct
import torch
from coremltools.proto import MIL_pb2
from executorch.backends.apple.coreml import executorchcoreml
from executorch.exir._serialize._program import deserialize_pte_binary
from torch.export import ExportedProgram

from model.errors import StageFailedError
from quantization.schemes import Kind, Scheme

DELEGATE = "CoreMLBackend"
# Operators that multiply and add, as an mlprogram and as ATen call them.
MULTIPLYING = {
    "linear": ("linear",),
    "matmul": ("bmm", "matmul", "mm"),
    "conv": ("conv1d", "conv2d", "conv_transpose1d"),
}
# Operators that hold quantized weights, by what a scheme asks for.
WEIGHT_OPERATORS = {
    Kind.WEIGHTS: "constexpr_blockwise_shift_scale",
    Kind.CODEBOOK: "constexpr_lut_to_dense",
    Kind.STATIC: "quantize",
}


@dataclass(frozen=True)
class MLProgram:
    """One method's mlprogram.

    Attributes:
        operators: How many of each, constants left out.
        precisions: Multiplying operators by the type of their results.
        weights: Elements of constants by type.
        lengths: Per input, the least and most that each of its axes takes.
        specification: Version of Core ML's format.
    """

    operators: Mapping[str, int]
    precisions: Mapping[str, int]
    weights: Mapping[str, int]
    lengths: Mapping[str, tuple[tuple[int, int], ...]]
    specification: int

    def facts(self) -> dict[str, Any]:
        """Arrange it for the manifest."""
        return {
            "operators": dict(self.operators),
            "precisions": dict(self.precisions),
            "weights": dict(self.weights),
            "lengths": {name: list(map(list, axes)) for name, axes in self.lengths.items()},
            "specification": self.specification,
        }


def read_mlprograms(pte: bytes) -> dict[str, MLProgram]:
    """Read the mlprogram of every method that has exactly one."""
    program = deserialize_pte_binary(pte).program
    found = {}
    for plan in program.execution_plan:
        delegates = [one for one in plan.delegates if one.id == DELEGATE]
        if len(delegates) == 1:
            data = program.backend_delegate_data[delegates[0].processed.index].data
            found[plan.name] = read_mlprogram(bytes(data))
    return found


def read_mlprogram(data: bytes) -> MLProgram:
    """Read what Core ML's compiler left in a delegate."""
    with tempfile.TemporaryDirectory() as folder:
        executorchcoreml.unflatten_directory_contents(data, folder)
        (package,) = Path(folder).rglob("*.mlpackage")
        spec = ct.models.utils.load_spec(str(package))
    function = spec.mlProgram.functions["main"]
    operations = function.block_specializations[function.opset].operations
    precisions = Counter(
        type_name(operation.outputs[0].type) for operation in operations if kind_of(operation.type)
    )
    weights: Counter[str] = Counter()
    for operation in operations:
        for value in constants_of(operation):
            sizes = (axis.constant.size for axis in value.type.tensorType.dimensions)
            weights[type_name(value.type)] += math.prod(sizes)
    return MLProgram(
        operators=Counter(one.type for one in operations if one.type != "const"),
        precisions=precisions,
        weights=weights,
        lengths={one.name: axes_of(one.type.multiArrayType) for one in spec.description.input},
        specification=spec.specificationVersion,
    )


def constants_of(operation: Any) -> Iterable[Any]:  # noqa: ANN401 - a protobuf message
    """Give every constant tensor that an operation holds, its names and flags left out."""
    bound = (one.value for inputs in operation.inputs.values() for one in inputs.arguments)
    for value in (*operation.attributes.values(), *bound):
        tensor = value.type.tensorType if value.type.HasField("tensorType") else None
        if tensor is not None and tensor.rank and tensor.dataType != MIL_pb2.DataType.STRING:
            yield value


def axes_of(array: Any) -> tuple[tuple[int, int], ...]:  # noqa: ANN401 - a protobuf message
    """Least and most of each axis of an input."""
    ranges = array.shapeRange.sizeRanges
    if ranges:
        return tuple((one.lowerBound, one.upperBound) for one in ranges)
    return tuple((size, size) for size in array.shape)


def type_name(kind: Any) -> str:  # noqa: ANN401 - a protobuf message
    """Name the element type of a tensor."""
    name: str = MIL_pb2.DataType.Name(kind.tensorType.dataType)
    return name.lower()


def kind_of(operator: str) -> str:
    """Name the multiplying kind of an mlprogram's operator; empty where it is none."""
    kind = "conv" if operator == "conv_transpose" else operator
    return kind if kind in MULTIPLYING else ""


def check(name: str, found: MLProgram | None, program: ExportedProgram, scheme: Scheme) -> None:
    """Make sure that an mlprogram computes the whole method, as the scheme and its lengths ask.

    Args:
        name: Of the method.
        found: Its mlprogram.
        program: The exported method.
        scheme: How its numbers should be held.

    Raises:
        StageFailedError: It says what is different.
    """
    if found is None:
        raise StageFailedError(f"read back failed: {name} is not one mlprogram")
    problems = [
        *missing_operators(found, program),
        *wrong_precisions(found, scheme),
        *narrow_lengths(found, program),
    ]
    if problems:
        raise StageFailedError(f"read back failed: the mlprogram of {name} {'; '.join(problems)}")


def missing_operators(found: MLProgram, program: ExportedProgram) -> Iterable[str]:
    """Name multiplying operators of the exported method that the mlprogram lacks."""
    targets = [
        str(node.target).split(".")[1]
        for node in program.graph.nodes
        if node.op == "call_function" and str(node.target).startswith("aten.")
    ]
    for kind, names in MULTIPLYING.items():
        wanted = sum(target in names for target in targets)
        there = sum(count for one, count in found.operators.items() if kind_of(one) == kind)
        if there < wanted:
            yield f"holds {there} of {wanted} {kind} operators"


def wrong_precisions(found: MLProgram, scheme: Scheme) -> Iterable[str]:
    """Say where it computes in another precision, or holds other weights, than the scheme asks."""
    full = scheme.kind is Kind.FLOAT and not scheme.half
    wanted = "float32" if full else "float16"
    if set(found.precisions) != {wanted}:
        yield f"multiplies in {', '.join(found.precisions)}, not in {wanted}"
    holder = WEIGHT_OPERATORS.get(scheme.kind)
    if holder and holder not in found.operators:
        yield f"has no operator {holder}"


def narrow_lengths(found: MLProgram, program: ExportedProgram) -> Iterable[str]:
    """Name axes that take fewer lengths than the exported method."""
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    inputs = program.graph_signature.user_inputs
    for (name, axes), of in zip(found.lengths.items(), inputs, strict=True):
        sizes = nodes[str(of)].meta["val"].shape
        for number, (size, (least, most)) in enumerate(zip(sizes, axes, strict=True)):
            if isinstance(size, torch.SymInt):
                bounds = program.range_constraints[size.node.expr]
                if least > bounds.lower or most < bounds.upper:
                    yield (
                        f"takes {least} to {most} along axis {number} of {name}, not"
                        f" {bounds.lower} to {bounds.upper}"
                    )
