"""What is in a lowered program: delegates, operators left outside, planned memory."""

import math
from collections import Counter
from dataclasses import dataclass

import torch
from executorch.devtools.backend_debug import get_delegation_info
from executorch.exir._serialize._program import deserialize_pte_binary
from torch.export import ExportedProgram


@dataclass(frozen=True)
class Delegation:
    """How much of one method a backend took.

    Attributes:
        delegates: Delegated subgraphs.
        delegated_nodes: Operators inside them.
        other_operators: Operators outside, with how many of each.
        macs_share: Of the method's multiply-adds, inside delegates; 1 where there are none.
    """

    delegates: int
    delegated_nodes: int
    other_operators: dict[str, int]
    macs_share: float


def delegation(program: ExportedProgram) -> Delegation:
    """Count operators and multiply-adds in and outside the delegates of an edge program."""
    info = get_delegation_info(program.graph_module)
    outside = [
        node
        for node in program.graph_module.graph.nodes
        if node.op == "call_function" and "executorch_call_delegate" not in str(node.target)
    ]
    names = Counter(operator_name(node) for node in outside)
    names.pop("getitem", None)  # only unpacks a delegate's results
    inside_macs = sum(
        macs(node)
        for lowered in program.graph_module.children()
        if hasattr(lowered, "original_module")
        for node in lowered.original_module.graph.nodes
        if node.op == "call_function"
    )
    outside_macs = sum(map(macs, outside))
    all_macs = inside_macs + outside_macs
    return Delegation(
        delegates=info.num_delegated_subgraphs,
        delegated_nodes=info.num_delegated_nodes,
        other_operators=dict(names),
        macs_share=inside_macs / all_macs if all_macs else 1.0,
    )


def operator_name(node: torch.fx.Node) -> str:
    """Name an operator as ATen does."""
    return str(getattr(node.target, "__name__", node.target)).removeprefix("aten.")


def macs(node: torch.fx.Node) -> int:
    """Multiply-adds of one node, at the example's lengths; 0 where it multiplies no matrices."""
    name = operator_name(node)
    if not name.startswith(("linear", "addmm", "mm", "bmm", "convolution")):
        return 0
    if name.startswith("convolution"):
        weight = shape(node.args[1])
        return math.prod(shape(node)) * math.prod(weight[1:])
    inner = shape(node.args[1 if name.startswith("addmm") else 0])[-1]
    return math.prod(shape(node)) * inner


def shape(node: object) -> tuple[int, ...]:
    """Shape of a node's value, symbolic lengths at the example's."""
    assert isinstance(node, torch.fx.Node)
    sizes = node.meta["val"].shape
    return tuple(size if isinstance(size, int) else int(size.node.hint) for size in sizes)


def planned_bytes(buffer: bytes) -> dict[str, int]:
    """Activation memory that each method of a .pte plans."""
    program = deserialize_pte_binary(buffer).program
    return {plan.name: sum(plan.non_const_buffer_sizes) for plan in program.execution_plan}
