"""ExecuTorch's Python runtime, on this machine: the methods of a .pte as a `Call`.

The bindings are imported as the C extension they are: `executorch.runtime` in front of it imports
all of the compiler for the sake of one warning, which is seconds in every fresh process.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from model.generate import Array

if TYPE_CHECKING:
    from executorch.extension.pybindings._C import ExecuTorchProgram


def bindings() -> ModuleType:
    """Import the runtime's C extension, after torch, whose libraries it needs."""
    import torch  # noqa: F401  # loads the libraries
    from executorch.extension.pybindings import _C

    return _C  # type: ignore[no-any-return]  # untyped library


class LoadedProgram:
    """Every method of a .pte, loaded.

    The thread count must be set before this: resetting the pool afterwards leaves XNNPACK's
    delegates with a pool that is gone, and corrupts the heap.

    Args:
        source: The .pte, as bytes or as a file that is mapped, not read.
        traced: Record operators; each method then has a program, and an ETDump, of its own.
    """

    def __init__(self, source: bytes | Path, *, traced: bool = False) -> None:
        runtime = bindings()

        def load() -> "ExecuTorchProgram":
            options = {
                "enable_etdump": traced,
                "program_verification": runtime.Verification.Minimal,
            }
            if isinstance(source, Path):
                return runtime._load_program(str(source), **options)
            return runtime._load_program_from_buffer(source, **options)

        self.source = source  # a program from a buffer reads from it as long as it lives
        program = load()
        every = [program.get_method_name(i) for i in range(program.num_methods())]
        # Methods without inputs only carry provenance.
        names = sorted(name for name in every if program.method_meta(name).num_inputs())
        self.programs = {name: load() if traced else program for name in names}
        self.methods = {name: self.programs[name].load_method(name) for name in names}

    def call(self, name: str, inputs: Sequence[Array]) -> list[Array]:
        """Run one method; every input is set anew, since the memory plan reuses theirs."""
        import torch

        # Not ascontiguousarray, which makes a vector of a scalar.
        tensors = [torch.from_numpy(np.asarray(array, order="C")) for array in inputs]
        return [output.numpy() for output in self.methods[name](tensors)]

    def write_etdumps(self, folder: Path) -> None:
        """Write what was recorded of each method to `METHOD.etdump`."""
        for name, program in self.programs.items():
            program.write_etdump_result_to_file(str(folder / f"{name}.etdump"), "")


def set_threads(count: int) -> int:
    """Size the runtime's thread pool, 0 for one thread per core; returns the size it has."""
    runtime = bindings()
    runtime._unsafe_reset_threadpool(count or os.cpu_count())
    return int(runtime._threadpool_get_thread_count())


def registered_backends() -> tuple[str, ...]:
    """Name the backends that the runtime was built with."""
    return tuple(bindings()._get_registered_backend_names())
