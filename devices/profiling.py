"""From ETDumps to operators with their times: `python -m devices.profiling FOLDER` writes them.

Reading an ETDump needs ExecuTorch's Inspector, and so torch: it happens in a child process.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from devices.base import OperatorTime
from model.errors import DeviceError

DELEGATE = "delegate"
OVERHEAD = "delegate overhead"  # time of a delegate call that none of its operators accounts for
PROFILE = "profile.json"
TIME_LIMIT_S = 900.0


def read_profile(folder: Path) -> tuple[OperatorTime, ...]:
    """Read the ETDumps of a folder, one per method.

    Raises:
        DeviceError: There are none, or one is empty or damaged.
    """
    command = [sys.executable, "-m", "devices.profiling", str(folder)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"the profile was not read within {TIME_LIMIT_S:.0f} s") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise DeviceError(f"the profile in {folder} cannot be read: {said[-1]}")
    return tuple(OperatorTime(**entry) for entry in json.loads((folder / PROFILE).read_text()))


def parse_etdump(path: Path) -> list[OperatorTime]:
    """Sum up the operators of one method's ETDump."""
    from executorch.devtools import Inspector

    inspector = Inspector(etdump_path=str(path))
    return [
        operator
        for block in inspector.event_blocks
        if block.name == "Execute"
        for operator in sum_events(path.stem, block.events)
    ]


def sum_events(method: str, events: Iterable[Any]) -> list[OperatorTime]:
    """Sum up the events of one kind of execution.

    `OPERATOR_CALL` repeats the operator before it and is left out. What a delegate call takes
    beyond its operators is a row of its own. Delegates report in a unit of their own choice: where
    their operators add up to more than their calls, they are scaled to fit.
    """
    operators: list[OperatorTime] = []
    inside: list[OperatorTime] = []
    delegate_ms = 0.0
    for event in events:
        calls, total_ms = len(event.perf_data.raw), float(sum(event.perf_data.raw))
        if event.is_delegated_op:
            inside.append(OperatorTime(method, event.name, DELEGATE, calls, total_ms))
        elif event.name == "DELEGATE_CALL":
            delegate_ms += total_ms
        elif event.name.startswith("native_call_"):
            name = event.name.removeprefix("native_call_")
            operators.append(OperatorTime(method, name, "", calls, total_ms))
    inside_ms = sum(operator.total_ms for operator in inside)
    scale = min(1.0, delegate_ms / inside_ms) if inside_ms else 1.0
    operators += [
        OperatorTime(method, op.name, op.delegate, op.calls, op.total_ms * scale) for op in inside
    ]
    if delegate_ms > inside_ms * scale:
        overhead_ms = delegate_ms - inside_ms * scale
        operators.append(OperatorTime(method, OVERHEAD, DELEGATE, 1, overhead_ms))
    return operators


def main() -> None:
    """Parse the ETDumps of the folder that is the only argument."""
    folder = Path(sys.argv[1])
    dumps = sorted(folder.glob("*.etdump"))
    if not any(dump.stat().st_size for dump in dumps):
        raise DeviceError("no ETDump has any content: the runtime was built without its tracer")
    operators = [operator for dump in dumps for operator in parse_etdump(dump)]
    (folder / PROFILE).write_text(json.dumps([asdict(operator) for operator in operators]))


if __name__ == "__main__":
    main()
