"""ExecuTorch's Python runtime, on this machine: the methods of a .pte as a `Call`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model.generate import Array


class LoadedProgram:
    """Every method of a .pte, loaded.

    The thread count must be set before this: resetting the pool afterwards leaves XNNPACK's
    delegates with a pool that is gone, and corrupts the heap.

    Args:
        source: The .pte, as bytes or as a file that is mapped, not read.
        traced: Record an ETDump.
    """

    def __init__(self, source: bytes | Path, *, traced: bool = False) -> None:
        from executorch.runtime import Runtime, Verification

        self.program = Runtime.get().load_program(
            source, verification=Verification.Minimal, enable_etdump=traced
        )
        # Methods without inputs only carry provenance.
        self.methods = {
            name: self.program.load_method(name)
            for name in sorted(self.program.method_names)
            if self.program.metadata(name).num_inputs()
        }

    def call(self, name: str, inputs: Sequence[Array]) -> list[Array]:
        """Run one method; every input is set anew, since the memory plan reuses theirs."""
        import torch

        tensors = [torch.from_numpy(np.ascontiguousarray(array)) for array in inputs]
        return [output.numpy() for output in self.methods[name].execute(tensors)]
