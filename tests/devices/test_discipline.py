"""A repeat under discipline on a scripted phone, which freezes what Android freezes."""

from dataclasses import replace

import pytest
from standin_phone.fake_runner import GOOD, fake_bundle, fake_job
from standin_phone.scripted import scripted_phone

from devices.android import Android
from devices.conditions import Discipline
from devices.profiles import load_profiles
from devices.schedule import Schedule

SCHEDULE = Schedule(warmup=1, iterations=1, threads=1)


@pytest.fixture
def measure(monkeypatch, tmp_path):
    """Measures on a scripted phone; set up by shell before, and changed by shell meanwhile."""
    monkeypatch.setattr("devices.android.BASE", str(tmp_path / "base"))
    monkeypatch.setattr("devices.claim.LOCKS", tmp_path)
    monkeypatch.setattr("devices.conditions.WATCH_S", 0.2)
    monkeypatch.setattr("devices.android.canary_ms", lambda *_: 10.0)  # this machine's business
    monkeypatch.setattr("devices.android.busy_share", lambda _: 0.0)
    monkeypatch.setattr("devices.android.fast_cores", lambda *_, **__: 1)
    link = scripted_phone(tmp_path)

    def run(before="true", meanwhile="true", *, address="usb:1", **discipline):
        link.run(f"cd {tmp_path}; {before}")
        bundle = fake_bundle(tmp_path / "bundle", f"( cd {tmp_path}; {meanwhile} );{GOOD}")
        profile = replace(load_profiles()["standin-amd64"], discipline=Discipline(**discipline))
        monkeypatch.setattr(link, "address", address)
        device = Android(profile, link, {"ro.serialno": "1"}, lambda _: bundle)
        repeat = device.measure(fake_job(tmp_path), SCHEDULE)
        return set(repeat.warnings), repeat.readings

    return run


def temperatures(readings):
    return [(reading.battery_c, reading.battery_source) for reading in readings]


UNPLUGGED = "echo false >hardware/usb"


def test_a_phone_that_cools_while_it_is_waited_for_is_measured_and_not_called_hot(measure):
    cool = "( sleep 0.5; echo 350 >hardware/temp ) >/dev/null 2>&1 &"
    warnings, readings = measure(
        f"{UNPLUGGED}; echo 380 >hardware/temp; {cool}", poll_s=0.2, wait_s=60
    )
    assert warnings == set()
    assert readings[0].battery_c == 35.0


def test_a_phone_that_warms_up_has_a_trace_that_says_so(measure):
    warm = "echo 390 >hardware/temp; sleep 1"
    _, readings = measure(UNPLUGGED, warm, hide_charger=True)
    told = temperatures(readings)
    assert told[0] == (30.1, "dumpsys battery")
    assert told[-1] == (39.0, "dumpsys battery")
    assert set(told[1:-1]) == {(None, "")}  # frozen: not told


@pytest.mark.parametrize(
    ("file", "source"), [("supplies", "power_supply"), ("hal_battery", "thermalservice")]
)
def test_a_live_source_gives_the_trace_meanwhile(measure, file, source):
    _, readings = measure(f"touch {file}", "echo 390 >hardware/temp; sleep 1", hide_charger=True)
    told = temperatures(readings)
    assert (39.0, source) in told[1:-1]
    # On a busy machine an answer may come too late to be in a reading.
    assert {named for _, named in told} - {""} == {source}


def test_a_charger_is_told_whether_or_not_it_is_hidden(measure):
    assert measure()[0] == {"CHARGING"}
    assert measure(hide_charger=True)[0] == {"CHARGING", "CHARGER_HIDDEN"}
    assert measure(UNPLUGGED)[0] == set()


def test_by_default_android_is_told_of_its_charger_and_goes_on_reading_its_battery(
    measure, tmp_path
):
    measure(meanwhile=f"dumpsys battery >{tmp_path}/during")
    assert "UPDATES STOPPED" not in (tmp_path / "during").read_text()
    assert "USB powered: true" in (tmp_path / "during").read_text()
    measure(meanwhile=f"dumpsys battery >{tmp_path}/during", hide_charger=True)
    assert "UPDATES STOPPED" in (tmp_path / "during").read_text()


def test_a_charger_that_is_connected_meanwhile_is_told(measure):
    assert measure(UNPLUGGED, "echo true >hardware/usb")[0] == {"CHARGING"}


def test_a_battery_service_frozen_by_another_program_is_named_and_left_frozen(measure, tmp_path):
    warnings, readings = measure(f"{UNPLUGGED}; dumpsys battery set level 50", hide_charger=True)
    assert warnings == {"UPDATES_STOPPED", "BATTERY_UNKNOWN"}
    assert {celsius for celsius, _ in temperatures(readings)} == {None}
    assert (tmp_path / "stopped").exists()


def test_a_phone_without_a_thermal_hal_is_of_unknown_thermal_status(measure):
    warnings, readings = measure(f"{UNPLUGGED}; echo false >hal")
    assert warnings == {"THERMAL_UNKNOWN"}
    assert {reading.thermal_status for reading in readings} == {None}


@pytest.mark.parametrize(
    ("before", "address", "warnings"),
    [
        ("true", "usb:1", set()),
        ("true", "10.0.0.7:5555", {"MAY_SLEEP"}),
        ("echo Awake >wakefulness", "10.0.0.7:5555", {"SCREEN_ON"}),
        ("echo IDLE >deep", "usb:1", {"DOZING"}),
        ("echo \"  PARTIAL_WAKE_LOCK 'x'\" >wake_locks", "10.0.0.7:5555", set()),
    ],
)
def test_a_phone_that_may_sleep_or_dozes_is_named(measure, before, address, warnings):
    assert measure(f"{UNPLUGGED}; {before}", address=address)[0] == warnings


def test_a_screen_that_goes_off_meanwhile_leaves_a_phone_that_may_sleep(measure):
    awake = f"{UNPLUGGED}; echo Awake >wakefulness"
    warnings, _ = measure(awake, "echo Asleep >wakefulness", address="10.0.0.7:5555")
    assert warnings == {"SCREEN_ON", "MAY_SLEEP"}


def test_a_screen_that_comes_on_since_the_charger_is_hidden_is_named(measure):
    warnings = {"CHARGING", "CHARGER_HIDDEN", "SCREEN_ON"}
    assert measure("touch unplug_wakes", hide_charger=True)[0] == warnings
    assert measure("echo Asleep >wakefulness")[0] == {"CHARGING"}


def test_battery_saver_is_named_also_where_hiding_the_charger_brings_it_back(measure):
    assert measure("touch saver")[0] == {"CHARGING"}
    warnings = {"CHARGING", "CHARGER_HIDDEN", "BATTERY_SAVER"}
    assert measure("touch saver", hide_charger=True)[0] == warnings
    assert measure(f"touch saver; {UNPLUGGED}")[0] == {"BATTERY_SAVER"}


def test_the_clocks_of_one_repeat_do_not_spoil_the_next(measure, monkeypatch):
    monkeypatch.setattr("devices.state.SETTLE_S", 0.3)
    for _ in range(2):
        assert measure(UNPLUGGED, pin_clocks=True)[0] == {"CLOCKS_PINNED"}


def test_other_programs_that_keep_a_phone_busy_are_named(measure, monkeypatch):
    monkeypatch.setattr("devices.android.busy_share", lambda _: 0.2)
    assert measure(UNPLUGGED)[0] == {"OTHER_LOAD"}
