"""The battery: read from sources that stay live, and never from what is frozen."""

import pytest
from standin_phone.local_link import ScriptedLink
from standin_phone.scripted import scripted_phone

from devices.battery import Battery, battery_of, read_battery
from devices.thermal import Thermal, read_thermal, thermal_of


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


@pytest.mark.parametrize("temp", ["", "x", "-3000", "99999", "4294966996"])
def test_an_implausible_temperature_of_the_kernel_is_passed_over(temp):
    supplies = f"battery/type:Battery\nbattery/temp:{temp}\n"
    found = battery_of("  temperature: 284\n", supplies, Thermal())
    assert (found.celsius, found.source) == (28.4, "dumpsys battery")


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


def test_a_status_that_was_never_set_and_cached_temperatures_are_not_taken_for_measured_ones():
    # Android 10 starts with the smallest integer.
    dump = "Thermal Status: -2147483648\nHAL Ready: true\n"
    assert thermal_of(dump).status is None
    cached = "Cached temperatures:\n\tTemperature{mValue=25.0, mType=2, mName=b, mStatus=0}\n"
    assert thermal_of(f"{cached}HAL Ready: true\n").battery_c is None
    live = "Current temperatures from HAL:\n\tTemperature{mValue=31.5, mType=2, mName=b}\n"
    assert thermal_of(f"{cached}HAL Ready: true\n{live}").battery_c == 31.5
