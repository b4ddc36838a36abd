"""How the native runner is called, and what its end means: the same on every device that has it."""

import json
import signal
from collections.abc import Mapping
from pathlib import PurePath

from devices.schedule import Schedule
from model.errors import DeviceError

# Exit statuses of devices/runner/failure.h, with what can be done about each.
REMEDIES: Mapping[int, str] = {
    2: "the bundle is of another version than this program: build it anew",
    3: "the file has to be readable on the device",
    4: "the .pte is damaged, or made for another runtime: compile it again",
    5: "compile the .pte again with this version",
    6: "compile the .pte again with this version",
    7: "the .pte needs an operator or a backend that the runner lacks, or more memory",
    8: "the runner and this program differ in version: build the bundle anew",
    9: "the text or the prompt is longer or shorter than the .pte was compiled for",
    10: "the runtime's log says why",
    11: "the device may have run out of space",
    12: "",
    13: "choose another number of threads or other processors",
    14: "the device has not enough free memory for this model",
    15: "the runner's words name the error",
}
# Signals that end a runner which the system does not tolerate, with what can be done.
NOT_STARTED = "docs/phones.md, 'When the runner does not start'"
SIGNAL_REMEDIES: Mapping[signal.Signals, str] = {
    signal.SIGSYS: f"seccomp forbids a system call that its C library makes: {NOT_STARTED}",
    signal.SIGILL: f"the processor lacks an instruction that it uses: {NOT_STARTED}",
}
LONGEST = 400  # characters of a runner's words in an error


def runner_arguments(
    pte: PurePath,
    request: PurePath,
    out: PurePath,
    schedule: Schedule,
    *,
    affinity: int = 0,
    profile: bool = False,
) -> list[str]:
    """List the runner's arguments for one repeat, or for a trace of one synthesis.

    Args:
        pte: The model, as the device names it.
        request: The request file, likewise.
        out: The folder for results, likewise.
        schedule: Warm-up, iterations, threads.
        affinity: Mask of the processors to run on; 0 for any.
        profile: Trace the operators in place of measuring.
    """
    arguments: dict[str, object] = {
        "--model": pte,
        "--request": request,
        "--out": out,
        "--threads": schedule.threads,
        "--warmup": schedule.warmup,
        "--iterations": schedule.iterations,
    }
    if affinity:
        arguments["--affinity"] = f"{affinity:x}"
    flat = [str(word) for pair in arguments.items() for word in pair]
    return [*flat, "--profile"] if profile else flat


def check_outcome(status: int, stdout: str, stderr: str) -> None:
    """Make sure that the runner has finished.

    Args:
        status: Its exit status; a signal's is negative, or 128 more than the signal.
        stdout: What it printed: one line of JSON.
        stderr: The runtime's log.

    Raises:
        DeviceError: It has not; the message says why.
    """
    answer = parse_answer(stdout)
    if status == 0 and answer.get("ok") is True:
        return
    if status in REMEDIES and isinstance(answer.get("what"), str):
        remedy = f" ({REMEDIES[status]})" if REMEDIES[status] else ""
        raise DeviceError(f"the runner failed: {shortened(answer['what'])}{remedy}")
    last_words = shortened((stderr.strip().splitlines() or ["nothing"])[-1])
    if status < 0 or status > 128:
        number = -status if status < 0 else status - 128
        raise DeviceError(f"the runner {crashed(number)}; its last words: {last_words}")
    raise DeviceError(
        f"the runner ended with status {status} and the answer {shortened(stdout.strip())!r};"
        f" its last words: {last_words}"
    )


def parse_answer(stdout: str) -> dict[str, object]:
    """Read the runner's line of JSON; empty where it is none."""
    try:
        answer = json.loads(stdout)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def crashed(number: int) -> str:
    """Say that a signal ended a program, and what to do where that is known."""
    remedy = next((text for name, text in SIGNAL_REMEDIES.items() if name == number), "")
    return f"crashed with {signal_name(number)}{f' ({remedy})' if remedy else ''}"


def signal_name(number: int) -> str:
    """Return a signal's name, such as SIGSEGV."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def shortened(text: object) -> str:
    """Cut off what is too long for one line of an error."""
    printable = "".join(c if c.isprintable() else " " for c in str(text)[: LONGEST + 1])
    return printable if len(printable) <= LONGEST else printable[:LONGEST] + "…"
