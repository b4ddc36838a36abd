"""A team's devices on several machines: each member of the lab is a device like any other.

An engine runs what `devices.lab_worker` does beside each device: processes of this computer, or
Dask's workers on the machines that the devices stand beside.
"""

import contextlib
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from devices import lab_worker
from devices.base import DeviceInfo, Found, OperatorTime, ProcessFacts, Reading, Task
from devices.kinds import find_profile
from devices.lab_config import Lab
from devices.schedule import Schedule
from devices.store import sha256_of
from model.errors import ConfigError, DeviceError, DeviceUnavailableError
from model.toml_files import Table

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 10.0
LOOK_S = 2.0  # how often it is looked whether a worker is still there


class Engine(Protocol):
    """Runs functions of `devices.lab_worker`, one at a time per worker."""

    def call(self, worker: str, function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        """Run a function beside a device and return what it returns.

        Raises:
            DeviceUnavailableError: The worker is not there, or was lost.
        """


class LabDevice:
    """A member of the lab; a `devices.base.Device`.

    Args:
        name: Of its profile.
        own: Tables of `bench.toml` [devices], which its worker needs to find it.
        worker: Runs what is to be run beside it.
        engine: Reaches the worker.
    """

    def __init__(self, name: str, own: Mapping[str, Table], worker: str, engine: Engine) -> None:
        self._name = name
        self._own = dict(own)
        self._worker = worker
        self._engine = engine
        self._sent: set[str] = set()
        self._claim = ""

    def info(self) -> DeviceInfo:
        """Describe the device.

        Raises:
            DeviceUnavailableError: It is not there, or its worker has another version of this
                project.
        """
        if self._call(lab_worker.sources) != lab_worker.sources()["ok"]:
            raise DeviceUnavailableError(
                f"{self._name}: the worker {self._worker!r} has another version of this project"
            )
        return DeviceInfo(**self._call(lab_worker.describe, self._name, self._own))

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Keep other runs of the worker's computer away from the device until the block ends."""
        claim = secrets.token_hex(8)
        self._call(lab_worker.claim, claim, self._name, self._own)
        self._claim = claim
        try:
            yield
        finally:
            self._claim = ""
            with contextlib.suppress(DeviceError, DeviceUnavailableError):  # a lost worker's ends
                self._call(lab_worker.release, claim)

    def measure(self, job: Task[Found], schedule: Schedule) -> Found:
        """Run one repeat in a fresh process beside the device."""
        answer = self._run(lab_worker.measure, job, schedule)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for name in job.results:
                (Path(folder) / name).write_bytes(answer["files"][name])
            found = job.read(Path(folder))
        readings = tuple(Reading(**fields) for fields in answer["readings"])
        return replace(found, warnings=tuple(answer["warnings"]), readings=readings)

    def profile(self, job: Task[ProcessFacts], schedule: Schedule) -> tuple[OperatorTime, ...]:
        """Trace the operators of one iteration, in a process of its own."""
        traced = self._run(lab_worker.profile, job, schedule)
        return tuple(OperatorTime(**fields) for fields in traced)

    def _run(
        self, function: Callable[..., Any], job: Task[ProcessFacts], schedule: Schedule
    ) -> Any:  # noqa: ANN401
        """Send a task, and its .pte once to each worker."""
        sha256 = sha256_of(job.pte)
        if sha256 not in self._sent:
            if not self._call(lab_worker.has_model, sha256):
                self._call(lab_worker.keep_model, sha256, job.pte.read_bytes())
            self._sent.add(sha256)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            files = job.write(Path(folder))
            request = {name: path.read_bytes() for name, path in files.items()}
        errand = lab_worker.Errand(
            self._name, self._own, sha256, request, dict(job.results), asdict(schedule), self._claim
        )
        return self._call(function, asdict(errand))

    def _call(self, function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        """Run a function, and turn its answer into a result or an error."""
        answer = self._engine.call(self._worker, function, *arguments)
        if "gone" in answer:
            raise DeviceUnavailableError(f"{self._name}: {answer['gone']}")
        if "failed" in answer:
            raise DeviceError(f"{self._name}: {answer['failed']}")
        return answer["ok"]


@contextlib.contextmanager
def open_lab(lab: Lab, pattern: str, own: Mapping[str, Table]) -> Iterator[Mapping[str, LabDevice]]:
    """Open the members of the lab that `--device lab/PATTERN` means.

    Raises:
        ConfigError: None fits, one is unknown, or Dask is not installed.
        DeviceUnavailableError: The scheduler does not answer.
    """
    members = lab.chosen(pattern)
    for name in members:
        find_profile(name, own)
    with engine_for(lab, members) as engine:
        yield {
            name: LabDevice(name, own, worker or name, engine) for name, worker in members.items()
        }


@contextlib.contextmanager
def engine_for(lab: Lab, members: Mapping[str, str]) -> Iterator[Engine]:
    """Open the engine that a lab asks for."""
    if not lab.scheduler:
        engine = LocalEngine({worker or name for name, worker in members.items()})
        with contextlib.closing(engine):
            yield engine
        return
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError(
            f"the lab at {lab.scheduler} needs Dask: pip install 'mobilespeech-bench[lab]'"
        ) from None
    try:
        client = Client(lab.scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise DeviceUnavailableError(f"no Dask scheduler at {lab.scheduler}: {error}") from error
    with client:
        yield DaskEngine(client)


class LocalEngine:
    """Runs each worker as a process of this computer.

    Args:
        workers: Their names.
    """

    def __init__(self, workers: set[str]) -> None:
        context = get_context("spawn")
        self._pools = {name: ProcessPoolExecutor(1, mp_context=context) for name in workers}

    def call(self, worker: str, function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        """Run a function in a worker's process; see `Engine.call`."""
        try:
            return self._pools[worker].submit(function, *arguments).result()
        except BrokenProcessPool as error:
            raise DeviceUnavailableError(f"the lab's process {worker!r} was lost") from error

    def close(self) -> None:
        """End the processes."""
        for pool in self._pools.values():
            pool.shutdown(cancel_futures=True)


class DaskEngine:
    """Runs functions on Dask's workers.

    Args:
        client: Connected to the scheduler.
    """

    def __init__(self, client: "Client") -> None:
        self._client = client

    def call(self, worker: str, function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        """Run a function on the worker of that name; see `Engine.call`."""
        address = self._address(worker)
        future = self._client.submit(
            function,
            *(self._sent(address, argument) for argument in arguments),
            workers=[address],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )
        try:
            return self._wait(future, worker)
        except (CancelledError, OSError) as error:
            raise DeviceUnavailableError(f"the lab's worker {worker!r} was lost") from error
        finally:
            future.release()

    def _sent(self, address: str, argument: object) -> object:
        """Send a .pte ahead of the call, since it is too large for the description of one."""
        if not isinstance(argument, bytes):
            return argument
        return self._client.scatter(argument, workers=[address], hash=False)

    def _wait(self, future: "Future[Any]", worker: str) -> Any:  # noqa: ANN401
        """Wait for a result as long as the worker is there: Dask itself would wait for another."""
        from distributed import TimeoutError as NotYet
        from distributed.scheduler import KilledWorker

        while True:
            try:
                return future.result(timeout=LOOK_S)
            except NotYet:
                self._address(worker)
            except KilledWorker as error:
                raise DeviceUnavailableError(f"the lab's worker {worker!r} died") from error

    def _address(self, worker: str) -> str:
        """Return where a worker is.

        Raises:
            DeviceUnavailableError: It is not there.
        """
        try:
            there = self._client.scheduler_info(n_workers=-1)["workers"]
        except (OSError, TimeoutError) as error:
            raise DeviceUnavailableError(f"the lab's scheduler does not answer: {error}") from error
        by_name = {str(found["name"]): address for address, found in there.items()}
        if worker not in by_name:
            known = ", ".join(sorted(by_name)) or "none"
            raise DeviceUnavailableError(f"the lab has no worker {worker!r} now; it has: {known}")
        return str(by_name[worker])
