"""What the methods of a .pte take: `python -m devices.signature PTE` prints it.

ExecuTorch's bindings need torch, and so this happens in a child process. No method is loaded, so
that a .pte for a backend that this machine lacks can be read.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lowering.runtime import bindings
from model.errors import DeviceError

LIMIT_S = 120.0
# ExecuTorch's numbers of types, as numpy calls them.
DTYPES = {0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32"}


@dataclass(frozen=True)
class Signature:
    """What one method takes.

    Attributes:
        method: Its name.
        dtypes: Type of each input, as numpy calls it.
        shapes: Largest shape of each input.
    """

    method: str
    dtypes: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]


def signatures_of(pte: Path) -> Sequence[Signature]:
    """List the methods of a .pte in their order.

    Raises:
        DeviceError: It cannot be read.
    """
    command = [sys.executable, "-m", "devices.signature", str(pte)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise DeviceError(f"{pte} cannot be read as an ExecuTorch program") from error
    found = json.loads(done.stdout.splitlines()[-1])
    return [
        Signature(f["method"], tuple(f["dtypes"]), tuple(map(tuple, f["shapes"]))) for f in found
    ]


def ones_of(signature: Signature, folder: Path) -> list[str]:
    """Write inputs of ones for a method into a folder; returns their files' names in order."""
    names = []
    for number, (dtype, shape) in enumerate(zip(signature.dtypes, signature.shapes, strict=True)):
        names.append(f"{signature.method}-{number}.bin")
        (folder / names[-1]).write_bytes(np.ones(shape, dtype).tobytes())
    return names


def main() -> None:
    """Print the signatures of the .pte that is the only argument."""
    program = bindings()._load_program(sys.argv[1])
    found = []
    for number in range(program.num_methods()):
        name = program.get_method_name(number)
        meta = program.method_meta(name)
        inputs = [meta.input_tensor_meta(i) for i in range(meta.num_inputs())]
        dtypes = tuple(DTYPES[int(info.dtype())] for info in inputs)
        found.append(asdict(Signature(name, dtypes, tuple(tuple(i.sizes()) for i in inputs))))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
