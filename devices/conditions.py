"""Whether a phone is fit to be measured: its temperature, battery, clocks, memory and wakefulness.

The commands are those of Android 10 to 16; `devices.battery`, `devices.thermal` and
`devices.wakefulness` name the source of each. What a phone does not tell stays unknown; nothing is
assumed, and what is frozen counts as not told.
"""

import re
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType

from devices.base import Reading
from devices.battery import READ_SERVICE, READ_SUPPLIES, battery_of
from devices.shell import Link, whole_number
from devices.thermal import READ_THERMAL, THERMAL_LINES, thermal_of
from devices.wakefulness import READ_WAKEFULNESS, Wakefulness, saves_battery, wakefulness_of

COMPOSED = "COMPOSED"
# Named warnings about a repeat, with what to do about each.
WARNINGS: Mapping[str, str] = MappingProxyType(
    {
        COMPOSED: "composed of methods timed one by one at their largest shapes, without sampling",
        "EMULATED": "an emulator ran this: results may be compared, times mean nothing",
        "HOT": "started above the temperature ceiling: cool the phone, or raise the ceiling",
        "THROTTLED": "the thermal status rose while measuring: cool the phone, measure again",
        "SLOWED": "a fixed workload took over 1.10 times as long afterwards: the phone slowed down",
        "THERMAL_UNKNOWN": "nothing tells a thermal status of the skin: judge by SLOWED",
        "THERMAL_OVERRIDE": "the thermal status is overridden: cmd thermalservice reset",
        "BATTERY_UNKNOWN": "no live source tells the battery's temperature: it was not waited for",
        "UPDATES_STOPPED": "another program froze the battery service: dumpsys battery reset",
        "LOW_BATTERY": "below 25 %: phones slow down; charge it first",
        "CHARGING": "a charger was connected, which heats the phone: unplug it, measure over Wi-Fi",
        "BATTERY_SAVER": "battery saver was on, which may lower clocks: switch it off",
        "CHARGER_HIDDEN": "hide_charger was on: battery saver or doze may have begun; leave it off",
        "CLOCKS_PINNED": "fixed-performance mode was on: compare only with runs that had it too",
        "CLOCKS_NOT_PINNED": "fixed-performance mode was asked for and changed no clock",
        "CORES_UNKNOWN": "the phone tells no core speeds: the runner ran on whichever cores",
        "CORES_REFUSED": "the kernel kept the runner from some fast cores: wake the phone, retry",
        "LARGE_PAGES": "pages over 4 KiB: compare memory only between devices with such pages",
        "LOW_MEMORY": "less than twice the model was free: close apps, or restart the phone",
        "SCREEN_ON": "the screen was on and took power: switch it off where a cable is connected",
        "DOZING": "the phone was in doze: wake it, or dumpsys deviceidle disable, then enable",
        "MAY_SLEEP": "screen off, no wake lock, no cable: keep the screen on, or use a cable",
        "SLEPT": "the phone was suspended while measuring: keep the screen on, or use a cable",
        "DEBUG_SYSTEM": "not a user build of Android: its speed is not that of phones in the shops",
    }
)
LOW_BATTERY_PERCENT = 25
CLOCKS = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_max_freq"
READ_CONDITIONS = f"""
echo '@thermal'; {READ_THERMAL}
echo '@battery'; {READ_SERVICE}
echo '@supplies'; {READ_SUPPLIES}
echo '@clocks'; cat {CLOCKS}
echo '@memory'; cat /proc/meminfo
echo '@wakefulness'; {READ_WAKEFULNESS}
true
"""
WATCH_S = 5  # between two notes
SLEPT_S = 30  # between two notes: more than a busy phone takes for one


@dataclass(frozen=True)
class Discipline:
    """How a phone is treated while it is measured.

    Attributes:
        max_battery_c: Ceiling of the battery's temperature when a repeat starts.
        wait_s: How long to wait for that.
        poll_s: How often to look.
        hide_charger: Tell Android that no charger is connected (`dumpsys battery unplug`), so that
            jobs which wait for one do not start. Charging and its heat go on. Android then behaves
            as on battery: battery saver and doze may begin, "stay awake while charging" ends.
        pin_clocks: Switch fixed-performance mode on; for comparing two models on one phone, not
            for telling how fast the phone is.
        run_limit_s: How long one process of the runner may take.
    """

    max_battery_c: float = 37.0
    wait_s: float = 1800.0
    poll_s: float = 15.0
    hide_charger: bool = False
    pin_clocks: bool = False
    run_limit_s: float = 1200.0


@dataclass(frozen=True)
class Conditions:
    """What a phone tells about its state; None where it does not tell.

    Attributes:
        thermal_status: Android's: 0 none, 1 light, 2 moderate, 3 severe, up to 6; None where
            nothing measured is behind it (`devices.thermal`).
        thermal_override: Somebody fakes the thermal status.
        battery_percent: Charge.
        battery_c: Temperature of the battery.
        battery_source: What told the temperature (`devices.battery.Battery.source`).
        powered: A charger is connected.
        updates_stopped: Android's battery service is frozen.
        max_clocks_khz: Highest clock that each core may take now.
        available_bytes: Memory that a program may take.
        wakefulness: Whether it is awake.
        battery_saver: Battery saver is on.
    """

    thermal_status: int | None = None
    thermal_override: bool = False
    battery_percent: int | None = None
    battery_c: float | None = None
    battery_source: str = ""
    powered: bool | None = None
    updates_stopped: bool = False
    max_clocks_khz: tuple[int, ...] = ()
    available_bytes: int | None = None
    wakefulness: Wakefulness = field(default_factory=Wakefulness)
    battery_saver: bool | None = None


def read_conditions(link: Link) -> Conditions:
    """Ask a phone for its state."""
    output = link.run(READ_CONDITIONS).stdout
    parts = re.split(r"^@([a-z]+)$", output, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    thermal = thermal_of(sections.get("thermal", ""))
    battery = battery_of(sections.get("battery", ""), sections.get("supplies", ""), thermal)
    kib = whole_number(r"^MemAvailable: +(\d+) kB", sections.get("memory", ""))
    return Conditions(
        thermal_status=thermal.status,
        thermal_override=thermal.override,
        battery_percent=battery.percent,
        battery_c=battery.celsius,
        battery_source=battery.source,
        powered=battery.powered,
        updates_stopped=battery.updates_stopped,
        max_clocks_khz=clocks_of(sections.get("clocks", "")),
        available_bytes=None if kib is None else kib * 1024,
        wakefulness=wakefulness_of(sections.get("wakefulness", "")),
        battery_saver=saves_battery(sections.get("wakefulness", "")),
    )


def wait_until_cool(
    read: Callable[[], Conditions],
    discipline: Discipline,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Conditions, Sequence[str]]:
    """Wait until a phone is cool and not throttled. Its battery service must not be frozen yet.

    Returns:
        Its state then, and the warnings that remain.
    """
    waited_s = 0.0
    conditions = read()
    while is_hot(conditions, discipline) and waited_s < discipline.wait_s:
        sleep(discipline.poll_s)
        waited_s += discipline.poll_s
        conditions = read()
    holds = {
        "HOT": is_hot(conditions, discipline),
        "THERMAL_UNKNOWN": conditions.thermal_status is None,
        "THERMAL_OVERRIDE": conditions.thermal_override,
        "BATTERY_UNKNOWN": conditions.battery_c is None,
        "UPDATES_STOPPED": conditions.updates_stopped,
        "LOW_BATTERY": conditions.battery_percent is not None
        and conditions.battery_percent < LOW_BATTERY_PERCENT,
        "BATTERY_SAVER": conditions.battery_saver is True,
        "CHARGING": conditions.powered is True,
        "SCREEN_ON": conditions.wakefulness.screen_on is True,
        "DOZING": conditions.wakefulness.dozing is True,
    }
    return conditions, [code for code, true in holds.items() if true]


def is_hot(conditions: Conditions, discipline: Discipline) -> bool:
    """Say whether a phone is known to be too warm to measure."""
    throttled = (conditions.thermal_status or 0) > 0
    return throttled or (conditions.battery_c or 0.0) > discipline.max_battery_c


def watching(path: str) -> str:
    """Return shell that notes state and time while its own process, or what it becomes, lives.

    It runs on the phone, so that a link with room for one command at a time will do. What it notes
    is read by `readings_of`, `worst_status`, `slept` and `process_of`. Times are seconds since the
    phone's start, those in suspend included: proc_uptime(5).
    """
    note = (
        f"read up rest </proc/uptime; echo @${{up%.*}}; {READ_THERMAL} | grep -E '{THERMAL_LINES}';"
        f" echo @clocks; cat {CLOCKS}; echo @supplies; {READ_SUPPLIES}"
    )
    loop = f"echo pid $1; while kill -0 $1; do {note}; sleep {WATCH_S}; done"
    return f"sh -c {shlex.quote(loop)} watch $$ </dev/null >{shlex.quote(path)} 2>/dev/null &"


def readings_of(noted: str, began: datetime) -> tuple[Reading, ...]:
    """Read what `watching` noted, without moments at which nothing was other than around them.

    Args:
        noted: On the phone.
        began: When it started, by this computer's clock.
    """
    stamps, notes = notes_of(noted)
    readings = [
        noted_reading(stamped(began + timedelta(seconds=stamp - stamps[0])), note)
        for stamp, note in zip(stamps, notes, strict=True)
    ]
    states = [None, *(state_of(reading) for reading in readings), None]
    around = zip(readings, states, states[1:], states[2:], strict=False)
    return tuple(reading for reading, last, own, next_ in around if not last == own == next_)


def notes_of(noted: str) -> tuple[list[int], list[str]]:
    """Take apart what `watching` noted: seconds, and what was noted then."""
    parts = re.split(r"^@(\d{1,12})$", noted, flags=re.MULTILINE)
    return [int(stamp) for stamp in parts[1::2]], parts[2::2]


def process_of(noted: str) -> int | None:
    """Return the process id that `watching` noted; None where it noted none."""
    return whole_number(r"^pid (\d{1,9})$", noted)


def noted_reading(at: str, note: str) -> Reading:
    """Read one note."""
    told, _, rest = note.partition("@clocks\n")
    clocks, _, supplies = rest.partition("@supplies\n")
    thermal = thermal_of(told)
    battery = battery_of("", supplies, thermal)
    clock_khz = max(clocks_of(clocks), default=None)
    return Reading(at, thermal.status, battery.celsius, clock_khz, battery.source)


def state_of(reading: Reading) -> tuple[object, ...]:
    """Return what a reading tells, without its moment."""
    return reading.thermal_status, reading.battery_c, reading.max_clock_khz


def slept(noted: str) -> bool:
    """Say whether the phone was suspended while `watching` ran: its notes are far apart."""
    stamps, _ = notes_of(noted)
    return any(after - before > SLEPT_S for before, after in pairwise(stamps))


def reading_of(conditions: Conditions) -> Reading:
    """Take down a phone's state now."""
    clock_khz = max(conditions.max_clocks_khz, default=None)
    state = conditions.thermal_status, conditions.battery_c, clock_khz
    return Reading(stamped(datetime.now(UTC)), *state, conditions.battery_source)


def stamped(moment: datetime) -> str:
    """Write a moment to the second."""
    return moment.isoformat(timespec="seconds")


def clocks_of(text: str) -> tuple[int, ...]:
    """Read clocks in kHz, one per line."""
    return tuple(map(int, re.findall(r"^\d{1,12}$", text, re.MULTILINE)))


def worst_status(noted: str) -> int:
    """Return the worst thermal status that `watching` noted; 0 where it noted none."""
    statuses = (thermal_of(note).status for note in notes_of(noted)[1])
    return max((status for status in statuses if status is not None), default=0)
