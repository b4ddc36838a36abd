"""The kind `host-native`: the native runner on this machine, a phone's program without a phone."""

import platform
import subprocess
import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from devices.base import DeviceInfo, Found, OperatorTime, ProcessFacts, Task
from devices.bundle import TARGETS, build_bundle
from devices.host import host_info
from devices.load import LoadWatch
from devices.profiling import read_profile
from devices.runner_call import check_outcome, runner_arguments
from devices.schedule import Schedule
from model.errors import DeviceError


class HostNative:
    """Runs the native runner here, a fresh process per repeat.

    Args:
        name: Of the profile.
        time_limit_s: After which a repeat is given up.
        slower_percent: What the runner adds to each synthesis, to see whether comparisons find it.
    """

    def __init__(
        self, name: str = "host-native", time_limit_s: float = 600.0, slower_percent: int = 0
    ) -> None:
        self.name = name
        self.time_limit_s = time_limit_s
        self.slower_percent = slower_percent

    def claim(self) -> AbstractContextManager[None]:
        """Keep nobody away: other programs on this machine are named by `OTHER_LOAD`."""
        return nullcontext()

    def info(self) -> DeviceInfo:
        """Describe this machine."""
        return host_info(self.name, "host-native")

    def measure(self, job: Task[Found], schedule: Schedule) -> Found:
        """Run one repeat in a fresh process.

        Raises:
            DeviceError: The runner cannot be built, fails, crashes, hangs or reports nonsense.
        """
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            with LoadWatch() as watch:
                self.run(job, schedule, Path(folder), profile=False)
            repeat = job.read(Path(folder))
        return replace(repeat, warnings=(*repeat.warnings, *watch.warnings()))

    def profile(self, job: Task[ProcessFacts], schedule: Schedule) -> tuple[OperatorTime, ...]:
        """Trace the operators of one iteration, in a process of its own.

        Raises:
            DeviceError: As `measure`.
        """
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            self.run(job, schedule, Path(folder), profile=True)
            return read_profile(Path(folder))

    def run(
        self, job: Task[ProcessFacts], schedule: Schedule, folder: Path, *, profile: bool
    ) -> None:
        """Run the runner on a job, with request and results in a folder."""
        bundle = build_bundle(host_abi())
        request = job.write(folder)["request.txt"]
        arguments = runner_arguments(job.pte.resolve(), request, folder, schedule, profile=profile)
        arguments += ["--slower-percent", str(self.slower_percent)]
        try:
            done = subprocess.run(
                [*bundle.command, *arguments],
                cwd=bundle.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self.time_limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DeviceError(
                f"the runner did not finish within {self.time_limit_s:.0f} s and was stopped"
            ) from None
        check_outcome(done.returncode, done.stdout, done.stderr)


def host_abi() -> str:
    """Return this machine's instruction set, as Android spells it.

    Raises:
        DeviceError: There is no runner for it.
    """
    for abi, target in TARGETS.items():
        if target.machine == platform.machine():
            return abi
    raise DeviceError(f"there is no native runner for {platform.machine()} processors")
