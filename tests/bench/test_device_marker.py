"""`pytest -m device`: measures on the phone that is asked for, and skips with the reason."""

import subprocess
import sys

import pytest
from physical_phone import NoPhoneError, PhysicalPhone, physical_phone

from devices import discovery
from devices.adb import UsbPhones
from devices.discovery import Attached
from lowering.cache import ROOT

PIXEL8 = {
    "ro.product.device": "shiba",
    "ro.soc.model": "Tensor G3",
    "ro.product.cpu.abi": "arm64-v8a",
}


@pytest.fixture
def there(monkeypatch):
    """Puts phones on USB: what each says of itself."""
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    monkeypatch.setattr(discovery, "server_problem", lambda: "no adb server answers")
    monkeypatch.setattr(discovery, "server_devices", dict)

    def put(**says):
        monkeypatch.setattr(discovery, "usb_phones", lambda: UsbPhones(tuple(says)))
        monkeypatch.setattr(
            discovery,
            "look",
            lambda address, _: Attached(address, says.get(address.removeprefix("usb:"), {})),
        )

    put()
    return put


@pytest.mark.parametrize("markers", ["", "not alone", "not device"])
def test_a_phone_is_left_alone_where_nobody_asks_for_it(there, markers):
    there(A=PIXEL8)
    with pytest.raises(NoPhoneError, match="pytest -m device"):
        physical_phone(markers)


def test_without_a_phone_the_reason_says_what_is_missing(there):
    with pytest.raises(NoPhoneError, match="no phone: no adb server answers; no phone on USB"):
        physical_phone("device")


def test_the_attached_phone_is_found_with_its_most_particular_profile(there):
    there(A=PIXEL8)
    assert physical_phone("device") == PhysicalPhone("usb:A", "pixel8")


def test_an_emulated_phone_is_measured_only_by_name(there, monkeypatch):
    there(A={**PIXEL8, "ro.kernel.qemu": "1"})
    with pytest.raises(NoPhoneError):
        physical_phone("device")
    monkeypatch.setenv("ANDROID_SERIAL", "A")
    assert physical_phone("device").address == "usb:A"


def test_the_marked_tests_are_skipped_with_a_reason_and_not_passed():
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"),
            *("-m", "not alone", "tests/bench/test_physical_phone.py"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 skipped" in done.stdout
    assert "a physical phone is measured by `pytest -m device` alone" in done.stdout
