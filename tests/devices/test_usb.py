"""USB without an adb server: what keeps us from a phone is said; a key needs no second file."""

import base64
import sys

import pytest

from devices import adb
from devices.adb import AdbLink, seen_on_usb, signer, usb_phones
from model.errors import ConfigError, DeviceUnavailableError


@pytest.fixture
def no_phone_in_sysfs(monkeypatch):
    monkeypatch.setattr(adb, "seen_on_usb", lambda: "")


def test_without_the_extra_the_extra_is_named(monkeypatch, no_phone_in_sysfs):
    monkeypatch.setitem(sys.modules, "usb1", None)
    monkeypatch.delitem(sys.modules, "adb_shell.transport.usb_transport", raising=False)
    found = usb_phones()
    assert found.serials == ()
    assert found.problem == (
        "USB without an adb server needs: pip install 'mobilespeech-bench[usb]'"
    )


class Phone:
    """A phone whose serial number libusb gives, or refuses with an error."""

    def __init__(self, answer):
        self._answer = answer

    @property
    def serial_number(self):
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.fixture
def on_usb(monkeypatch):
    """Puts phones on USB."""
    transport = pytest.importorskip("adb_shell.transport.usb_transport")

    def put(*answers, error=None):
        def find(**_):
            if error:
                raise error
            return map(Phone, answers)

        monkeypatch.setattr(transport.UsbTransport, "find_all_adb_devices", find)

    return put


def test_a_phone_that_udev_keeps_from_this_user_is_named_with_the_rules_package(on_usb):
    usb1 = pytest.importorskip("usb1")
    on_usb("A", usb1.USBErrorAccess())
    found = usb_phones()
    assert found.serials == ("A",)
    assert "android-sdk-platform-tools-common" in found.blocked[0]
    assert "plugdev" in found.blocked[0]


def test_a_phone_that_an_adb_server_holds_is_named_so(on_usb):
    usb1 = pytest.importorskip("usb1")
    on_usb(usb1.USBErrorBusy())
    assert "adb kill-server" in usb_phones().blocked[0]


def test_a_phone_that_may_not_be_opened_is_explained_where_it_is_used(monkeypatch):
    usb1 = pytest.importorskip("usb1")

    def refuse(_):
        raise usb1.USBErrorAccess

    monkeypatch.setattr(adb, "open_transport", refuse)
    with pytest.raises(DeviceUnavailableError, match="android-sdk-platform-tools-common"):
        AdbLink("usb:A").run("true")


def test_a_missing_libusb_is_named_though_its_python_package_is_there(on_usb, no_phone_in_sysfs):
    # python-libusb1 3 loads the library when the first context is made: usb1/_libusb1.py.
    on_usb(error=OSError("libusb-1.0.so.0: cannot open shared object file"))
    assert "sudo apt install libusb-1.0-0" in usb_phones().problem


def test_a_phone_on_usb_is_seen_by_its_adb_interface(tmp_path):
    # AOSP, packages/modules/adb, adb.h: ADB_CLASS, ADB_SUBCLASS, ADB_PROTOCOL.
    def interface(name, codes):
        folder = tmp_path / name
        folder.mkdir()
        for kind, code in zip(("Class", "SubClass", "Protocol"), codes, strict=True):
            (folder / f"bInterface{kind}").write_text(f"{code}\n")

    interface("1-1:1.0", ("09", "00", "00"))
    assert seen_on_usb(tmp_path) == ""
    interface("1-2:1.1", ("ff", "42", "01"))
    assert seen_on_usb(tmp_path) == "a phone is on USB, but "


@pytest.fixture
def key(tmp_path):
    from adb_shell.auth.keygen import keygen

    keygen(str(tmp_path / "adbkey"))
    return tmp_path / "adbkey"


def test_a_key_without_its_public_file_is_used_as_with_it(key):
    with_file = signer(key)
    key.with_suffix(".pub").unlink()
    signer.cache_clear()
    without = signer(key)
    assert without.Sign(bytes(20)) == with_file.Sign(bytes(20))
    written, computed = (one.GetPublicKey().split()[0] for one in (with_file, without))
    assert base64.b64decode(computed) == base64.b64decode(written)


def test_a_key_that_is_none_is_one_line_with_its_path(tmp_path, monkeypatch):
    (tmp_path / "adbkey").write_text("no key")
    monkeypatch.setattr(adb, "ANDROID_KEY", tmp_path / "adbkey")
    monkeypatch.setattr(adb, "OWN_KEY", tmp_path / "none")
    with pytest.raises(ConfigError, match=r"the ADB key .*adbkey cannot be used"):
        adb.signers()
