"""The battery: read from sources that stay live, and never from what is frozen."""

import pytest
from standin_phone.local_link import ScriptedLink
from standin_phone.scripted import scripted_phone

from devices.battery import Battery, battery_of, read_battery
from devices.thermal import THERMAL_LINES, Thermal, read_thermal, thermal_of

SKIN = "Current temperatures from HAL:\n\tTemperature{mValue=30.0, mType=3, mName=s, mStatus=0}\n"


@pytest.fixture
def link(tmp_path):
    return scripted_phone(tmp_path)


def heat(folder, tenths_c):
    (folder / "hardware" / "temp").write_text(f"{tenths_c}\n")


def test_the_scripted_phone_freezes_and_thaws_as_batteryservice_does(link, tmp_path):
    link.run("dumpsys battery unplug")
    heat(tmp_path, 420)
    frozen = link.run("dumpsys battery").stdout
    assert "(UPDATES STOPPED -- use 'reset' to restart)" in frozen
    assert "temperature: 301\n" in frozen
    assert "USB powered: false" in frozen
    assert "status: 2\n" in frozen  # it is charged all the same
    link.run("dumpsys battery reset")
    thawed = link.run("dumpsys battery").stdout
    assert "UPDATES STOPPED" not in thawed
    assert "temperature: 420\n" in thawed
    assert "USB powered: true" in thawed


@pytest.mark.parametrize("level", ["101", "999", "5000", "-3", "9" * 5000, "80%", "Full"])
def test_a_charge_that_cannot_be_counts_as_not_told(level):
    assert battery_of(f"  level: {level}\n", "", Thermal()).percent is None
    supplies = f"battery/type:Battery\nbattery/capacity:{level}\n"
    assert battery_of("  level: 50\n", supplies, Thermal()).percent == 50


@pytest.mark.parametrize("status", ["7", "99", "-1", "9" * 5000, "NONE", "3.5"])
def test_a_thermal_status_that_does_not_exist_counts_as_not_told(status):
    dump = f"Thermal Status: {status}\nHAL Ready: true\n{SKIN}"
    assert thermal_of(dump).status is None


def test_without_another_source_the_battery_service_is_read(link):
    assert read_battery(link) == Battery(80, 30.1, "dumpsys battery", True, False)


@pytest.mark.parametrize("command", ["unplug", "set level 50", "set usb 0"])
def test_what_is_frozen_counts_as_not_told(link, tmp_path, command):
    link.run(f"dumpsys battery {command}")
    heat(tmp_path, 420)
    assert read_battery(link) == Battery(updates_stopped=True)


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("supplies", Battery(80, 42.0, "power_supply", True, True)),
        ("hal_battery", Battery(None, 42.0, "thermalservice", None, True)),
    ],
)
def test_live_sources_go_on_telling_while_the_battery_service_is_frozen(
    link, tmp_path, file, found
):
    (tmp_path / file).touch()
    link.run("dumpsys battery unplug")
    heat(tmp_path, 420)
    assert read_battery(link) == found


def test_a_charger_that_is_hidden_from_android_is_seen_in_the_kernel_s_files(link, tmp_path):
    (tmp_path / "supplies").touch()
    link.run("dumpsys battery unplug")
    assert read_battery(link).powered is True
    (tmp_path / "hardware" / "usb").write_text("false\n")
    assert read_battery(link).powered is False


@pytest.mark.parametrize("temp", ["", "x", "0", "-3000", "99999", "4294966996"])
def test_an_implausible_temperature_of_the_kernel_is_passed_over(temp):
    supplies = f"battery/type:Battery\nbattery/temp:{temp}\n"
    found = battery_of("  temperature: 284\n", supplies, Thermal())
    assert (found.celsius, found.source) == (28.4, "dumpsys battery")


def test_a_battery_that_the_health_hal_cannot_read_is_unknown():
    # healthd/BatteryMonitor.cpp, updateValues: 0 where there is no file, or where reading it fails.
    assert battery_of("  level: 50\n  temperature: 0\n", "", Thermal()).celsius is None
    absent = "  present: false\n  level: 42\n  temperature: 424\n"
    assert battery_of(absent, "", Thermal()) == Battery()


def test_a_battery_that_the_model_lacks_is_not_one_at_0_degrees():
    # A Galaxy S22 prints its one battery and two sensors of batteries that it does not have.
    lacking = "Temperature{mValue=0.0, mType=2, mName=SUBBAT, mStatus=0}\n"
    there = "Temperature{mValue=36.3, mType=2, mName=BAT, mStatus=0}\n"
    live = "HAL Ready: true\nCurrent temperatures from HAL:\n"
    assert thermal_of(live + lacking + there).battery_c == 36.3
    assert thermal_of(live + lacking).battery_c is None
    assert thermal_of(live + "Temperature{mValue=301.0, mType=2, mName=b}\n").battery_c is None


@pytest.mark.parametrize(
    ("kind", "online", "powered"),
    [
        ("USB", "1", True),
        ("USB_PD", "2", True),
        ("Mains", "1", True),
        ("Wireless", "0", False),
        ("Unknown", "1", None),  # Samsung's max77705-charger: 1 is SEC_BATTERY_CABLE_NONE
        ("OTG", "1", None),  # the phone powers something else
        ("Battery", "4", None),  # Samsung's battery tells the type of cable there
    ],
)
def test_only_a_supply_that_is_a_charger_says_whether_one_is_connected(kind, online, powered):
    supplies = f"supply/type:{kind}\nsupply/online:{online}\n"
    assert battery_of("", supplies, Thermal()).powered is powered


@pytest.mark.parametrize("text", ["battery/temp:" * 70_000, "/" * 900_000, " " * 900_000])
def test_hostile_output_is_read_to_its_end(text):
    assert read_battery(ScriptedLink(text)) == Battery()
    assert read_thermal(ScriptedLink(text)) == Thermal()


def test_a_status_of_0_without_a_thermal_hal_is_unknown(link, tmp_path):
    (tmp_path / "hal").write_text("false\n")
    assert "Thermal Status: 0" in link.run("dumpsys thermalservice").stdout
    assert read_thermal(link) == Thermal(status=None, hal_ready=False)
    (tmp_path / "hal").write_text("true\n")
    assert read_thermal(link) == Thermal(status=0, hal_ready=True)


@pytest.mark.parametrize(("file", "value"), [("hal_version", "1.0"), ("skin", "0")])
def test_a_status_of_0_that_no_throttling_can_change_is_unknown(link, tmp_path, file, value):
    # ThermalHal10Wrapper reports no throttling; only sensors of the skin make the status.
    (tmp_path / "thermal_status").write_text("3\n")
    (tmp_path / file).write_text(f"{value}\n")
    assert "Thermal Status: 0" in link.run("dumpsys thermalservice").stdout
    assert read_thermal(link) == Thermal(status=None, hal_ready=True)
    kept = link.run(f"dumpsys thermalservice | grep -E '{THERMAL_LINES}'").stdout
    assert thermal_of(kept) == read_thermal(link)


def test_a_status_that_was_never_set_and_cached_temperatures_are_not_taken_for_measured_ones():
    # Android 10 starts with the smallest integer.
    dump = f"Thermal Status: -2147483648\nHAL Ready: true\n{SKIN}"
    assert thermal_of(dump).status is None
    cached = "Cached temperatures:\n\tTemperature{mValue=25.0, mType=2, mName=b, mStatus=0}\n"
    assert thermal_of(f"{cached}HAL Ready: true\n").battery_c is None
    live = "Current temperatures from HAL:\n\tTemperature{mValue=31.5, mType=2, mName=b}\n"
    assert thermal_of(f"{cached}HAL Ready: true\n{live}").battery_c == 31.5
