"""Temperature, battery and clocks: read as phones print them, waited for, judged."""

import time
from datetime import UTC, datetime

import pytest
from standin_phone.local_link import LocalLink, ScriptedLink

from devices.base import Reading
from devices.conditions import (
    WARNINGS,
    Conditions,
    Discipline,
    read_conditions,
    reading_of,
    readings_of,
    wait_until_cool,
    watching,
    worst_status,
)
from devices.cores import canary_ms, fast_cores, slowed

# In the form that phones print.
PHONE = """@thermal
IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 2
Thermal Status: 1
Cached temperatures:
\tTemperature{mValue=35.6, mType=3, mName=VIRTUAL-SKIN, mStatus=1}
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
"""
COOL = Conditions(thermal_status=0, battery_c=30.0, battery_percent=80)


def test_a_phone_is_read_as_it_prints_its_state():
    assert read_conditions(ScriptedLink(PHONE)) == Conditions(
        thermal_status=1,
        thermal_override=False,
        battery_percent=87,
        battery_c=28.4,
        powered=True,
        max_clocks_khz=(1803000, 2348000, 2914000),
        available_bytes=3126212 * 1024,
    )


def test_what_a_phone_does_not_tell_stays_unknown():
    assert read_conditions(ScriptedLink("@thermal\n@battery\n@clocks\n@memory\n")) == Conditions()
    assert not Conditions().known


@pytest.mark.parametrize("text", ["@thermal\n" + " " * 900_000, "\n" * 900_000, "9" * 900_000])
def test_hostile_output_is_read_to_its_end(text):
    assert not read_conditions(ScriptedLink(text)).known  # a quadratic search would take hours
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
        (Conditions(), "THERMAL_UNKNOWN"),
        (Conditions(0, thermal_override=True), "THERMAL_OVERRIDE"),
        (Conditions(0, battery_percent=0), "LOW_BATTERY"),
        (Conditions(0, battery_percent=24), "LOW_BATTERY"),
    ],
)
def test_each_doubt_has_its_code_and_each_code_a_remedy(state, code):
    assert waiting([state])[1] == [code]
    assert code in WARNINGS


def test_the_worst_thermal_status_counts_not_the_last():
    assert worst_status("Thermal Status: 0\nThermal Status: 3\nThermal Status: 0\n") == 3
    assert worst_status("") == 0


def test_readings_keep_the_moments_at_which_something_changed():
    notes = "".join(
        f"@{1000 + 5 * n}\nThermal Status: {int(n > 6)}\n1800000\n{2400000 if n < 4 else 2000000}\n"
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


def test_a_reading_is_the_state_of_a_phone():
    reading = reading_of(Conditions(1, battery_c=31.5, max_clocks_khz=(1, 3, 2)))
    assert (reading.thermal_status, reading.battery_c, reading.max_clock_khz) == (1, 31.5, 3)
    assert reading_of(Conditions()).max_clock_khz is None


def test_the_thermal_status_is_noted_while_the_command_lives_and_no_longer(tmp_path):
    link = LocalLink(tmp_path, {"dumpsys": "echo 'Thermal Status: 2'"})
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
