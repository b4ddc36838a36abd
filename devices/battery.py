"""What a phone tells of its battery, from the sources that go on telling the truth.

`dumpsys battery unplug` and `dumpsys battery set` stop Android's battery service from taking new
values until `dumpsys battery reset`: temperature and level stay as they were, the charger's flags
are whatever was set, and the dump says "UPDATES STOPPED". Charging itself goes on. Two sources stay
live meanwhile: the kernel's files in /sys/class/power_supply, which AOSP's rules let the shell read
and some vendors' do not, and the thermal service, where the phone has a sensor of type battery.

Sources: AOSP frameworks/base, services/core/java/com/android/server/BatteryService.java
(`unplugBattery`, `resetBattery`, `update`, `dumpInternal`); AOSP system/sepolicy, private/shell.te
(`sysfs_batteryinfo`); Linux, Documentation/ABI/testing/sysfs-class-power.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from devices.shell import Link, whole_number
from devices.thermal import READ_THERMAL, Thermal, thermal_of

SUPPLIES = "/sys/class/power_supply"
FROM_SUPPLIES, FROM_HAL, FROM_SERVICE = "power_supply", "thermalservice", "dumpsys battery"
READ_SERVICE = "dumpsys battery"
READ_SUPPLIES = (
    f"(cd {SUPPLIES} 2>/dev/null"
    " && grep -H . */type */scope */online */temp */capacity 2>/dev/null)"
)
PLAUSIBLE_C = (-40.0, 120.0)


@dataclass(frozen=True)
class Battery:
    """What a phone tells of its battery; None where no live source tells it.

    Attributes:
        percent: Charge.
        celsius: Temperature.
        source: What told the temperature: "power_supply", "thermalservice" or "dumpsys battery";
            empty where nothing did.
        powered: A charger is connected.
        updates_stopped: Android's battery service shows values that were frozen or set by hand.
    """

    percent: int | None = None
    celsius: float | None = None
    source: str = ""
    powered: bool | None = None
    updates_stopped: bool = False


def read_battery(link: Link) -> Battery:
    """Ask a phone for the state of its battery."""
    command = f"{READ_SERVICE}; echo @thermal; {READ_THERMAL}; echo @supplies; {READ_SUPPLIES}"
    service, _, rest = link.run(command).stdout.partition("\n@thermal\n")
    thermal, _, supplies = rest.partition("\n@supplies\n")
    return battery_of(service, supplies, thermal_of(thermal))


def battery_of(service: str, supplies: str, thermal: Thermal) -> Battery:
    """Read the state of a battery, from live sources alone.

    Args:
        service: Dump of Android's battery service.
        supplies: What `READ_SUPPLIES` printed.
        thermal: What the thermal service told.
    """
    stopped = "UPDATES STOPPED" in service
    shown = "" if stopped else service
    files = files_of(supplies)
    tenths_c = whole_number(r"^ *temperature: (-?\d+)", shown)
    told = {
        FROM_SUPPLIES: temperature_c(files),
        FROM_HAL: thermal.battery_c,
        FROM_SERVICE: None if tenths_c is None else tenths_c / 10,
    }
    source = next((name for name, celsius in told.items() if celsius is not None), "")
    percent = files.get(own_battery(files), {}).get("capacity", "")
    level = int(percent) if re.fullmatch(r"\d{1,3}", percent) else None
    return Battery(
        percent=whole_number(r"^ *level: (\d+)", shown) if level is None else level,
        celsius=told.get(source),
        source=source,
        powered=is_powered(files, shown),
        updates_stopped=stopped,
    )


def files_of(supplies: str) -> Mapping[str, Mapping[str, str]]:
    """Sort the lines "NAME/FILE:VALUE" by supply; those of attached peripherals are left out."""
    files: dict[str, dict[str, str]] = {}
    lines = re.findall(r"^([^/:\n]{1,60})/(\w{1,20}):(.{0,40})$", supplies, re.MULTILINE)
    for supply, file, value in lines:
        files.setdefault(supply, {})[file] = value.strip()
    return {name: told for name, told in files.items() if told.get("scope") != "Device"}


def own_battery(files: Mapping[str, Mapping[str, str]]) -> str:
    """Name the supply that is the phone's battery; empty where none is."""
    batteries = [name for name, told in files.items() if told.get("type") == "Battery"]
    return "battery" if "battery" in batteries else next(iter(batteries), "")


def temperature_c(files: Mapping[str, Mapping[str, str]]) -> float | None:
    """Return the battery's temperature, which the kernel gives in tenths of a degree."""
    tenths_c = files.get(own_battery(files), {}).get("temp", "")
    if not re.fullmatch(r"-?\d{1,5}", tenths_c):
        return None
    celsius = int(tenths_c) / 10
    return celsius if PLAUSIBLE_C[0] <= celsius <= PLAUSIBLE_C[1] else None


def is_powered(files: Mapping[str, Mapping[str, str]], shown: str) -> bool | None:
    """Say whether a charger is connected: by the kernel's files, else by the battery service."""
    online = [told["online"] for told in files.values() if is_charger(told)]
    flags = re.findall(r"(?:AC|USB|Wireless|Dock) powered: (true|false)", shown)
    if not online and not flags:
        return None
    return any(value != "0" for value in online) or "true" in flags


def is_charger(told: Mapping[str, str]) -> bool:
    """Say whether a supply is a charger that tells whether it is connected."""
    return "online" in told and told.get("type") not in (None, "Battery", "UPS")
