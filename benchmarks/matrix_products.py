"""Which matrix products a synthesis consists of, and how fast XNNPACK's kernels are at each.

Products are counted in the eager model while it speaks, at the real lengths. Each kind is then a
graph of its own, lowered like the model, timed in the same runner with the same threads.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from bench.say import quiet
from devices.host_native import HostNative
from devices.method_job import MethodJob
from devices.schedule import Schedule
from lowering.cache import cache_key, cache_root, pins, source_hash
from lowering.reference import model_limits
from lowering.single import lower_method
from model.choice import ModelChoice
from model.entries import publish, usable
from model.generate import Array, Request, synthesize
from model.methods import eager, methods
from model.pair import load_pair

KERNEL = "kernel"
WARMUP, CALLS, PROCESSES = 5, 40, 2


@dataclass(frozen=True, order=True)
class Kind:
    """Matrix products that differ only in their rows.

    Attributes:
        name: "linear", "bmm" or "convolution".
        inner: Summed over.
        columns: Of the result.
        batch: Matrices at once.
        kernel: Width of a convolution.
    """

    name: str
    inner: int
    columns: int
    batch: int = 1
    kernel: int = 1

    def macs(self, rows: int) -> int:
        """Multiply-adds of one product."""
        return self.batch * rows * self.inner * self.kernel * self.columns

    def label(self, rows: int) -> str:
        batch = f"{self.batch} x " if self.batch > 1 else ""
        kernel = f" x {self.kernel}" if self.kernel > 1 else ""
        return f"{self.name} {batch}{rows} x {self.inner}{kernel} x {self.columns}"


# Per method and (kind, rows), how often it is in one synthesis.
Products = Mapping[str, Mapping[tuple[Kind, int], int]]


class Counting(TorchDispatchMode):
    """Counts matrix products, by method.

    What has one column or one row of weights (the averages of norms) and depthwise convolutions
    are no matrix products: they wait for memory, not for multipliers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.method = ""
        self.counts: dict[str, Counter[tuple[Kind, int]]] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = product_of(func._schema.name, args)
        if found is not None and min(found[0].inner, found[0].columns) > 1:
            self.counts.setdefault(self.method, Counter())[found] += 1
        return func(*args, **(kwargs or {}))


def product_of(operator: str, args: Sequence[Tensor]) -> tuple[Kind, int] | None:
    """Read kind and rows off an operator's arguments; none where it multiplies no matrices."""
    if operator in ("aten::mm", "aten::addmm"):
        left, right = args[-2:]
        return Kind("linear", *right.shape), left.shape[0]
    if operator == "aten::bmm":
        batch, inner, columns = args[1].shape
        return Kind("bmm", inner, columns, batch), args[0].shape[1]
    if operator == "aten::convolution" and args[1].shape[1] > 1:
        columns, inner, kernel = args[1].shape
        return Kind("convolution", inner, columns, kernel=kernel), args[0].shape[2]
    return None


def products_of(choice: ModelChoice, request: Request) -> Products:
    """Count the matrix products of one synthesis, per method."""
    model, _, codec = load_pair(choice)
    run = eager(methods(model, codec.decoder))
    counting = Counting()

    def call(name: str, inputs: Sequence[Array]) -> Sequence[Array]:
        counting.method = name
        with counting:
            return run(name, inputs)

    synthesize(call, model_limits(model.config, codec.lookahead_frames), request)
    return counting.counts


class Product(nn.Module):
    """A product of two matrices that both come from outside, as attention has it."""

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Multiply."""
        return torch.bmm(left, right)


def graph_of(kind: Kind, rows: int) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Make the smallest module that is one product, with random inputs."""
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    if kind.name == "bmm":
        right = noise(kind.batch, kind.inner, kind.columns)
        return Product(), (noise(kind.batch, rows, kind.inner), right)
    if kind.name == "convolution":
        made = nn.Conv1d(kind.inner, kind.columns, kind.kernel, padding=kind.kernel // 2)
        return made, (noise(1, kind.inner, rows),)
    return nn.Linear(kind.inner, kind.columns), (noise(1, rows, kind.inner),)


def compiled(kind: Kind, rows: int, scheme: str) -> Path:
    """Lower one product as the model is lowered, or take it from the cache."""
    parts = {
        "sources": source_hash("quantization", "lowering"),
        "pins": pins(),
        "product": [*astuple(kind), rows, scheme],
    }
    folder = cache_root() / "products" / cache_key(parts)

    def fill(temporary: Path) -> None:
        module, inputs = graph_of(kind, rows)
        with quiet():
            lowered = lower_method(KERNEL, module, inputs, scheme=scheme, backend="xnnpack")
        (temporary / "kernel.pte").write_bytes(lowered.pte)

    if not usable(folder):
        publish(folder, fill)
    return folder / "kernel.pte"


def best_ms(kind: Kind, rows: int, scheme: str, threads: int) -> float:
    """Time one product in the native runner: the best call, without copying its inputs."""
    _, inputs = graph_of(kind, rows)
    arrays = tuple(tensor.numpy() for tensor in inputs)
    job = MethodJob(compiled(kind, rows, scheme), KERNEL, arrays)
    schedule = Schedule(warmup=WARMUP, iterations=CALLS, threads=threads)
    calls = [call for _ in range(PROCESSES) for call in HostNative().measure(job, schedule).trials]
    return min(call.wall_ms - (call.set_input_ms or 0.0) for call in calls)
