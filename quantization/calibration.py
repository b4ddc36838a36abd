"""Real inputs of every method, recorded while the fp32 reference speaks."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from model.generate import Array, Call

Recording = dict[str, list[tuple[list[Array], list[Array]]]]


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
