"""Whether a phone is fit to be measured: its temperature, battery, clocks and memory.

The commands are those of Android 10 to 16 as documented and as other harnesses use them. What a
phone does not tell stays unknown; nothing is assumed.
"""

import re
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from devices.base import Reading
from devices.shell import Link

COMPOSED = "COMPOSED"
# Named doubts about a repeat, with what to do about each.
WARNINGS: Mapping[str, str] = MappingProxyType(
    {
        COMPOSED: "composed of methods timed one by one at their largest shapes, without sampling",
        "EMULATED": "an emulator ran this: results may be compared, times mean nothing",
        "HOT": "started above the temperature ceiling: cool the phone, or raise the ceiling",
        "THROTTLED": "the thermal status rose while measuring: cool the phone, measure again",
        "SLOWED": "a fixed workload took over 1.10 times as long afterwards: the phone slowed down",
        "THERMAL_UNKNOWN": "the phone tells no thermal status; trust the fixed workload instead",
        "THERMAL_OVERRIDE": "the thermal status is overridden: cmd thermalservice reset",
        "LOW_BATTERY": "below 25 %: phones slow down; charge it first",
        "CHARGING": "charging went on and heats the phone: unplug it, measure over Wi-Fi",
        "CLOCKS_PINNED": "fixed-performance mode was on: compare only with runs that had it too",
        "CLOCKS_NOT_PINNED": "fixed-performance mode was asked for and changed no clock",
        "CORES_UNKNOWN": "the phone tells no core speeds: the runner ran on whichever cores",
        "LOW_MEMORY": "less than twice the model was free: close apps, or restart the phone",
        "DEBUG_SYSTEM": "not a user build of Android: its speed is not that of phones in the shops",
    }
)
LOW_BATTERY_PERCENT = 25
CLOCKS = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_max_freq"
READ_CONDITIONS = f"""
echo '@thermal'; dumpsys thermalservice
echo '@battery'; dumpsys battery
echo '@clocks'; cat {CLOCKS}
echo '@memory'; cat /proc/meminfo
true
"""


@dataclass(frozen=True)
class Discipline:
    """How a phone is treated while it is measured.

    Attributes:
        max_battery_c: Ceiling of the battery's temperature when a repeat starts.
        wait_s: How long to wait for that.
        poll_s: How often to look.
        stop_charging: Stop it while measuring.
        pin_clocks: Switch fixed-performance mode on; for comparing two models on one phone, not
            for telling how fast the phone is.
        run_limit_s: How long one process of the runner may take.
    """

    max_battery_c: float = 37.0
    wait_s: float = 1800.0
    poll_s: float = 15.0
    stop_charging: bool = True
    pin_clocks: bool = False
    run_limit_s: float = 1200.0


@dataclass(frozen=True)
class Conditions:
    """What a phone tells about its state; None where it does not tell.

    Attributes:
        thermal_status: Android's: 0 none, 1 light, 2 moderate, 3 severe, up to 6.
        thermal_override: Somebody fakes the thermal status.
        battery_percent: Charge.
        battery_c: Temperature.
        powered: It is connected to a charger, as far as Android acts on it.
        max_clocks_khz: Highest clock that each core may take now.
        available_bytes: Memory that a program may take.
    """

    thermal_status: int | None = None
    thermal_override: bool = False
    battery_percent: int | None = None
    battery_c: float | None = None
    powered: bool | None = None
    max_clocks_khz: tuple[int, ...] = ()
    available_bytes: int | None = None

    @property
    def known(self) -> bool:
        """Whether it can be told if the phone is cool."""
        return self.thermal_status is not None or self.battery_c is not None


def read_conditions(link: Link) -> Conditions:
    """Ask a phone for its state."""
    output = link.run(READ_CONDITIONS).stdout
    parts = re.split(r"^@(\w+)$", output, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    thermal, battery = sections.get("thermal", ""), sections.get("battery", "")
    powered = re.findall(r"(?:AC|USB|Wireless|Dock) powered: (true|false)", battery)
    tenths_c = number(r"^ *temperature: (-?\d+)", battery)
    kib = number(r"^MemAvailable: +(\d+) kB", sections.get("memory", ""))
    return Conditions(
        thermal_status=number(r"Thermal Status: (\d+)", thermal),
        thermal_override="IsStatusOverride: true" in thermal,
        battery_percent=number(r"^ *level: (\d+)", battery),
        battery_c=None if tenths_c is None else tenths_c / 10,
        powered="true" in powered if powered else None,
        max_clocks_khz=clocks_of(sections.get("clocks", "")),
        available_bytes=None if kib is None else kib * 1024,
    )


def number(pattern: str, text: str) -> int | None:
    """Return the whole number that a pattern's group finds."""
    found = re.search(pattern, text, re.MULTILINE)
    return int(found.group(1)[:18]) if found else None


def wait_until_cool(
    read: Callable[[], Conditions],
    discipline: Discipline,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Conditions, Sequence[str]]:
    """Wait until a phone is cool and not throttled.

    Returns:
        Its state then, and the doubts that remain.
    """
    waited_s = 0.0
    conditions = read()
    while is_hot(conditions, discipline) and waited_s < discipline.wait_s:
        sleep(discipline.poll_s)
        waited_s += discipline.poll_s
        conditions = read()
    doubts = {
        "HOT": is_hot(conditions, discipline),
        "THERMAL_UNKNOWN": not conditions.known,
        "THERMAL_OVERRIDE": conditions.thermal_override,
        "LOW_BATTERY": conditions.battery_percent is not None
        and conditions.battery_percent < LOW_BATTERY_PERCENT,
    }
    return conditions, [code for code, true in doubts.items() if true]


def is_hot(conditions: Conditions, discipline: Discipline) -> bool:
    """Say whether a phone is known to be too warm to measure."""
    throttled = (conditions.thermal_status or 0) > 0
    return throttled or (conditions.battery_c or 0.0) > discipline.max_battery_c


def watching(path: str) -> str:
    """Return shell that notes state and time while its own process, or what it becomes, lives.

    It runs on the phone, so that a link with room for one command at a time will do. What it notes
    is read by `readings_of` and `worst_status`.
    """
    note = f"date +@%s; dumpsys thermalservice | grep -m 1 'Thermal Status'; cat {CLOCKS}"
    loop = f"while kill -0 $1; do {note}; sleep 5; done"
    return f"sh -c {shlex.quote(loop)} watch $$ </dev/null >{shlex.quote(path)} 2>/dev/null &"


def readings_of(noted: str, began: datetime) -> tuple[Reading, ...]:
    """Read what `watching` noted, without moments at which nothing was other than around them.

    Args:
        noted: On the phone.
        began: When it started, by this computer's clock: a phone's may be wrong.
    """
    parts = re.split(r"^@(\d{1,12})$", noted, flags=re.MULTILINE)
    stamps, notes = [int(stamp) for stamp in parts[1::2]], parts[2::2]
    readings = [
        Reading(
            stamped(began + timedelta(seconds=stamp - stamps[0])),
            number(r"Thermal Status: (\d+)", note),
            max_clock_khz=max(clocks_of(note), default=None),
        )
        for stamp, note in zip(stamps, notes, strict=True)
    ]
    states = [None, *((r.thermal_status, r.max_clock_khz) for r in readings), None]
    around = zip(readings, states, states[1:], states[2:], strict=False)
    return tuple(reading for reading, last, own, next_ in around if not last == own == next_)


def reading_of(conditions: Conditions) -> Reading:
    """Take down a phone's state now."""
    clock_khz = max(conditions.max_clocks_khz, default=None)
    state = conditions.thermal_status, conditions.battery_c
    return Reading(stamped(datetime.now(UTC)), *state, clock_khz)


def stamped(moment: datetime) -> str:
    """Write a moment to the second."""
    return moment.isoformat(timespec="seconds")


def clocks_of(text: str) -> tuple[int, ...]:
    """Read clocks in kHz, one per line."""
    return tuple(map(int, re.findall(r"^\d{1,12}$", text, re.MULTILINE)))


def worst_status(noted: str) -> int:
    """Return the worst thermal status that `watching` noted."""
    return max(map(int, re.findall(r"Thermal Status: (\d)", noted)), default=0)
