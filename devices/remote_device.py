"""What devices that a `Link` reaches have in common: a folder of ours, a runner, one user."""

import contextlib
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from devices.base import OperatorTime, ProcessFacts, Task
from devices.bundle import Bundle
from devices.claim import claimed
from devices.cores import placement
from devices.profiles import Profile
from devices.profiling import read_profile
from devices.remote import Launch
from devices.runners import runner_for
from devices.schedule import Schedule
from devices.shell import Link
from devices.store import Store


class RemoteDevice(ABC):
    """A device at the other end of a link; kinds of it say how they are claimed and measured.

    Args:
        profile: What the device is.
        link: Reaches it.
        base: Its folder of ours.
        bundle_for: Gives the runner for an instruction set.
    """

    def __init__(
        self, profile: Profile, link: Link, base: str, bundle_for: Callable[[str], Bundle]
    ) -> None:
        self.store = Store(link, base)
        self._profile = profile
        self._link = link
        self._is_claimed = False
        self._runner = runner_for(profile, link, self.store, lambda: bundle_for(profile.abi))

    @property
    @abstractmethod
    def identity(self) -> str:
        """Tells the device from all others, however it is reached."""

    @abstractmethod
    def _put_right(self) -> None:
        """Undo what runs that were cut off have left on it."""

    @abstractmethod
    def _fast_cores(self) -> int:
        """Mask of the cores to measure on; 0 where they are not known."""

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Keep other runs of this computer away from the device until the block ends."""
        if self._is_claimed:
            yield
            return
        with claimed(self.identity, self._link.address):
            self._is_claimed = True
            try:
                yield
            finally:
                self._is_claimed = False

    @contextlib.contextmanager
    def _ready(self) -> Iterator[None]:
        """Claim the device, unless that is done already, and put it right."""
        with self.claim():
            self._put_right()
            yield

    def profile(self, job: Task[ProcessFacts], schedule: Schedule) -> tuple[OperatorTime, ...]:
        """Trace the operators of one iteration, in a process of its own."""
        with self._ready(), tempfile.TemporaryDirectory(prefix="bench-") as folder:
            cores = placement(self._link, self._fast_cores()).mask
            launch = Launch(cores, self._profile.discipline.run_limit_s, profile=True)
            self._run(job, schedule, Path(folder), launch)
            return read_profile(Path(folder))

    def clean(self) -> int | None:
        """Put the device right, remove everything of ours, and return the bytes freed if told."""
        with self._ready():
            freed_bytes = self.store.used_bytes()
            self.store.clean()
        return freed_bytes

    def _run(
        self, job: Task[ProcessFacts], schedule: Schedule, target: Path, launch: Launch
    ) -> str:
        """Run one process with the profile's threads, unless others are asked for: its notes."""
        if schedule.threads == 0:
            schedule = replace(schedule, threads=self._profile.threads)
        return self._runner.run(job, schedule, launch, target)
