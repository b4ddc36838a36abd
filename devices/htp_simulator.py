"""The device `htp-simulator`: Qualcomm's simulator of the HTP, on this machine.

It tells what a Snapdragon's NPU would compute, never how fast: its times are those of a simulator.
"""

import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from devices.base import DeviceInfo, Found, OperatorTime, ProcessFacts, Task
from devices.host import host_info, run_child
from devices.schedule import Schedule
from lowering.qnn.sdk import find_sdk, unavailable
from model.errors import DeviceError, DeviceUnavailableError

TIME_LIMIT_S = 3600.0  # `base` takes minutes per sentence


class HtpSimulator:
    """Runs each repeat in a fresh child process."""

    def claim(self) -> AbstractContextManager[None]:
        """Keep nobody away: nothing is timed."""
        return nullcontext()

    def info(self) -> DeviceInfo:
        """Describe the simulator; what it runs on is its model.

        Raises:
            DeviceUnavailableError: Qualcomm's libraries are not here.
        """
        reason = unavailable()
        found = find_sdk()
        if reason or found is None:
            raise DeviceUnavailableError(f"no HTP simulator: {reason}")
        here = host_info("htp-simulator", "htp-simulator")
        return replace(here, soc=f"HTP simulator of {found.name}", emulated=True)

    def measure(self, job: Task[Found], schedule: Schedule) -> Found:
        """Run one repeat in a fresh process."""
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            run_child(
                job, folder, schedule, module="devices.htp_simulator_child", limit_s=TIME_LIMIT_S
            )
            return job.read(folder)

    def profile(self, job: Task[ProcessFacts], schedule: Schedule) -> tuple[OperatorTime, ...]:
        """Refuse: cycles of a simulator would be taken for times.

        Raises:
            DeviceError: Always.
        """
        raise DeviceError("the HTP simulator times no operators: profile on a phone")
