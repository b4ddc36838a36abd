"""What the HTP compiler prints while it compiles, and the figures in it."""

import ctypes
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lowering.cache import cache_root
from model.files import open_log

CREATED = re.compile(r"QnnGraph_create started for graph (\S+)")
FINALIZED = "QnnGraph_finalize started"
DDR_BYTES = re.compile(r"\b(spill|fill|write_total|read_total)_bytes=(\d+)")
STAGE = re.compile(r"Completed stage: (.+?) \((\d+) us\)")

# Said of every graph by libraries newer than ExecuTorch's headers; without consequence.
HARMLESS = "unexpected GraphHtpSettings option"

Figures = dict[str, dict[str, int]]


@contextmanager
def captured() -> Iterator[Callable[[], str]]:
    """Catch what native libraries write to standard output and error meanwhile.

    It is written there after all when it is over. Should the process die, it stays in a file that
    standard output names.

    Returns:
        What was caught so far, when called.
    """
    path = cache_root() / "logs" / f"qnn-{os.getpid()}.log"
    print(f"what the HTP compiler says is in {path} while it works")
    flush()
    kept = os.dup(1), os.dup(2)
    file = open_log(path)

    def text() -> str:
        flush()
        return path.read_text(errors="replace")

    os.dup2(file, 1)
    os.dup2(file, 2)
    try:
        yield text
    finally:
        said = text()
        for number, descriptor in enumerate(kept, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(file)
        path.unlink()
        print(said)


def flush() -> None:
    """Empty Python's buffers and the C library's."""
    sys.stdout.flush()
    sys.stderr.flush()
    ctypes.CDLL(None).fflush(None)


def figures(log: str) -> Figures:
    """Read the compiler's own figures out of what it printed.

    Returns:
        Per graph: bytes that an execution spills out of the tightly coupled memory (VTCM) and
        fetches back, `ddr_spill_bytes` and `ddr_fill_bytes`; all that it reads from and writes to
        main memory, `ddr_read_total_bytes` and `ddr_write_total_bytes`; and what the compiler's
        stages took, `compile_us`.
    """
    found: Figures = {}
    created: deque[str] = deque()  # all graphs of a context, before the first is compiled
    graph: dict[str, int] = {}
    for line in log.splitlines():
        if match := CREATED.search(line):
            created.append(match[1])
        elif FINALIZED in line and created:
            graph = found.setdefault(created.popleft(), {})
        elif match := DDR_BYTES.search(line):
            graph[f"ddr_{match[1]}_bytes"] = int(match[2])
        elif match := STAGE.search(line):
            graph["compile_us"] = graph.get("compile_us", 0) + int(match[2])
    return found


def errors(log: str) -> list[str]:
    """Pick the lines that the compiler marked as errors."""
    marks = ("[ERROR] [Qnn ExecuTorch]:", "<E>")
    lines = (line.strip() for line in log.splitlines())
    said = [line for line in lines if HARMLESS not in line and any(mark in line for mark in marks)]
    return [line.removeprefix(marks[0]).replace(marks[1], "").strip() for line in said]
