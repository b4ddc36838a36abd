"""The kind of device `android`: phones over ADB, measured under discipline."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from devices.base import DeviceInfo, Found, ProcessFacts, Reading, Task
from devices.bundle import Bundle, build_bundle
from devices.conditions import (
    Conditions,
    read_conditions,
    reading_of,
    readings_of,
    slept,
    wait_until_cool,
    worst_status,
)
from devices.cores import canary_ms, fast_cores, has_large_pages, placement, slowed
from devices.discovery import Notify, find, link_to
from devices.load import OTHER_LOAD, TOLERATED_SHARE, busy_share
from devices.profiles import Profile, soc_of
from devices.remote import Launch, end_leftovers
from devices.remote_device import RemoteDevice
from devices.schedule import Schedule
from devices.shell import Link, output_of, printable, whole_number
from devices.state import prepared, restore
from devices.wakefulness import over_network

BASE = "/data/local/tmp/mobilespeech-bench"
EMULATORS = ("goldfish", "ranchu", "cutf_cvm")  # ro.hardware of Android's own


class Android(RemoteDevice):
    """A phone that fits its profile.

    Args:
        profile: The profile.
        link: Reaches the phone.
        properties: What the phone says of itself.
        bundle_for: Gives the runner for an instruction set.
    """

    def __init__(
        self,
        profile: Profile,
        link: Link,
        properties: Mapping[str, str],
        bundle_for: Callable[[str], Bundle] = build_bundle,
    ) -> None:
        super().__init__(profile, link, BASE, bundle_for)
        self._properties = properties
        self._soc = soc_of(properties)

    def info(self) -> DeviceInfo:
        """Describe the phone."""
        said = {key: printable(value, 200) for key, value in self._properties.items()}
        kib = whole_number(r"^MemTotal: +(\d+) kB", output_of(self._link, "cat /proc/meminfo"))
        cores = output_of(self._link, "ls -d /sys/devices/system/cpu/cpu[0-9]*").split()
        maker, model = said.get("ro.product.manufacturer", ""), said.get("ro.product.model", "")
        return DeviceInfo(
            name=self._profile.name,
            kind=self._profile.kind,
            model=f"{maker} {model}".strip(),
            os=f"Android {said.get('ro.build.version.release', 'unknown')}",
            abi=self._profile.abi,
            soc=self._soc.title if self._soc else said.get("ro.soc.model", "unknown"),
            cores=len(cores),
            memory_bytes=(kib or 0) * 1024,
            emulated=is_emulated(said),
            fingerprint=said.get("ro.build.fingerprint", ""),
        )

    def measure(self, job: Task[Found], schedule: Schedule) -> Found:
        """Run one repeat in a fresh process on a cool phone; see `conditions.WARNINGS`."""
        limit_s = self._profile.discipline.run_limit_s
        with self._ready(), tempfile.TemporaryDirectory(prefix="bench-") as folder:
            if is_emulated(self._properties):
                self._run(job, schedule, Path(folder), Launch(0, limit_s))
                warnings, readings = ["EMULATED"], list[Reading]()
            else:
                warnings, readings = self._run_disciplined(job, schedule, Path(folder))
            repeat = job.read(Path(folder))
        return replace(repeat, warnings=(*repeat.warnings, *warnings), readings=tuple(readings))

    def _run_disciplined(
        self, job: Task[ProcessFacts], schedule: Schedule, target: Path
    ) -> tuple[list[str], list[Reading]]:
        """Run one repeat on a phone that is cool, watched and left alone: warnings and readings."""
        link, discipline = self._link, self._profile.discipline
        before, warnings = wait_until_cool(lambda: read_conditions(link), discipline)
        others_busy = busy_share(link)
        placed = placement(link, self._fast_cores())
        cores = placed.mask
        fastest = 1 << (cores.bit_length() - 1) if cores else 0
        with prepared(link, BASE, discipline, frozen=before.updates_stopped) as changed:
            canary_before_ms = canary_ms(link, fastest)
            launch = Launch(cores, discipline.run_limit_s)
            readings, began = [reading_of(before)], datetime.now(UTC)
            noted = self._run(job, schedule, target, launch)
            canary_after_ms = canary_ms(link, fastest)
            after = read_conditions(link)
        if after.updates_stopped:
            after = completed(after, read_conditions(link))
        readings += [*readings_of(noted, began), reading_of(after)]
        pte_bytes = job.pte.stat().st_size
        found = {
            "THROTTLED": max(worst_status(noted), after.thermal_status or 0) > 0,
            "SLOWED": slowed(canary_before_ms, canary_after_ms),
            "CORES_UNKNOWN": not cores and not placed.refused,
            "CORES_REFUSED": placed.refused,
            "LARGE_PAGES": has_large_pages(link),
            "LOW_MEMORY": before.available_bytes is not None
            and before.available_bytes < 2 * pte_bytes,
            "BATTERY_SAVER": after.battery_saver is True,
            "CHARGING": after.powered is True,
            "SCREEN_ON": after.wakefulness.screen_on is True,
            "DOZING": after.wakefulness.dozing is True,
            "MAY_SLEEP": over_network(link.address)
            and (before.wakefulness.may_sleep or after.wakefulness.may_sleep),
            "SLEPT": slept(noted),
            OTHER_LOAD: others_busy is not None and others_busy > TOLERATED_SHARE,
            "DEBUG_SYSTEM": self._properties.get("ro.build.type", "user") != "user",
        }
        named = [*changed, *warnings, *(code for code, true in found.items() if true)]
        return list(dict.fromkeys(named)), readings

    def _fast_cores(self) -> int:
        return fast_cores(self._link, self._soc)

    @property
    def identity(self) -> str:
        """Serial number; of a phone without one, its address."""
        return identity_of(self._properties, self._link.address)

    def _put_right(self) -> None:
        restore(self._link, BASE)
        end_leftovers(self._link, BASE)


def completed(frozen: Conditions, live: Conditions) -> Conditions:
    """Fill in what a phone with a frozen battery service did not tell from what it tells now."""
    if frozen.battery_c is None:
        frozen = replace(frozen, battery_c=live.battery_c, battery_source=live.battery_source)
    return frozen if frozen.powered is not None else replace(frozen, powered=live.powered)


def open_android(profile: Profile, notify: Notify = lambda _: None) -> Android:
    """Find the phone that a profile means.

    Args:
        profile: The profile.
        notify: Called with a sentence when somebody has to do something about the phone.

    Raises:
        DeviceUnavailableError: It is not there, or not authorised.
        ConfigError: Several phones fit.
    """
    found = find(profile, notify)
    return Android(profile, link_to(found.address, notify), found.properties)


def identity_of(properties: Mapping[str, str], address: str) -> str:
    """Return a phone's serial number, or its address where it tells none."""
    return properties.get("ro.serialno") or address


def is_emulated(properties: Mapping[str, str]) -> bool:
    """Say whether a phone is none: its times mean nothing."""
    qemu = properties.get("ro.kernel.qemu") == "1" or properties.get("ro.boot.qemu") == "1"
    return qemu or properties.get("ro.hardware", "") in EMULATORS
