"""`bench devices`: what is attached, on one line each."""

from bench.commands.device_list import facts
from bench.commands.devices import sentence_of
from devices.conditions import Conditions
from devices.overview import Overview

PHONE = Overview("usb:1", "Pixel 8", ("pixel8",), conditions=Conditions(0, battery_c=30.1))


def test_a_thermal_status_of_0_is_shown():
    assert "thermal status 0" in sentence_of(facts(PHONE))


def test_a_thermal_status_that_is_not_known_is_not_shown_as_0():
    seen = Overview("usb:1", "Pixel 8", ("pixel8",), conditions=Conditions(None))
    assert "thermal status" not in sentence_of(facts(seen))


def test_the_source_of_the_temperature_and_a_frozen_battery_service_are_shown():
    told = Conditions(0, battery_c=30.1, battery_source="power_supply", updates_stopped=True)
    shown = sentence_of(facts(Overview("usb:1", "Pixel 8", ("pixel8",), conditions=told)))
    assert "30.1 °C, temperature from power_supply" in shown
    assert "battery service frozen" in shown


def test_what_is_false_is_not_shown():
    assert "emulated" not in sentence_of(facts(PHONE))
    assert "frozen" not in sentence_of(facts(PHONE))
