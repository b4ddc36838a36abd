"""Finding phones: by what they say of themselves, and by name where several say the same."""

import pytest

from devices import discovery
from devices.adb import UsbPhones
from devices.discovery import Attached, addresses, attached, find, is_at
from devices.profiles import load_profiles
from model.errors import ConfigError, DeviceUnavailableError

PIXEL8 = {
    "ro.product.device": "shiba",
    "ro.soc.model": "Tensor G3",
    "ro.product.cpu.abi": "arm64-v8a",
}


@pytest.fixture
def there(monkeypatch):
    """Puts phones on USB and at an adb server: a serial number and what each says of itself."""
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    monkeypatch.setattr(discovery, "server_problem", lambda: "no adb server answers")

    def put(usb=(), server=(), says=None):
        says = says or {}
        monkeypatch.setattr(discovery, "usb_phones", lambda: UsbPhones(tuple(usb)))
        monkeypatch.setattr(discovery, "server_devices", lambda: dict.fromkeys(server, "device"))
        monkeypatch.setattr(
            discovery,
            "look",
            lambda address, _: Attached(address, says.get(address.partition(":")[2], {})),
        )

    put()
    return put


def test_one_phone_of_the_model_needs_no_serial_number(there):
    there(usb=["A", "B"], says={"A": PIXEL8, "B": {**PIXEL8, "ro.product.device": "husky"}})
    assert find(load_profiles()["pixel8"], print).address == "usb:A"


def test_several_phones_of_the_model_must_be_told_apart(there, monkeypatch):
    there(usb=["A", "B"], says={"A": PIXEL8, "B": PIXEL8})
    with pytest.raises(ConfigError, match="usb:A, usb:B; name one in ANDROID_SERIAL"):
        find(load_profiles()["pixel8"], print)
    monkeypatch.setenv("ANDROID_SERIAL", "B")
    assert find(load_profiles()["pixel8"], print).address == "usb:B"
    own = load_profiles({"pixel8": {"address": "A"}})["pixel8"]
    assert find(own, print).address == "usb:A"


def test_one_phone_reached_in_two_ways_is_one_phone(there):
    one = {**PIXEL8, "ro.serialno": "S"}
    there(usb=["A"], server=["B"], says={"A": one, "B": one})
    assert find(load_profiles()["pixel8"], print).address == "server:B"


def test_a_phone_that_an_adb_server_holds_is_asked_through_it(there):
    there(usb=["A", "B"], server=["A"])
    assert addresses() == ["server:A", "usb:B"]


def test_an_address_is_looked_up_even_if_nothing_is_plugged_in(there):
    assert addresses(["10.0.0.7:5555", "", "SERIAL"]) == ["10.0.0.7:5555"]


@pytest.mark.parametrize(
    ("address", "wanted", "same"),
    [
        ("usb:A", "A", True),
        ("usb:A", "usb:A", True),
        ("server:10.0.0.7:5555", "10.0.0.7:5555", True),
        ("usb:AB", "A", False),
    ],
)
def test_a_phone_is_named_by_its_serial_number_or_its_address(address, wanted, same):
    assert is_at(address, wanted) is same


def test_nothing_plugged_in_is_said_with_what_to_do(there):
    with pytest.raises(DeviceUnavailableError) as caught:
        find(load_profiles()["pixel8"], print)
    assert "no Google Pixel 8 found (no adb server answers; no phone on USB)" in str(caught.value)
    assert "bench.toml [devices.pixel8]" in str(caught.value)


@pytest.mark.parametrize(
    ("usb", "said"),
    [
        (UsbPhones(problem="USB needs the extra"), "USB needs the extra"),
        (UsbPhones(blocked=("a phone cannot be opened: udev",)), "a phone cannot be opened: udev"),
    ],
)
def test_what_keeps_us_from_usb_is_said_in_place_of_no_phone(there, monkeypatch, usb, said):
    monkeypatch.setattr(discovery, "usb_phones", lambda: usb)
    with pytest.raises(DeviceUnavailableError) as caught:
        find(load_profiles()["pixel8"], print)
    assert f"(no adb server answers; {said})" in str(caught.value)


def test_a_phone_that_cannot_be_opened_is_told_beside_those_that_do_not_fit(there, monkeypatch):
    there(usb=["A"], says={"A": {**PIXEL8, "ro.product.device": "husky"}})
    monkeypatch.setattr(discovery, "usb_phones", lambda: UsbPhones(("A",), ("udev rules",)))
    with pytest.raises(DeviceUnavailableError, match=r"'husky'.*; udev rules"):
        find(load_profiles()["pixel8"], print)


def test_a_phone_on_usb_that_this_user_may_not_open_is_listed_with_the_remedy(there, monkeypatch):
    monkeypatch.setattr(discovery, "usb_phones", lambda: UsbPhones(blocked=("udev rules",)))
    (listed,) = attached(load_profiles(), print)
    assert (listed.address, listed.problem) == ("usb", "udev rules")


def test_an_adb_server_without_rights_is_explained_whatever_it_adds(monkeypatch):
    # AOSP, system/core, diagnose_usb/diagnose_usb.cpp: UsbNoPermissionsShortHelpText.
    state = "no permissions (missing udev rules? user is in the plugdev group); see [http://x]"
    monkeypatch.setattr(discovery, "server_devices", lambda: {"A": state})
    assert "android-sdk-platform-tools-common" in discovery.look("server:A", print).problem


def test_what_is_there_instead_is_said(there):
    there(usb=["A"], says={"A": {**PIXEL8, "ro.product.device": "husky"}})
    with pytest.raises(DeviceUnavailableError, match=r"usb:A: its ro\.product\.device is 'husky'"):
        find(load_profiles()["pixel8"], print)


def test_a_phone_that_waits_at_the_adb_server_is_listed_with_the_reason(monkeypatch):
    monkeypatch.setattr(discovery, "server_devices", lambda: {"A": "unauthorized"})
    assert "look at its screen" in discovery.look("server:A", print).problem


def test_phones_named_in_profiles_and_in_the_environment_are_listed(there, monkeypatch):
    monkeypatch.setenv("ANDROID_SERIAL", "10.0.0.8:5555")
    there(usb=["A"])
    profiles = load_profiles({"pixel8": {"address": "10.0.0.7:5555"}})
    found = [phone.address for phone in attached(profiles, print)]
    assert found == ["usb:A", "10.0.0.7:5555", "10.0.0.8:5555"]
