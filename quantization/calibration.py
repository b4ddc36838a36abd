"""Real inputs of every method, recorded while the fp32 reference speaks, and their ranges."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from model.generate import Array, Call

if TYPE_CHECKING:
    from torch.fx import GraphModule, Node

Recording = dict[str, list[tuple[list[Array], list[Array]]]]
# Smallest and largest value, by the module whose input or output it is: "blocks.0.out input".
Ranges = Mapping[str, tuple[float, float]]
WEIGHTED = ("aten.linear", "aten.conv")


def record(call: Call, limit: int) -> tuple[Call, Recording]:
    """Wrap a `Call` so that it keeps copies of inputs and outputs.

    Of a method that runs more often than `limit`, the kept calls are spread over the run: whenever
    the store is full, every other entry goes and the stride doubles.

    Args:
        call: Runs a method.
        limit: Most calls kept per method.

    Returns:
        The wrapped call, and the recording that it fills: per method, (inputs, outputs) pairs.
    """
    recording: Recording = defaultdict(list)
    seen: dict[str, int] = defaultdict(int)
    stride: dict[str, int] = defaultdict(lambda: 1)

    def recorded(name: str, inputs: Sequence[Array]) -> Sequence[Array]:
        outputs = call(name, inputs)
        if seen[name] % stride[name] == 0:
            if len(recording[name]) == limit:
                recording[name][:] = recording[name][::2]
                stride[name] *= 2
            if seen[name] % stride[name] == 0:
                copies = [np.array(array) for array in inputs], [np.array(a) for a in outputs]
                recording[name].append(copies)
        seen[name] += 1
        return outputs

    return recorded, recording


def observed_ranges(prepared: "GraphModule") -> Ranges:
    """Read what the observers of activations saw during calibration.

    Args:
        prepared: By `prepare_pt2e`, then run on samples.
    """
    ranges = {}
    for node in prepared.graph.nodes:
        observer = getattr(prepared, str(node.target), None) if node.op == "call_module" else None
        least, most = getattr(observer, "min_val", None), getattr(observer, "max_val", None)
        if least is None or most is None or least.numel() != 1 or not least.isfinite():
            continue  # of weights, per channel; or never reached
        readers = [user for user in node.users if str(user.target).startswith(WEIGHTED)]
        names = [f"{module_name(user)} input" for user in readers]
        for name in names or [f"{module_name(node.args[0])} output"]:
            ranges[name.strip()] = float(least), float(most)
    return ranges


def module_name(node: "Node") -> str:
    """Name the module that a node of an exported graph belongs to; empty where it is unknown."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return str(stack[-1][0]).removeprefix("L['self']").lstrip(".") if stack else ""
