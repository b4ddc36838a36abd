"""Whether a phone is awake, and whether anything keeps it so while it is measured.

A phone whose screen is off and on which nobody holds a wake lock may suspend: its processors stop
until something wakes it. A cable usually prevents that; ADB over Wi-Fi does not.

The power service tells whether it keeps the phone from suspending: it holds one suspend blocker
while a wake lock counts that keeps the processors on (partial ones that are not disabled, and those
of programs that draw while the screen dozes), another while the display needs them. Wake locks that
native services hold in the kernel are in neither.

Sources: AOSP frameworks/base, services/core/java/com/android/server/power/PowerManagerService.java
(`dumpInternal`, `adjustWakeLockSummary`, `updateSuspendBlockerLocked`) and
apex/jobscheduler/service/java/com/android/server/DeviceIdleController.java (`get deep`, `get
light`, `lightStateToString`).
"""

import re
from dataclasses import dataclass

READ_WAKEFULNESS = (
    "dumpsys power | grep -E"
    " 'mWakefulness=|mHolding(WakeLock|Display)SuspendBlocker=|Battery Saver is currently:';"
    " echo deep=$(dumpsys deviceidle get deep); echo light=$(dumpsys deviceidle get light)"
)
# The last one is light doze that would end for maintenance if there were a network.
IDLE = ("IDLE", "IDLE_MAINTENANCE", "WAITING_FOR_NETWORK")

# AOSP frameworks/base, core/java/android/os/PowerManagerInternal.java, wakefulnessToString.
SCREEN_ON = {"Awake": True, "Dreaming": True, "Asleep": False, "Dozing": False}


@dataclass(frozen=True)
class Wakefulness:
    """Whether a phone is awake; None where it does not tell.

    Attributes:
        screen_on: Its screen is on.
        dozing: It is in doze, deep or light.
        wake_lock: A wake lock, or the display, keeps its processors on.
    """

    screen_on: bool | None = None
    dozing: bool | None = None
    wake_lock: bool | None = None

    @property
    def may_sleep(self) -> bool:
        """Whether the phone may suspend, as far as it tells."""
        return self.screen_on is False and self.wake_lock is False


def wakefulness_of(text: str) -> Wakefulness:
    """Read what `READ_WAKEFULNESS` printed."""
    state = re.search(r"^ *mWakefulness=(\w{1,20})", text, re.MULTILINE)
    idle = re.findall(r"^(?:deep|light)=([A-Z_]{1,30})$", text, re.MULTILINE)
    held = re.findall(r"^ *mHolding\w{1,20}SuspendBlocker=(true|false)", text, re.MULTILINE)
    return Wakefulness(
        screen_on=SCREEN_ON.get(state.group(1)) if state else None,
        dozing=any(name in IDLE for name in idle) if idle else None,
        wake_lock="true" in held if held else None,
    )


def saves_battery(text: str) -> bool | None:
    """Read from what `READ_WAKEFULNESS` printed whether battery saver is on; None if not told.

    Source: AOSP frameworks/base, services/core/java/com/android/server/power/batterysaver/
    BatterySavingStats.java (`dump`): OFF, ON or ADAPTIVE.
    """
    found = re.search(r"^ *Battery Saver is currently: ([A-Z]{1,20})$", text, re.MULTILINE)
    return found.group(1) != "OFF" if found else None


def over_network(address: str) -> bool:
    """Say whether a phone's address, or its name at an adb server, is one on a network."""
    serial = address.removeprefix("server:")
    return not address.startswith("usb:") and (":" in serial or "._adb-tls-" in serial)
