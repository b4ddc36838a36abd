"""Temperature, battery and clocks: read as phones print them, waited for, judged."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from standin_phone.local_link import LocalLink, ScriptedLink
from standin_phone.scripted import scripted_phone

from devices.base import Reading
from devices.conditions import (
    WARNINGS,
    Conditions,
    Discipline,
    read_conditions,
    reading_of,
    readings_of,
    slept,
    wait_until_cool,
    watching,
    worst_status,
)
from devices.cores import canary_ms, fast_cores, slowed
from devices.load import busy_share
from devices.wakefulness import Wakefulness, over_network, wakefulness_of

# In the form that phones print.
PHONE = """@thermal
IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 2
Thermal Status: 1
Cached temperatures:
\tTemperature{mValue=35.6, mType=3, mName=VIRTUAL-SKIN, mStatus=1}
HAL Ready: true
@battery
Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 500000
  status: 2
  level: 87
  scale: 100
  voltage: 4300
  temperature: 284
  technology: Li-ion
@clocks
1803000
2348000
cat: /sys/devices/system/cpu/cpu8/cpufreq/scaling_max_freq: Permission denied
2914000
@memory
MemTotal:        7742888 kB
MemAvailable:    3126212 kB
@wakefulness
  mWakefulness=Asleep
  mHoldingWakeLockSuspendBlocker=false
  mHoldingDisplaySuspendBlocker=false
deep=ACTIVE
light=IDLE
"""
COOL = Conditions(thermal_status=0, battery_c=30.0, battery_percent=80)


SKIN = "Current temperatures from HAL:\n\tTemperature{mValue=30.0, mType=3, mName=s, mStatus=0}\n"


def test_a_phone_is_read_as_it_prints_its_state():
    assert read_conditions(ScriptedLink(PHONE)) == Conditions(
        thermal_status=1,
        thermal_override=False,
        battery_percent=87,
        battery_c=28.4,
        battery_source="dumpsys battery",
        powered=True,
        max_clocks_khz=(1803000, 2348000, 2914000),
        available_bytes=3126212 * 1024,
        wakefulness=Wakefulness(screen_on=False, dozing=True, wake_lock=False),
    )


def test_what_a_phone_does_not_tell_stays_unknown():
    assert read_conditions(ScriptedLink("@thermal\n@battery\n@clocks\n@memory\n")) == Conditions()


@pytest.mark.parametrize("text", ["@thermal\n" + " " * 900_000, "\n" * 900_000, "9" * 900_000])
def test_hostile_output_is_read_to_its_end(text):
    # A quadratic search would take hours.
    assert read_conditions(ScriptedLink(text)).thermal_status is None
    assert fast_cores(ScriptedLink(text)) == 0


def waiting(states, **settings):
    """Run the gate over a list of states, and return what it gave and how long it slept."""
    left, slept = list(states), []
    discipline = Discipline(poll_s=15, wait_s=60, **settings)
    gate = wait_until_cool(
        lambda: left.pop(0) if len(left) > 1 else left[0], discipline, slept.append
    )
    return *gate, sum(slept)


def test_a_cool_phone_passes_at_once():
    assert waiting([COOL]) == (COOL, [], 0)


@pytest.mark.parametrize(
    "hot", [Conditions(thermal_status=2, battery_c=30.0), Conditions(0, battery_c=39.5)]
)
def test_a_hot_phone_is_waited_for(hot):
    assert waiting([hot, hot, COOL]) == (COOL, [], 30)


def test_a_phone_that_stays_hot_is_measured_in_the_end_and_marked():
    hot = Conditions(thermal_status=0, battery_c=41.0)
    assert waiting([hot]) == (hot, ["HOT"], 60)


def test_the_ceiling_is_the_users():
    hot = Conditions(thermal_status=0, battery_c=39.0)
    assert waiting([hot], max_battery_c=40.0)[1:] == ([], 0)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"thermal_status": None}, "THERMAL_UNKNOWN"),
        ({"thermal_override": True}, "THERMAL_OVERRIDE"),
        ({"battery_c": None}, "BATTERY_UNKNOWN"),
        ({"updates_stopped": True}, "UPDATES_STOPPED"),
        ({"battery_percent": 0}, "LOW_BATTERY"),
        ({"battery_percent": 24}, "LOW_BATTERY"),
        ({"powered": True}, "CHARGING"),
        ({"battery_saver": True}, "BATTERY_SAVER"),
        ({"wakefulness": Wakefulness(screen_on=True)}, "SCREEN_ON"),
        ({"wakefulness": Wakefulness(dozing=True)}, "DOZING"),
    ],
)
def test_each_warning_has_its_code_and_each_code_a_remedy(state, code):
    assert waiting([replace(COOL, **state)])[1] == [code]
    assert code in WARNINGS


@pytest.mark.parametrize("battery_c", [None, 30.0])
def test_an_unknown_thermal_status_is_told_whatever_the_battery_tells(battery_c):
    assert "THERMAL_UNKNOWN" in waiting([Conditions(battery_c=battery_c)])[1]


def test_a_phone_that_cools_is_seen_to_cool(tmp_path):
    link = scripted_phone(tmp_path)
    temperature = tmp_path / "hardware" / "temp"
    temperature.write_text("380\n")
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        temperature.write_text(f"{int(temperature.read_text()) - 5}\n")

    discipline = Discipline(max_battery_c=37.0)
    conditions, warnings = wait_until_cool(lambda: read_conditions(link), discipline, sleep)
    assert (conditions.battery_c, conditions.battery_source) == (37.0, "dumpsys battery")
    assert len(slept) == 2
    assert "HOT" not in warnings


@pytest.mark.parametrize(
    ("address", "networked"),
    [
        ("192.168.1.20:5555", True),
        ("server:192.168.1.20:5555", True),
        ("server:adb-3A15-x._adb-tls-connect._tcp", True),
        ("server:3A151FDJH0012", False),
        ("usb:3A151FDJH0012", False),
    ],
)
def test_a_phone_on_a_network_is_told_from_one_on_a_cable(address, networked):
    assert over_network(address) == networked


def test_a_phone_may_sleep_when_neither_screen_nor_wake_lock_keeps_it_awake(tmp_path):
    link = scripted_phone(tmp_path)
    assert read_conditions(link).wakefulness == Wakefulness(False, False, False)
    assert read_conditions(link).wakefulness.may_sleep
    for line, may_sleep in {
        "  PARTIAL_WAKE_LOCK              'keep' ACQ=-3s (uid=2000 pid=7)\n": False,
        "  PARTIAL_WAKE_LOCK              'sync' DISABLED ACQ=-3s (uid=10123 pid=2)\n": True,
        "  DOZE_WAKE_LOCK                 'DreamManagerService' (uid=1000 pid=1)\n": True,
        "  DRAW_WAKE_LOCK                 'WindowManager' (uid=1000 pid=1)\n": False,
    }.items():
        (tmp_path / "wake_locks").write_text(line)
        assert read_conditions(link).wakefulness.may_sleep == may_sleep
    (tmp_path / "wake_locks").write_text("")
    (tmp_path / "wakefulness").write_text("Awake\n")
    assert not read_conditions(link).wakefulness.may_sleep
    assert not Wakefulness().may_sleep


@pytest.mark.parametrize(
    ("told", "on"), [("OFF", False), ("ON", True), ("ADAPTIVE", True), ("", None)]
)
def test_battery_saver_is_told_as_the_power_service_prints_it(told, on):
    said = f"@wakefulness\n  Battery Saver is currently: {told}\n"
    assert read_conditions(ScriptedLink(said)).battery_saver is on


@pytest.mark.parametrize("light", ["IDLE", "IDLE_MAINTENANCE", "WAITING_FOR_NETWORK"])
def test_light_doze_is_told_by_each_of_its_states(tmp_path, light):
    link = scripted_phone(tmp_path)
    (tmp_path / "light").write_text(f"{light}\n")
    assert read_conditions(link).wakefulness.dozing


def test_the_worst_thermal_status_counts_not_the_last():
    notes = [
        f"@{5 * n}\nThermal Status: {status}\nHAL Ready: true\n" for n, status in enumerate("030")
    ]
    assert worst_status("".join(notes)) == 3
    assert worst_status("") == 0
    assert worst_status("@5\nThermal Status: 3\nHAL Ready: false\n") == 0


def test_readings_keep_the_moments_at_which_something_changed():
    notes = "".join(
        f"@{1000 + 5 * n}\nThermal Status: {int(n > 6)}\nHAL Ready: true\n{SKIN}"
        f"@clocks\n1800000\n{2400000 if n < 4 else 2000000}\n@supplies\n"
        for n in range(10)
    )
    began = datetime(2026, 2, 11, 9, 0, tzinfo=UTC)
    readings = readings_of(notes, began)
    assert [(r.at[17:19], r.thermal_status, r.max_clock_khz) for r in readings] == [
        ("00", 0, 2400000), ("15", 0, 2400000), ("20", 0, 2000000), ("30", 0, 2000000),
        ("35", 1, 2000000), ("45", 1, 2000000),
    ]  # fmt: skip
    assert readings_of("", began) == ()
    assert readings_of("@5\nnonsense\n", began) == (Reading("2026-02-11T09:00:00+00:00"),)


def test_readings_tell_what_is_live_and_never_a_frozen_temperature(tmp_path):
    link, notes = scripted_phone(tmp_path), tmp_path / "notes"
    link.run("dumpsys battery unplug")
    heat = f"echo 412 >{tmp_path}/hardware/temp; sleep 0.3"
    for source in ("", "hal_battery", "supplies"):
        link.run(f"touch {tmp_path}/{source}; {watching(str(notes))} {heat}; exec sleep 0.7")
        reading = readings_of(notes.read_text(), datetime.now(UTC))[0]
        expected = {"": (None, ""), "hal_battery": (41.2, "thermalservice")}
        found = reading.battery_c, reading.battery_source
        assert found == expected.get(source, (41.2, "power_supply"))
        assert reading.thermal_status == 0


def test_a_gap_between_notes_is_a_phone_that_slept():
    assert not slept("@10\n@15\n@22\n")
    assert slept("@10\n@15\n@95\n@100\n")
    assert not slept("")


def test_a_reading_is_the_state_of_a_phone():
    told = Conditions(1, battery_c=31.5, battery_source="power_supply", max_clocks_khz=(1, 3, 2))
    reading = reading_of(told)
    assert (reading.thermal_status, reading.battery_c, reading.max_clock_khz) == (1, 31.5, 3)
    assert reading.battery_source == "power_supply"
    assert reading_of(Conditions()).max_clock_khz is None


def test_the_thermal_status_is_noted_while_the_command_lives_and_no_longer(tmp_path):
    link = LocalLink(tmp_path, {"dumpsys": "echo 'Thermal Status: 2'; echo 'HAL Ready: true'"})
    notes = tmp_path / "notes file"
    begin = time.monotonic()
    assert link.run(f"{watching(str(notes))} exec sleep 0.5").code == 0
    assert time.monotonic() - begin < 4  # the watch does not hold the command's output open
    assert worst_status(notes.read_text()) == 2
    (reading, *_) = readings_of(notes.read_text(), datetime.now(UTC))
    assert reading.thermal_status == 2


def test_the_fixed_workload_takes_time_on_the_core_that_is_asked_for(tmp_path):
    link = LocalLink(tmp_path)
    assert canary_ms(link, 0) > 0
    assert canary_ms(link, 1) > 0
    assert "taskset 1 " in link.ran[-1]


def test_slowing_down_is_more_than_a_tenth():
    assert slowed(100.0, 111.0)
    assert not slowed(100.0, 109.0)
    assert not slowed(None, 109.0)


@pytest.mark.parametrize(
    ("first", "last", "share"),
    [
        ("100 0 0 900 0 0 0 0 0 0", "110 0 5 985 0 0 0 0 0 0", 0.15),
        ("100 0 0 900 0 0 0 0 0 0", "100 0 0 960 40 0 0 0 0 0", 0.0),
        ("100 0 0 900 0 0 0 0 0 0", "100 0 0 900 0 0 0 0 0 0", None),
        ("100 0 0 900 50 0 0 0 0 0", "110 0 0 990 10 0 0 0 0 0", 0.1),  # iowait may decrease
        ("100 0 0", "110 0 5", None),
    ],
)
def test_the_load_of_other_programs_is_read_from_the_kernel(first, last, share):
    found = busy_share(ScriptedLink(f"cpu  {first}\ncpu  {last}\n"))
    assert found == (None if share is None else pytest.approx(share))


def test_a_kernel_that_tells_no_load_is_an_unknown_load():
    assert busy_share(ScriptedLink("head: /proc/stat: Permission denied\n")) is None
    assert busy_share(ScriptedLink("cpu " + "9" * 900_000)) is None


def test_a_state_of_wakefulness_that_does_not_exist_counts_as_not_told():
    assert wakefulness_of("  mWakefulness=Dozing\n").screen_on is False
    assert wakefulness_of("  mWakefulness=Zombie\n").screen_on is None
