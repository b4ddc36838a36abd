"""What every backend says of itself; `lowering.backends` lists those there are."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from quantization.schemes import Scheme

if TYPE_CHECKING:
    from executorch.exir import EdgeProgramManager
    from torch.export import ExportedProgram
    from torch.fx import Node
    from torchao.quantization.pt2e.quantizer import Quantizer

    from model.generate import Call
    from model.methods import Method

Partitioners = list[Any]
Programs = Mapping[str, "ExportedProgram"]
# Per method, what was read back of the compiled program: JSON-able.
ReadBack = Mapping[str, Mapping[str, Any]]


class Proof(StrEnum):
    """How far the result of a backend can be verified on this machine."""

    EXECUTED = "executed here"
    SIMULATED = "executed here on a simulator"
    READ_BACK = "read back, not executed"
    LOWERED = "lowered, not executed"


@dataclass(frozen=True)
class Backend(ABC):
    """One entry of `BACKENDS`: a frozen dataclass whose fields are its compile options.

    Heavy imports live inside the methods: `bench list` asks every backend what it is.

    Attributes:
        summary: One line for people.
        delegate: Name that the runtime knows it by; empty where nothing is delegated.
        packages: Distributions that its programs depend on, beside ExecuTorch.
    """

    summary: ClassVar[str]
    delegate: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()

    def unavailable(self) -> str:
        """Say why it cannot be used here, with the remedy; an empty string where it can."""
        return ""

    @abstractmethod
    def refuses(self, scheme: Scheme) -> str:
        """Say why it does not take a scheme; an empty string where it does."""

    def fit(self, scheme: Scheme) -> Scheme:
        """Narrow a scheme that it takes down to the layers that it has kernels for."""
        return scheme

    @abstractmethod
    def proof(self) -> Proof:
        """Say how far its result can be verified on this machine."""

    @abstractmethod
    def min_delegated(self, scheme: Scheme) -> float:
        """Least share of a method's multiply-adds in delegates; below it the lowering failed."""

    def lengths(self) -> Mapping[str, int]:
        """Static length per dynamic axis (`model.methods.Axis`), in units of the axis.

        An empty mapping means that methods take any length up to their bound. With static lengths,
        inputs are padded to them and methods take masks (`lowering.static`).
        """
        return {}

    def adapt(self, name: str, method: "Method", scheme: Scheme) -> "Method":
        """Wrap a method before it is quantized and exported, where backend and scheme need it."""
        return method

    def quantizer(self, name: str, scheme: Scheme) -> "Quantizer | None":
        """Make the PT2E quantizer of a method for static schemes; None leaves it in float."""
        return None

    def partitioners(self, program: "ExportedProgram", scheme: Scheme) -> Partitioners:
        """Make the partitioners for one exported method."""
        return []

    def lower(
        self, programs: Programs, scheme: Scheme, constants: Mapping[str, Any]
    ) -> "EdgeProgramManager":
        """Partition and compile all methods.

        Args:
            programs: The exported, quantized methods by name.
            scheme: How their numbers are held.
            constants: Constant methods to put into the program.
        """
        from executorch.exir import to_edge_transform_and_lower

        return to_edge_transform_and_lower(
            dict(programs),
            partitioner={
                name: self.partitioners(program, scheme) for name, program in programs.items()
            },
            constant_methods=dict(constants),
        )

    def read_back(self, pte: bytes, scheme: Scheme, programs: Programs) -> ReadBack:
        """Read the compiled methods back and check them.

        Args:
            pte: The whole program.
            scheme: How its numbers should be held.
            programs: The exported methods that it was made of.

        Returns:
            Per method, what is worth keeping in the manifest.

        Raises:
            StageFailedError: They are not what was asked for.
        """
        return {}

    def load(self, pte: bytes) -> "Call":
        """Load a program to execute it here; only asked where `proof` says that it can be."""
        from lowering.runtime import LoadedProgram

        return LoadedProgram(pte).call

    def options(self) -> dict[str, Any]:
        """Its compile options by name."""
        return asdict(self)


def is_no_average(node: "Node") -> bool:
    """Tell the averaging layer of a norm, which must stay in float, from all other nodes."""
    stack = node.meta.get("nn_module_stack", {}).values()
    return not any(str(path).endswith(".mean") for path, _ in stack)
