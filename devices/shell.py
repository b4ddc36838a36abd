"""Commands on a device: what they give back, how they are quoted and how they are limited."""

import math
import re
import shlex
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from model.errors import DeviceError, DeviceUnavailableError

OUTPUT_LIMIT_BYTES = 1 << 20  # what one command may write; longer output is a fault, not an answer
SIGNALLED = 128  # added to the number of the signal that ended a command
KILLED = SIGNALLED + 9
MOST_STEPS = 60  # in which the device looks whether a command has reached its limit
SLACK_S = 10.0  # how much later the host gives up than the device


@dataclass(frozen=True)
class ShellResult:
    """What a command on a device gave.

    Attributes:
        command: The command line.
        code: Exit status; 128 + N where signal N ended it.
        stdout: Standard output; bytes that are no UTF-8 are replaced.
        stderr: Standard error, likewise.
    """

    command: str
    code: int
    stdout: str
    stderr: str


class UnauthorizedError(DeviceUnavailableError):
    """The phone does not know this computer's key."""


class CommandFailedError(DeviceError):
    """A command on a device ended with a status other than 0.

    Args:
        device: Address of the device.
        result: The command, its status and its output.
        reason: What to say in place of the command and its output.
    """

    def __init__(self, device: str, result: ShellResult, reason: str = "") -> None:
        self.device = device
        self.result = result
        if not reason:
            said = printable(result.stderr.strip() or result.stdout.strip() or "nothing", 400)
            command = printable(result.command, 200)
            reason = f"status {result.code} from `{command}`; it said: {said}"
        super().__init__(f"{device}: {reason}")


class Link(Protocol):
    """A way to reach one device: commands to it, files there and back.

    Every method raises `DeviceUnavailableError` where the device is not there, not authorised or
    went away, and `DeviceError` where it answers with a refusal or with nonsense. Several threads
    may use one link.
    """

    @property
    def address(self) -> str:
        """Names the device in messages and finds it again."""

    def run(self, command: str, timeout_s: float = 30.0) -> ShellResult:
        """Run a command line, which the device itself ends after `timeout_s`.

        A status other than 0 is no error here; running out of time is a `DeviceError`.
        """

    def push(self, local: Path, remote: str) -> None:
        """Copy a file to the device, executable; missing folders are made."""

    def pull(self, remote: str, local: Path, limit_bytes: int) -> None:
        """Copy a file from the device; more than `limit_bytes` is a `DeviceError`."""


def output_of(link: Link, command: str, timeout_s: float = 30.0) -> str:
    """Run a command that must succeed, and return its standard output.

    Raises:
        CommandFailedError: It ended with another status than 0.
    """
    result = link.run(command, timeout_s)
    if result.code != 0:
        raise CommandFailedError(link.address, result)
    return result.stdout


def limited(command: str, timeout_s: float) -> str:
    """Wrap a command line so that the device ends it: a host that gives up leaves nothing behind.

    Only the shell itself is killed: let a command that may take long be the last, behind `exec`.
    The guard looks once per step and is never signalled. `timeout` would do the same, but toybox's
    has a race that gives 127 for some commands that end fast.
    """
    steps = math.ceil(min(timeout_s, MOST_STEPS))
    step_s = math.ceil(timeout_s / steps)
    guard = (
        f"n=0; while [ $n -lt {steps} ]; do sleep {step_s}; kill -0 $1 || exit; n=$((n+1)); done;"
        " kill -KILL $1"
    )
    return (
        f"sh -c {shlex.quote(command)} & job=$!;"
        f" sh -c {shlex.quote(guard)} guard $job </dev/null >/dev/null 2>&1 &"
        " wait $job; exit $?"
    )


def whole_number(pattern: str, text: str) -> int | None:
    """Return the whole number that a pattern's group finds, line by line; None where none is.

    More than 18 digits count as none: nothing that a device tells is so large.
    """
    found = re.search(pattern, text, re.MULTILINE)
    return int(found.group(1)) if found and len(found.group(1)) <= 18 else None


def printable(text: str, limit: int = 1000) -> str:
    """Make text from a device safe to show: no control characters, at most `limit` long."""
    if len(text) > limit:
        text = f"{text[: limit // 2]} ... {text[-(limit // 2) :]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class ShellDecoder:
    """Takes ADB's shell protocol apart: a byte of kind, four of length, the payload; repeatedly.

    Attributes:
        code: Exit status; None until it came. A stream that ends without it broke off.
    """

    STDOUT, STDERR, EXIT = 1, 2, 3

    def __init__(self) -> None:
        self.code: int | None = None
        self._pending = bytearray()
        self._output = {self.STDOUT: bytearray(), self.STDERR: bytearray()}

    def feed(self, data: bytes) -> None:
        """Take what arrived, in pieces of any size.

        Raises:
            DeviceError: More output than any command of ours has.
        """
        self._pending += data
        while len(self._pending) >= 5:
            kind, size = struct.unpack_from("<BI", self._pending)
            if size + sum(map(len, self._output.values())) > OUTPUT_LIMIT_BYTES:
                raise DeviceError(f"the output is longer than {OUTPUT_LIMIT_BYTES >> 20} MiB")
            if len(self._pending) < 5 + size:
                return
            payload = bytes(self._pending[5 : 5 + size])
            del self._pending[: 5 + size]
            if kind in self._output:
                self._output[kind] += payload
            elif kind == self.EXIT and payload:
                self.code = payload[0]

    def output(self) -> tuple[str, str]:
        """Return standard output and standard error."""
        stdout, stderr = (data.decode(errors="replace") for data in self._output.values())
        return stdout, stderr


def finished(
    device: str, command: str, decoder: ShellDecoder, timeout_s: float, took_s: float
) -> ShellResult:
    """Say what a command gave, once its stream has ended.

    Raises:
        DeviceUnavailableError: The stream broke off before the command's status came.
        CommandFailedError: The command was ended for taking too long.
    """
    if decoder.code is None:
        raise DeviceUnavailableError(
            f"{device} went away while running `{printable(command, 80)}`: check cable and network"
        )
    result = ShellResult(command, decoder.code, *decoder.output())
    if result.code == KILLED and took_s >= timeout_s:
        raise CommandFailedError(
            device, result, f"over the limit of {timeout_s:g} s: `{printable(command, 80)}`"
        )
    return result
