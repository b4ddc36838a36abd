"""What a phone tells of its battery, from sources that are not frozen.

`dumpsys battery unplug` and `dumpsys battery set` stop Android's battery service from taking new
values until `dumpsys battery reset`: temperature and level stay as they were, the charger's flags
are whatever was set, and the dump says "UPDATES STOPPED". Charging itself goes on. Two sources stay
live meanwhile: the kernel's files in /sys/class/power_supply, which AOSP's rules let the shell read
and some vendors' do not, and the thermal service, where the phone has a sensor of type battery.

The battery service shows what the health HAL reported last: at each change that the kernel
announces, else every minute with a charger, and every 10 minutes without one. Its temperature may
be that old.

Sources: AOSP frameworks/base, services/core/java/com/android/server/BatteryService.java
(`unplugBattery`, `resetBattery`, `update`, `dumpInternal`); AOSP system/core,
healthd/BatteryMonitor.cpp (`updateValues`, `readPowerSupplyType`); AOSP hardware/interfaces,
health/utils/libhealthloop/utils.cpp (the intervals); AOSP system/sepolicy, private/shell.te
(`sysfs_batteryinfo`); Linux, Documentation/ABI/testing/sysfs-class-power.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from devices.shell import Link, whole_number
from devices.thermal import READ_THERMAL, Thermal, is_plausible, thermal_of

SUPPLIES = "/sys/class/power_supply"
FROM_SUPPLIES, FROM_HAL, FROM_SERVICE = "power_supply", "thermalservice", "dumpsys battery"
READ_SERVICE = "dumpsys battery"
READ_SUPPLIES = (
    f"(cd {SUPPLIES} 2>/dev/null"
    " && grep -H . */type */scope */online */temp */capacity 2>/dev/null)"
)
CHARGERS = ("Mains", "Wireless", "UPS", "Dock")  # beside all types that begin with "USB"


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
    about_battery = "" if re.search(r"^ *present: false", shown, re.MULTILINE) else shown
    files = files_of(supplies)
    told = {
        FROM_SUPPLIES: temperature_c(files.get(own_battery(files), {}).get("temp", "")),
        FROM_HAL: thermal.battery_c,
        FROM_SERVICE: temperature_c(value_of("temperature", about_battery)),
    }
    source = next((name for name, celsius in told.items() if celsius is not None), "")
    level = percentage(files.get(own_battery(files), {}).get("capacity", ""))
    return Battery(
        percent=percentage(value_of("level", about_battery)) if level is None else level,
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


def value_of(key: str, shown: str) -> str:
    """Return what the battery service shows for a key; empty where it shows nothing."""
    found = re.search(rf"^ *{key}: (\S{{1,20}})$", shown, re.MULTILINE)
    return found.group(1) if found else ""


def percentage(told: str) -> int | None:
    """Read a battery's charge; what is no number from 0 to 100 counts as not told."""
    percent = whole_number(r"\A(\d+)\Z", told)
    return percent if percent is not None and percent <= 100 else None


def temperature_c(tenths_c: str) -> float | None:
    """Read a battery's temperature, which kernel and service give in tenths of a degree."""
    if not re.fullmatch(r"-?\d{1,5}", tenths_c):
        return None
    celsius = int(tenths_c) / 10
    return celsius if is_plausible(celsius) else None


def is_powered(files: Mapping[str, Mapping[str, str]], shown: str) -> bool | None:
    """Say whether a charger is connected: by the kernel's files, else by the battery service."""
    online = [told["online"] for told in files.values() if is_charger(told)]
    flags = re.findall(r"(?:AC|USB|Wireless|Dock) powered: (true|false)", shown)
    if not online and not flags:
        return None
    return any(value != "0" for value in online) or "true" in flags


def is_charger(told: Mapping[str, str]) -> bool:
    """Say whether a supply is a charger that tells whether it is connected.

    As the health HAL does, this leaves out supplies of other types: charging chips and ports, whose
    `online` may mean something else. Samsung's max77705-charger, of type "Unknown", says 1 where no
    cable is there (SEC_BATTERY_CABLE_NONE).
    """
    kind = told.get("type", "")
    return "online" in told and (kind in CHARGERS or kind.startswith("USB"))
