"""One method of any .pte as something that a device runs: what goes in, and what comes back.

Request (`request.txt`): lines of space-separated words, with `inputs.bin` beside it.

    format 1
    method NAME
    input DTYPE SIZE...                                    one line per input, in order

Results: `report.json`, one object with the fields of `MethodRepeat` but outputs, and `"format": 1`;
`outputs.json`, a list of `{"dtype": DTYPE, "shape": [SIZE, ...]}`; `outputs.bin`. Types are spelled
as NumPy does; both binary files are little-endian, one array after the other, without gaps. With
`--profile` the report is `{"format": 1}` alone and the method leaves `METHOD.etdump`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from devices.base import ProcessFacts
from devices.exchange import FORMAT, read_facts
from devices.tables import from_table
from model.errors import ConfigError, DeviceError
from model.generate import Array

DTYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64",
)  # fmt: skip


@dataclass(frozen=True)
class CallTime:
    """One call of a method on a device.

    Attributes:
        wall_ms: From setting the first input to the last output.
        set_input_ms: Of all that, copying inputs into the runtime; None where it does not tell.
    """

    wall_ms: float
    set_input_ms: float | None


@dataclass(frozen=True, eq=False, kw_only=True)
class MethodRepeat(ProcessFacts):
    """One fresh process that called one method again and again.

    Attributes:
        trials: The calls kept.
        outputs: Of the last call.
    """

    trials: tuple[CallTime, ...]
    outputs: tuple[Array, ...] = field(repr=False)


@dataclass(frozen=True, eq=False)
class MethodJob:
    """One method of a .pte, to be called with the same inputs again and again.

    Attributes:
        pte: The lowered model; every method of it is loaded.
        method: Name of the method.
        inputs: What it takes, in the order of its signature.
    """

    pte: Path
    method: str
    inputs: tuple[Array, ...] = field(repr=False)

    # Most that a device may send back, by file.
    results = MappingProxyType(
        {"report.json": 16 << 20, "outputs.json": 1 << 20, "outputs.bin": 1 << 30}
    )

    def write(self, folder: Path) -> Mapping[str, Path]:
        """Write the request into a folder.

        Returns:
            Its files by name; `request.txt` is the one that the runner is told of.

        Raises:
            ConfigError: An input is of a type that devices do not take.
        """
        for number, array in enumerate(self.inputs):
            if array.dtype.name not in DTYPES:
                known = ", ".join(DTYPES)
                raise ConfigError(f"input {number} is {array.dtype.name}; devices take {known}")
        lines = [f"format {FORMAT}", f"method {self.method}"]
        lines += [
            " ".join(["input", array.dtype.name, *map(str, array.shape)]) for array in self.inputs
        ]
        files = {name: folder / name for name in ("request.txt", "inputs.bin")}
        files["request.txt"].write_text("".join(f"{line}\n" for line in lines))
        files["inputs.bin"].write_bytes(b"".join(map(little_endian, self.inputs)))
        return files

    def read(self, folder: Path) -> MethodRepeat:
        """Read what a process found.

        Raises:
            DeviceError: A file is missing, damaged, or of another format.
        """
        where = folder / "report.json"
        try:
            report = read_facts(where)
            described = json.loads((folder / "outputs.json").read_text(encoding="utf-8"))
            kinds = [(entry["dtype"], tuple(map(int, entry["shape"]))) for entry in described]
            outputs = read_arrays(folder / "outputs.bin", kinds)
            return from_table(MethodRepeat, report, str(where), outputs=outputs)
        except (OSError, ValueError, LookupError, TypeError, RecursionError, ConfigError) as error:
            raise DeviceError(f"the runner's report in {folder} cannot be read: {error}") from error


def little_endian(array: Array) -> bytes:
    """Return an array's content as files have it."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def read_arrays(path: Path, kinds: Sequence[tuple[str, tuple[int, ...]]]) -> tuple[Array, ...]:
    """Read arrays that lie one after the other, given type and shape of each.

    Raises:
        ValueError: The file is shorter or longer than they are, or a type or a size is none.
    """
    content, start, arrays = path.read_bytes(), 0, []
    for name, shape in kinds:
        if name not in DTYPES or min(shape, default=0) < 0:
            raise ValueError(f"{name!r:.40} {shape} is no array")
        dtype = np.dtype(name).newbyteorder("<")
        array = np.frombuffer(content, dtype, math.prod(shape), start).reshape(shape)
        arrays.append(array.astype(name))
        start += array.nbytes
    if start != len(content):
        raise ValueError(f"{path.name} has {len(content)} bytes, not {start}")
    return tuple(arrays)


def asks_for_method(request: Path) -> bool:
    """Tell a request for one method from one for speech."""
    lines = request.read_text().splitlines()
    return len(lines) > 1 and lines[1].startswith("method ")


def read_method_request(request: Path, pte: Path) -> MethodJob:
    """Read a job back from its request, with `inputs.bin` beside it.

    Raises:
        DeviceError: A file is missing, damaged, or of another format.
    """
    try:
        (_, version), (_, method), *inputs = (
            line.split(" ", 1) for line in request.read_text().splitlines()
        )
        if int(version) != FORMAT:
            raise DeviceError(f"{request} is not of format {FORMAT}")
        words = [rest.split(" ") for _, rest in inputs]
        kinds = [(name, tuple(map(int, sizes))) for name, *sizes in words]
        return MethodJob(pte, method, read_arrays(request.parent / "inputs.bin", kinds))
    except (OSError, ValueError) as error:
        raise DeviceError(f"the request {request} cannot be read: {error}") from error


def write_method_report(folder: Path, repeat: MethodRepeat) -> None:
    """Write what one repeat found."""
    report = {name: value for name, value in vars(repeat).items() if name != "outputs"}
    report["trials"] = [vars(trial) for trial in repeat.trials]
    described = [{"dtype": one.dtype.name, "shape": list(one.shape)} for one in repeat.outputs]
    (folder / "outputs.json").write_text(json.dumps(described))
    (folder / "outputs.bin").write_bytes(b"".join(map(little_endian, repeat.outputs)))
    (folder / "report.json").write_text(json.dumps({"format": FORMAT, **report}))
