"""The kind of device `linux`: boards over SSH, with the same runner as phones."""

import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from devices.base import DeviceInfo, Found, Task
from devices.bundle import TARGETS, Bundle, build_bundle
from devices.conditions import Conditions, read_conditions
from devices.cores import canary_ms, fast_cores, has_large_pages, placement, slowed
from devices.profiles import Profile
from devices.remote import Launch, end_leftovers
from devices.remote_device import RemoteDevice
from devices.schedule import Schedule
from devices.shell import Link, output_of, printable
from devices.ssh import SshLink
from model.errors import ConfigError, DeviceUnavailableError

FOLDER = ".cache/mobilespeech-bench/device"
ASK = """
. /etc/os-release; echo "os=$PRETTY_NAME"
echo "kernel=$(uname -r)"
echo "cores=$(getconf _NPROCESSORS_ONLN)"
echo "model=$(tr -d '\\0' </proc/device-tree/model 2>/dev/null || uname -n)"
grep -m 1 MemTotal /proc/meminfo
"""


class Linux(RemoteDevice):
    """A board that fits its profile; its charging and clocks are its owner's business.

    Args:
        profile: The profile.
        link: Reaches the board.
        bundle_for: Gives the runner for an instruction set.

    Raises:
        DeviceUnavailableError: The board is not there, or has another instruction set.
    """

    def __init__(
        self,
        profile: Profile,
        link: Link,
        bundle_for: Callable[[str], Bundle] = build_bundle,
    ) -> None:
        machine, home = output_of(link, "uname -m; pwd").splitlines()[:2]
        if profile.abi not in TARGETS or TARGETS[profile.abi].machine != machine:
            raise DeviceUnavailableError(
                f"{link.address} is no {profile.abi} but {printable(machine, 40)}: say so as abi in"
                f" bench.toml [devices.{profile.name}]"
            )
        super().__init__(profile, link, f"{home}/{FOLDER}", bundle_for)

    def info(self) -> DeviceInfo:
        """Describe the board."""
        said = dict(re.findall(r"^(\w+)[=:] *(.*)$", output_of(self._link, ASK), re.MULTILINE))
        memory = said.get("MemTotal", "0").split()[0]
        return DeviceInfo(
            name=self._profile.name,
            kind=self._profile.kind,
            model=printable(said.get("model", "unknown"), 200),
            os=printable(said.get("os", "Linux"), 200),
            abi=self._profile.abi,
            soc=printable(said.get("model", "unknown"), 200),
            cores=int(said["cores"]) if said.get("cores", "").isdigit() else 0,
            memory_bytes=int(memory) * 1024 if memory.isdigit() else 0,
            fingerprint=printable(said.get("kernel", ""), 200),
        )

    def conditions(self) -> Conditions:
        """Ask the board for its state, as far as it has what phones tell."""
        return read_conditions(self._link)

    def measure(self, job: Task[Found], schedule: Schedule) -> Found:
        """Run one repeat in a fresh process."""
        with self._ready(), tempfile.TemporaryDirectory(prefix="bench-") as folder:
            placed = placement(self._link, self._fast_cores())
            cores = placed.mask
            fastest = 1 << (cores.bit_length() - 1) if cores else 0
            before_ms = canary_ms(self._link, fastest)
            self._run(
                job, schedule, Path(folder), Launch(cores, self._profile.discipline.run_limit_s)
            )
            after_ms = canary_ms(self._link, fastest)
            repeat = job.read(Path(folder))
        warnings = {
            "SLOWED": slowed(before_ms, after_ms),
            "CORES_UNKNOWN": not cores and not placed.refused,
            "CORES_REFUSED": placed.refused,
            "LARGE_PAGES": has_large_pages(self._link),
        }
        said = (code for code, true in warnings.items() if true)
        return replace(repeat, warnings=(*repeat.warnings, *said))

    def _fast_cores(self) -> int:
        return fast_cores(self._link)

    @property
    def identity(self) -> str:
        """Its address."""
        return self._link.address

    def _put_right(self) -> None:
        end_leftovers(self._link, self.store.base)


def open_linux(profile: Profile) -> Linux:
    """Connect to the board that a profile means.

    Raises:
        ConfigError: The profile has no address.
        DeviceUnavailableError: The board is not there, or does not let us in.
    """
    if not profile.address:
        raise ConfigError(f"bench.toml [devices.{profile.name}] needs an address: USER@HOST:PORT")
    return Linux(profile, SshLink(profile.address))
