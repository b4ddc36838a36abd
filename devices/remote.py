"""One process of the runner on a device: files there, the command, results back."""

import contextlib
import re
import secrets
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from devices.base import ProcessFacts, Task
from devices.bundle import Bundle
from devices.conditions import process_of, watching
from devices.killed import why_killed
from devices.runner_call import NOT_STARTED, check_outcome, runner_arguments
from devices.schedule import Schedule
from devices.shell import (
    KILLED,
    CommandFailedError,
    Link,
    ShellResult,
    output_of,
    printable,
)
from devices.store import Store
from model.errors import DeviceError, DeviceUnavailableError

TRACE_NAME = r"[a-z0-9_]{1,40}\.etdump"
TRACE_LIMIT_BYTES = 256 << 20
THERMAL_NOTES = "thermal.txt"
CANNOT_START = (126, 127)


@dataclass(frozen=True)
class Launch:
    """How to start the runner.

    Attributes:
        affinity: Mask of the cores to run on; 0 for any.
        limit_s: How long it may take.
        profile: Trace operators in place of measuring.
    """

    affinity: int
    limit_s: float
    profile: bool = False


class Runner(Protocol):
    """Something that runs tasks on a device, and leaves what our runner leaves."""

    def run(self, job: Task[ProcessFacts], schedule: Schedule, launch: Launch, target: Path) -> str:
        """Run a task and fetch its results into `target`.

        Args:
            job: What to run.
            schedule: How often.
            launch: How to start the runner.
            target: Folder of this computer for request and results.

        Returns:
            What was noted of the thermal status meanwhile.

        Raises:
            DeviceError: The runner failed, or left something else than results.
            DeviceUnavailableError: The device went away.
        """


class RemoteRunner:
    """Runs the native runner on a device; a `Runner`.

    Args:
        link: Reaches the device.
        store: Its folder of ours.
        bundle_for: Gives the runner for the device's instruction set.
    """

    def __init__(self, link: Link, store: Store, bundle_for: Callable[[], Bundle]) -> None:
        self._link = link
        self._store = store
        self._bundle_for = bundle_for

    def run(self, job: Task[ProcessFacts], schedule: Schedule, launch: Launch, target: Path) -> str:
        """Run one process; see `Runner.run`."""
        link, store, bundle = self._link, self._store, self._bundle_for()
        program = store.put(bundle.files)
        model = PurePosixPath(store.put({"model.pte": job.pte}), "model.pte")
        request = PurePosixPath(store.put(job.write(target)), "request.txt")
        out = PurePosixPath(store.make_folder(f"run-{secrets.token_hex(4)}"))
        try:
            arguments = runner_arguments(
                model, request, out, schedule, affinity=launch.affinity, profile=launch.profile
            )
            command = shlex.join([*bundle.command, *arguments])
            notes = str(out / THERMAL_NOTES)
            result = link.run(
                f"cd {shlex.quote(program)} || exit; {watching(notes)} exec {command}",
                launch.limit_s,
            )
            check_runner(link, result, notes)
            store.fetch(str(out), self._results(str(out), job, launch), target)
            return output_of(link, f"cat {shlex.quote(notes)}")
        finally:
            with contextlib.suppress(DeviceError, DeviceUnavailableError):
                link.run(f"rm -rf -- {shlex.quote(str(out))}")

    def _results(self, out: str, job: Task[ProcessFacts], launch: Launch) -> Mapping[str, int]:
        """Return the files to fetch, and how long each may be."""
        if not launch.profile:
            return job.results
        names = self._store.names(out, rf"{TRACE_NAME}|report\.json|{THERMAL_NOTES}")
        return {name: TRACE_LIMIT_BYTES for name in names if name.endswith(".etdump")}


def end_leftovers(link: Link, base: str) -> None:
    """End runners that an earlier program left on a device, and remove their folders."""
    # One `ls` in place of a look at each process: there may be hundreds.
    listing = link.run("ls -ld /proc/[0-9]*/cwd 2>/dev/null").stdout
    left = re.findall(rf"/proc/(\d+)/cwd -> {re.escape(base)}/", listing)
    kill = f"kill -9 {' '.join(left)}; " if left else ""
    link.run(f"{kill}rm -rf -- {shlex.quote(base)}/run-*")


def check_runner(link: Link, result: ShellResult, notes: str) -> None:
    """Make sure that the runner has finished, or say in words how it ended.

    Args:
        link: Reaches the device.
        result: Of the runner's command.
        notes: The file of what was noted meanwhile, on the device.
    """
    device, said = link.address, printable(result.stderr.strip(), 200)
    if result.code == KILLED:
        pid = process_of(link.run(f"cat {shlex.quote(notes)}").stdout)
        raise CommandFailedError(device, result, f"the runner {why_killed(link, pid)}")
    if result.code in CANNOT_START:
        raise CommandFailedError(
            device, result, f"the system does not start the runner: {said} ({NOT_STARTED})"
        )
    try:
        check_outcome(result.code, result.stdout, result.stderr)
    except DeviceError as error:
        raise CommandFailedError(device, result, str(error)) from error
