"""What a worker of a lab does for the devices beside it.

Everything goes over the wire as text, bytes and plain tables, so that nothing depends on how an
engine turns objects into bytes. What goes wrong with a device comes back as an answer.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from threading import Lock, Timer
from typing import Any

from devices.base import Device, ProcessFacts
from devices.kinds import find_profile, open_device
from devices.schedule import Schedule
from devices.store import safe, sha256_of
from devices.tables import from_table
from lowering.cache import cache_root, source_hash
from model.entries import publish, require, usable
from model.errors import DeviceError, DeviceUnavailableError, HarnessError
from model.toml_files import Table

LEASE_S = 3600.0  # after which a claim under which nothing is asked ends
Answer = Mapping[str, Any]  # {"ok": result}, {"gone": why} or {"failed": why}


@dataclass(frozen=True)
class Errand:
    """A task on its way to a worker, as a table: `dataclasses.asdict` makes it one.

    Attributes:
        device: Name of the device.
        own: Tables of `bench.toml` [devices], to find it.
        sha256: Of the .pte, which went ahead.
        request: The request's files.
        results: Files that a process leaves, with the most bytes that each may have.
        schedule: Fields of `Schedule`.
        claim: The claim on the device that it belongs to; empty for none.
    """

    device: str
    own: Mapping[str, Any]
    sha256: str
    request: Mapping[str, bytes]
    results: Mapping[str, int]
    schedule: Mapping[str, Any]
    claim: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class FoundFiles(ProcessFacts):
    """What a process found, as the files that it left.

    Attributes:
        files: Their content by name.
    """

    files: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, eq=False)
class ErrandTask:
    """A task as a device beside the worker takes it; a `devices.base.Task`."""

    pte: Path
    results: Mapping[str, int]
    request: Mapping[str, bytes]

    def write(self, folder: Path) -> Mapping[str, Path]:
        """Write the request into a folder."""
        files = {safe(name): folder / safe(name) for name in self.request}
        for name, path in files.items():
            path.write_bytes(self.request[name])
        return files

    def read(self, folder: Path) -> FoundFiles:
        """Read what a process left, without understanding more of it than its facts."""
        try:
            files = {name: (folder / safe(name)).read_bytes() for name in self.results}
            report = json.loads(files["report.json"])
            known = {spec.name for spec in fields(ProcessFacts)}
            facts = {name: value for name, value in report.items() if name in known}
            return from_table(FoundFiles, facts, "report.json", files=files)
        except (OSError, ValueError, KeyError, AttributeError, RecursionError) as error:
            raise DeviceError(f"what the runner left cannot be read: {error}") from error


def sources() -> Answer:
    """Name the version of this project that the worker has."""
    return answered(lambda: source_hash("model", "lowering", "devices"))


def describe(device: str, own: Mapping[str, Table]) -> Answer:
    """Say what a device is: the fields of `DeviceInfo`."""
    return answered(lambda: asdict(opened(device, own).info()))


def claim(claim: str, device: str, own: Mapping[str, Table]) -> Answer:
    """Keep other runs away from a device until `release`, or until it was left alone for long.

    Args:
        claim: Names the claim.
        device: Name of the device.
        own: Tables of `bench.toml` [devices], to find it.
    """

    def take() -> None:
        with held(claim, device, own):
            pass

    return answered(take)


def release(claim: str) -> Answer:
    """Let other runs have a device again."""
    return answered(lambda: HELD.give_back(claim))


class HeldDevices:
    """The devices that runs have claimed at this worker, each until it is given back or forgotten.

    A run whose computer was cut off gives nothing back: a claim ends by itself when nothing was
    asked under it for `LEASE_S`. Who comes after that takes it anew, if it is still to be had.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[str, tuple[Device, ExitStack, Timer]] = {}

    def take_out(self, claim: str) -> tuple[Device, ExitStack] | None:
        """Return a claimed device and what ends its claim, which then does not end by itself."""
        with self._lock:
            device, stack, timer = self._held.pop(claim, (None, None, None))
        if device is None or stack is None or timer is None:
            return None
        timer.cancel()
        return device, stack

    def put_back(self, claim: str, device: Device, stack: ExitStack) -> None:
        """Keep a device claimed for what is asked of it next."""
        timer = Timer(LEASE_S, self.give_back, (claim,))
        timer.daemon = True
        with self._lock:
            self._held[claim] = device, stack, timer
        timer.start()

    def give_back(self, claim: str) -> None:
        """End a claim; one that has ended is no error."""
        found = self.take_out(claim)
        if found:
            found[1].close()


HELD = HeldDevices()


@contextmanager
def held(claim: str, device: str, own: Mapping[str, Table]) -> Iterator[Device]:
    """Give the device of a claim, and keep it claimed afterwards.

    Raises:
        DeviceUnavailableError: It is not there, or another run has it.
    """
    found = HELD.take_out(claim)
    if found is None:
        with ExitStack() as fresh:
            found = opened(device, own), fresh
            fresh.enter_context(found[0].claim())
            found = found[0], fresh.pop_all()
    try:
        yield found[0]
    finally:
        HELD.put_back(claim, *found)


def has_model(sha256: str) -> Answer:
    """Say whether a .pte is here already."""
    return answered(lambda: usable(model_file(sha256).parent))


def keep_model(sha256: str, content: bytes) -> Answer:
    """Keep a .pte for the repeats to come, checked."""

    def keep() -> None:
        def fill(folder: Path) -> None:
            (folder / "model.pte").write_bytes(content)
            if sha256_of(folder / "model.pte") != sha256:
                raise DeviceUnavailableError("the .pte arrived changed")

        publish(model_file(sha256).parent, fill)

    return answered(keep)


def measure(errand: Table) -> Answer:
    """Run one repeat; the result is the content of the process' files, and what the device told."""

    def run() -> Mapping[str, Any]:
        with device_of(errand) as device:
            found = device.measure(task_of(errand), schedule_of(errand))
        readings = [asdict(reading) for reading in found.readings]
        return {"files": found.files, "warnings": found.warnings, "readings": readings}

    return answered(run)


def profile(errand: Table) -> Answer:
    """Trace one iteration; the result is a list of the fields of `OperatorTime`."""

    def run() -> list[dict[str, Any]]:
        with device_of(errand) as device:
            operators = device.profile(task_of(errand), schedule_of(errand))
        return [asdict(operator) for operator in operators]

    return answered(run)


def answered(step: Callable[[], object]) -> Answer:
    """Do something, and put what came of it into an answer."""
    try:
        return {"ok": step()}
    except DeviceUnavailableError as error:
        return {"gone": str(error)}
    except HarnessError as error:
        return {"failed": str(error)}


def opened(device: str, own: Mapping[str, Table]) -> Device:
    """Open a device; what it wants of a person is said in the worker's log."""
    return open_device(find_profile(device, own), lambda said: print(said, file=sys.stderr))


def device_of(errand: Table) -> AbstractContextManager[Device]:
    """Give the device of an errand: that of its claim, or opened for it alone."""
    if errand["claim"]:
        return held(errand["claim"], errand["device"], errand["own"])
    return nullcontext(opened(errand["device"], errand["own"]))


def task_of(errand: Table) -> ErrandTask:
    """Take the task out of an errand.

    Raises:
        CacheError: The .pte has gone, or was changed.
    """
    pte = model_file(errand["sha256"])
    require(pte.parent)
    return ErrandTask(pte, errand["results"], errand["request"])


def schedule_of(errand: Table) -> Schedule:
    """Take the schedule out of an errand."""
    return from_table(Schedule, errand["schedule"], "the schedule")


def model_file(sha256: str) -> Path:
    """Name the file of a .pte that came over the wire."""
    return cache_root() / "lab" / safe(sha256) / "model.pte"
