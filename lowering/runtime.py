"""ExecuTorch's Python runtime, on this machine: the methods of a .pte as a `Call`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.generate import Array

if TYPE_CHECKING:
    from executorch.runtime import Program


class LoadedProgram:
    """Every method of a .pte, loaded.

    The thread count must be set before this: resetting the pool afterwards leaves XNNPACK's
    delegates with a pool that is gone, and corrupts the heap.

    Args:
        source: The .pte, as bytes or as a file that is mapped, not read.
        traced: Record operators; each method then has a program, and an ETDump, of its own.
    """

    def __init__(self, source: bytes | Path, *, traced: bool = False) -> None:
        from executorch.runtime import Runtime, Verification

        def load() -> "Program":
            return Runtime.get().load_program(
                source, verification=Verification.Minimal, enable_etdump=traced
            )

        program = load()
        # Methods without inputs only carry provenance.
        names = sorted(n for n in program.method_names if program.metadata(n).num_inputs())
        self.programs = {name: load() if traced else program for name in names}
        self.methods = {name: self.programs[name].load_method(name) for name in names}

    def call(self, name: str, inputs: Sequence[Array]) -> list[Array]:
        """Run one method; every input is set anew, since the memory plan reuses theirs."""
        import torch

        tensors = [torch.from_numpy(np.ascontiguousarray(array)) for array in inputs]
        return [output.numpy() for output in self.methods[name].execute(tensors)]

    def write_etdumps(self, folder: Path) -> None:
        """Write what was recorded of each method to `METHOD.etdump`."""
        for name, program in self.programs.items():
            program.write_etdump_result_to_file(str(folder / f"{name}.etdump"), "")


def set_threads(count: int) -> int:
    """Size the runtime's thread pool, 0 for one thread per core; returns the size it has."""
    from executorch.extension.pybindings import portable_lib

    portable_lib._unsafe_reset_threadpool(count or os.cpu_count())
    return int(portable_lib._threadpool_get_thread_count())


def registered_backends() -> tuple[str, ...]:
    """Name the backends that the runtime was built with."""
    from executorch.runtime import Runtime

    return tuple(Runtime.get().backend_registry.registered_backend_names)
