"""What a .pte holds, from its bytes alone: per method its delegates, operators and memory."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import StageFailedError
from model.files import read_whole

if TYPE_CHECKING:
    from executorch.exir._serialize._program import PTEFile
    from executorch.exir.schema import ExecutionPlan


@dataclass(frozen=True)
class MethodParts:
    """One method of a .pte.

    Attributes:
        delegates: Delegated subgraphs by the name of their backend.
        other_operators: Calls of operators outside them, by name.
        planned_bytes: Activation memory that is planned outside the delegates.
        constant_bytes: Tensors that operators outside read.
        delegate_bytes: What the delegates were compiled to.
        weight_bytes: Data of the .pte that the delegates refer to; methods may share it.
    """

    delegates: Mapping[str, int]
    other_operators: Mapping[str, int]
    planned_bytes: int
    constant_bytes: int
    delegate_bytes: int
    weight_bytes: int


@dataclass(frozen=True)
class Program:
    """A .pte.

    Attributes:
        pte_bytes: Its size.
        methods: By name.
        told: What its constant methods answer, by name.
    """

    pte_bytes: int
    methods: Mapping[str, MethodParts]
    told: Mapping[str, str]


def read_program(path: Path) -> Program:
    """Read a .pte.

    Raises:
        StageFailedError: There is none, or it is damaged.
    """
    # A small check first: the reader's own import takes seconds.
    try:
        content = read_whole(path)
    except OSError as error:
        raise StageFailedError(f"{path} cannot be read: {error.strerror}") from error
    if content[4:6] != b"ET":  # the identifier of its flatbuffer, less the version
        raise StageFailedError(f"{path} is not a .pte")
    from executorch.exir._serialize._program import deserialize_pte_binary

    try:
        file = deserialize_pte_binary(content)
        plans = file.program.execution_plan
        computing = [plan for plan in plans if any(chain.instructions for chain in plan.chains)]
        return Program(
            len(content),
            {plan.name: parts_of(plan, file) for plan in computing},
            {plan.name: answer_of(plan) for plan in plans if plan not in computing},
        )
    except Exception as error:  # the reader fails in as many ways as a file can be damaged
        said = str(error).splitlines() or [type(error).__name__]
        raise StageFailedError(f"{path} is not a .pte that can be read: {said[0]}") from error


def answer_of(plan: "ExecutionPlan") -> str:
    """Write what a method returns that computes nothing."""
    values = [vars(plan.values[number].val) for number in plan.outputs]
    return ", ".join(str(part) for value in values for part in value.values())


def parts_of(plan: "ExecutionPlan", file: "PTEFile") -> MethodParts:
    """Sum up one method."""
    from executorch.exir.schema import KernelCall, Tensor

    program = file.program
    names = [".".join(filter(None, (op.name, op.overload))) for op in plan.operators]
    calls = Counter(
        names[instruction.instr_args.op_index]
        for chain in plan.chains
        for instruction in chain.instructions
        if isinstance(instruction.instr_args, KernelCall)
    )
    # Number 0 stands for no data; what has a place in planned memory too is state, no constant.
    constants = {
        value.val.data_buffer_idx
        for value in plan.values
        if isinstance(value.val, Tensor) and value.val.allocation_info is None
    } - {0}
    payloads = [
        bytes(program.backend_delegate_data[one.processed.index].data) for one in plan.delegates
    ]
    return MethodParts(
        delegates=dict(Counter(one.id for one in plan.delegates)),
        other_operators=dict(calls),
        planned_bytes=sum(plan.non_const_buffer_sizes),
        constant_bytes=sum(len(program.constant_buffer[n].storage) for n in constants),
        delegate_bytes=sum(map(len, payloads)),
        weight_bytes=referred_bytes(payloads, file),
    )


def referred_bytes(payloads: list[bytes], file: "PTEFile") -> int:
    """Sum up the named data whose names stand in some delegates, each datum once."""
    if file.named_data is None:
        return 0
    named = {
        entry.buffer_index
        for name, entry in file.named_data.pte_data.items()
        if any(name.encode() in payload for payload in payloads)
    }
    return sum(len(file.named_data.buffers[number]) for number in named)
