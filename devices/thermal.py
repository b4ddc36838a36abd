"""What Android's thermal service tells, and whether anything measured is behind it.

Source: AOSP frameworks/base, services/core/java/com/android/server/power/ThermalManagerService.java
(in `power/thermal/` since Android 16). Its status is the highest throttling status of the sensors
of type skin (`onTemperatureMapChangedLocked`). It starts as 0, "none", and stays 0 in three cases
that tell nothing about throttling:

- No thermal HAL answers: "HAL Ready: false".
- The HAL has version 1.0, which reports no throttling (`ThermalHal10Wrapper`).
- The HAL has no sensor of type skin.

"Cached temperatures" change only when a sensor's throttling changes; "Current temperatures from
HAL" are read at each dump.
"""

import re
from dataclasses import dataclass

from devices.shell import Link, whole_number

READ_THERMAL = "dumpsys thermalservice"
# The lines of it that `thermal_of` reads.
THERMAL_LINES = (
    "IsStatusOverride:|Thermal Status:|HAL Ready:|ThermalHAL 1.0 connected:"
    "|Current temperatures from HAL:|Current cooling devices from HAL:|Temperature[{].*mType=[23],"
)
LIVE = re.compile(r"Current temperatures from HAL:(.*?)(?:Current cooling devices|\Z)", re.DOTALL)
# Type 2 is a battery, 3 the skin: AOSP frameworks/base, core/java/android/os/Temperature.java.
BATTERY = re.compile(r"Temperature\{mValue=(-?\d{1,3}(?:\.\d{1,9})?), mType=2,")
SKIN = re.compile(r"Temperature\{mValue=[^,\n]{1,30}, mType=3,")
WITHOUT_STATUS = re.compile(r"^\s*ThermalHAL 1\.0 connected: yes", re.MULTILINE)
PLAUSIBLE_C = (-40.0, 120.0)


@dataclass(frozen=True)
class Thermal:
    """What the thermal service tells; None where it does not tell.

    Attributes:
        status: 0 none, 1 light, 2 moderate, 3 severe, up to 6; None where the service shows 0
            and nothing measured is behind it.
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
    temperatures = live.group(1) if live else ""
    batteries = filter(is_plausible, map(float, BATTERY.findall(temperatures)))
    measured = SKIN.search(temperatures) is not None and WITHOUT_STATUS.search(dump) is None
    # 0 to 6: AOSP frameworks/base, core/java/android/os/Temperature.java, THROTTLING_*.
    status = whole_number(r"^Thermal Status: ([0-6])$", dump) if hal_ready else None
    return Thermal(
        status=status if measured or status else None,
        hal_ready=hal_ready,
        override="IsStatusOverride: true" in dump,
        battery_c=max(batteries, default=None),
    )


def is_plausible(celsius: float) -> bool:
    """Say whether a temperature can be one of a battery.

    Exactly 0 is what sources print for a sensor that they cannot read: the health HAL by default
    (AOSP system/core, healthd/BatteryMonitor.cpp, `updateValues`), thermal HALs for batteries that
    a model lacks (Galaxy S22, as printed in pytorch/executorch pull request 11301: "mValue=0.0,
    mType=2, mName=SUBBAT").
    """
    return PLAUSIBLE_C[0] <= celsius <= PLAUSIBLE_C[1] and celsius != 0.0
