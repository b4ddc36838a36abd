"""What Android's thermal service tells, and whether anything measured is behind it.

Source: AOSP frameworks/base, services/core/java/com/android/server/power/ThermalManagerService.java
(in `power/thermal/` since Android 16). Its status starts as 0, "none", and stays 0 where no thermal
HAL answers; `HAL Ready` in its dump tells the two apart. "Cached temperatures" change only when a
sensor's throttling changes; "Current temperatures from HAL" are read at each dump.
"""

import re
from dataclasses import dataclass

from devices.shell import Link, whole_number

READ_THERMAL = "dumpsys thermalservice"
# The lines of it that `thermal_of` reads.
THERMAL_LINES = (
    "IsStatusOverride:|Thermal Status:|HAL Ready:|Current temperatures from HAL:"
    "|Current cooling devices from HAL:|Temperature[{].*mType=2,"
)
LIVE = re.compile(r"Current temperatures from HAL:(.*?)(?:Current cooling devices|\Z)", re.DOTALL)
# Type 2 is a battery: AOSP frameworks/base, core/java/android/os/Temperature.java.
BATTERY = re.compile(r"Temperature\{mValue=(-?\d{1,3}(?:\.\d{1,9})?), mType=2,")


@dataclass(frozen=True)
class Thermal:
    """What the thermal service tells; None where it does not tell.

    Attributes:
        status: 0 none, 1 light, 2 moderate, 3 severe, up to 6; None without a thermal HAL, whose
            absence the service shows as 0.
        hal_ready: A thermal HAL answers the service.
        override: The status is one that `cmd thermalservice override-status` has set.
        battery_c: Temperature of the battery, read from the HAL at the time of the dump.
    """

    status: int | None = None
    hal_ready: bool | None = None
    override: bool = False
    battery_c: float | None = None


def read_thermal(link: Link) -> Thermal:
    """Ask a phone's thermal service."""
    return thermal_of(link.run(READ_THERMAL).stdout)


def thermal_of(dump: str) -> Thermal:
    """Read a dump of the thermal service, or its lines that match `THERMAL_LINES`."""
    said = re.search(r"^HAL Ready: (true|false)", dump, re.MULTILINE)
    hal_ready = said.group(1) == "true" if said else None
    live = LIVE.search(dump)
    batteries = BATTERY.findall(live.group(1)) if live else []
    return Thermal(
        status=whole_number(r"^Thermal Status: (\d+)", dump) if hal_ready else None,
        hal_ready=hal_ready,
        override="IsStatusOverride: true" in dump,
        battery_c=max(map(float, batteries), default=None),
    )
