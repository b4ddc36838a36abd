"""One run of many devices: every member of a lab measures the same plan at the same time."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock
from typing import Any

from bench.pipeline import (
    Plan,
    failure,
    header_of,
    lower_pairs,
    measure_rounds,
    open_journal,
    prepare_references,
    profile_pairs,
)
from bench.progress import Progress, Show
from bench.results import Header, Outcome, Run
from bench.rows import assemble
from bench.stores.journal import Entry, Journal
from bench.stores.store import Place, open_store
from devices.base import Device, DeviceInfo
from lowering.artifact import Artifact
from model.errors import DeviceUnavailableError


class SharedJournal:
    """A journal that several threads write.

    Args:
        journal: Theirs.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = Lock()

    @property
    def run(self) -> str:
        """Name of the run."""
        return self._journal.run

    @property
    def files(self) -> Path:
        """Folder of the run's own files."""
        return self._journal.files

    def append(self, kind: str, entry: Mapping[str, Any]) -> None:
        """Add one entry."""
        with self._lock:
            self._journal.append(kind, entry)

    def entries(self) -> list[Entry]:
        """Read all entries."""
        with self._lock:
            return self._journal.entries()

    def close(self) -> None:
        """Let other processes write it."""
        self._journal.close()


def run_lab(
    plan: Plan,
    excluded: Mapping[str, Mapping[str, str]],
    devices: Mapping[str, Device],
    results: Place,
    show: Show,
    *,
    resume: str | None = None,
) -> Run:
    """Measure a plan on every member of a lab at once, and gather it in one run.

    A member that cannot be reached, or is lost, ends as rows that say so; the others go on.

    Args:
        plan: What to measure.
        excluded: Per member, the backends that do not apply to it, with the reason.
        devices: The members.
        results: Where runs are kept.
        show: Is told of progress.
        resume: As `bench.pipeline.run` takes it.
    """
    plans = {name: replace(plan, member=name, excluded=excluded[name]) for name in devices}
    found = describe(devices)
    store = open_store(results)
    header = lab_header(plan, list(plans.values()), found)
    with open_journal(store, plan, header, resume=resume) as alone:
        journal = SharedJournal(alone)
        prepare_references(plan, show)
        artifacts = lower_pairs(plan, journal, show)
        with threads(len(devices)) as (pool, stopped):

            def show_unless_stopped(progress: Progress) -> None:
                if stopped.is_set():
                    raise InterruptedError("another member failed, or Ctrl-C was pressed")
                show(progress)

            steps = [
                pool.submit(
                    measure_member, member, devices[name], artifacts, journal, show_unless_stopped
                )
                for name, member in plans.items()
            ]
            for step in as_completed(steps):
                step.result()
        finished = assemble(journal.entries())
        store.finish(alone, finished)
    return finished


@contextlib.contextmanager
def threads(count: int) -> Iterator[tuple[ThreadPoolExecutor, Event]]:
    """Give threads, and an event that tells them to stop since nobody waits for them any more."""
    stopped = Event()
    with ThreadPoolExecutor(max_workers=count) as pool:
        try:
            yield pool, stopped
        except BaseException:
            stopped.set()
            raise


def describe(devices: Mapping[str, Device]) -> dict[str, DeviceInfo]:
    """Ask every member what it is; those that are not there are left out.

    Raises:
        DeviceUnavailableError: None is there.
    """

    def ask(device: Device) -> DeviceInfo | str:
        try:
            return device.info()
        except DeviceUnavailableError as error:
            return str(error)

    with ThreadPoolExecutor(max_workers=len(devices)) as pool:
        answers = dict(zip(devices, pool.map(ask, devices.values()), strict=True))
    found = {name: said for name, said in answers.items() if isinstance(said, DeviceInfo)}
    if not found:
        why = "; ".join(map(str, answers.values()))
        raise DeviceUnavailableError(f"no member of the lab is there: {why}")
    return found


def lab_header(plan: Plan, plans: Sequence[Plan], found: Mapping[str, DeviceInfo]) -> Header:
    """Write down the conditions of a lab's run; what its members say of themselves goes with it."""
    lab = DeviceInfo(
        name="lab",
        kind="lab",
        model=", ".join(sorted({info.model for info in found.values()})),
        os=", ".join(sorted({info.os for info in found.values()})),
        abi=", ".join(sorted({info.abi for info in found.values()})),
        soc=", ".join(sorted({info.soc for info in found.values()})),
        cores=max(info.cores for info in found.values()),
        memory_bytes=min(info.memory_bytes for info in found.values()),
        emulated=any(info.emulated for info in found.values()),
    )
    cases = tuple(case for member in plans for case in member.cases())
    return replace(header_of(plan, lab), cases=cases, members=dict(found))


def measure_member(
    plan: Plan,
    device: Device,
    artifacts: Mapping[tuple[str, str], Artifact],
    journal: Journal,
    show: Show,
) -> None:
    """Measure and profile everything that applies to one member; what does not is a reason."""
    for case in plan.cases():
        if case.backend in plan.excluded:
            reason = plan.excluded[case.backend]
            journal.append("failure", failure(case, Outcome.SKIPPED, reason))
    applying = {pair: found for pair, found in artifacts.items() if pair[1] not in plan.excluded}

    def show_member(progress: Progress) -> None:
        show(replace(progress, detail=f"{plan.member}: {progress.detail}"))

    try:
        with device.claim():
            measure_rounds(plan, device, applying, journal, show_member)
            profile_pairs(plan, device, applying, journal, show_member)
    except DeviceUnavailableError as error:
        for case in plan.cases():
            if (case.scheme, case.backend) in applying:
                journal.append("failure", failure(case, Outcome.LOST, str(error)))
