"""`bench doctor --verify`: one table, and one file that may be attached to a report."""

import getpass
import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner
from standin_phone.fake_runner import fake_bundle
from standin_phone.scripted import scripted_phone

from bench.cli import bench
from bench.commands.device_report import cleaner, personal_names
from devices import doctor, verify
from devices.adb import UsbPhones
from devices.conditions import read_conditions
from devices.doctor import Patient
from devices.profiles import Profile, load_profiles
from devices.store import Store

SERIAL = "3A151FDJH0012"


def invoke(*arguments):
    return CliRunner().invoke(bench, ["doctor", *map(str, arguments)])


@pytest.fixture
def phone(monkeypatch, tmp_path):
    """A scripted phone in place of a Pixel 8; the value is its folder."""
    link = scripted_phone(tmp_path / "phone")
    link.address = f"usb:{SERIAL}"
    properties = {"ro.serialno": SERIAL, "ro.product.model": "Pixel 8"}
    properties |= {"ro.product.cpu.abi": "arm64-v8a", "ro.build.version.release": "16"}
    bundle = fake_bundle(tmp_path / "bundle", f"echo {Path.home()}/{SERIAL} >&2; exit 3")
    patient = Patient(
        load_profiles()["pixel8"], link, Store(link, str(tmp_path / "base")), properties,
        read_conditions(link), lambda _: bundle,
    )  # fmt: skip
    monkeypatch.setattr(doctor, "phone", lambda *_: patient)
    monkeypatch.setattr(doctor, "build", lambda *_: doctor.Finding("build", "ok", "built"))
    monkeypatch.setattr(doctor, "CHECKS_OF_PHONES", (doctor.pages, doctor.runner))
    monkeypatch.setattr(verify, "CANARY_RUNS", 1)
    monkeypatch.setattr("devices.discovery.usb_phones", lambda: UsbPhones((SERIAL,)))
    monkeypatch.setattr("devices.discovery.server_devices", dict)
    return tmp_path / "phone"


def test_a_verification_is_one_table_and_one_file(phone, tmp_path):
    result = invoke("--device", "pixel8", "--verify", "-o", tmp_path / "found.json")
    assert result.exit_code == 4  # the runner does not start
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["state", "check", "found", "what", "to", "do"]
    assert "thermal" in result.stdout
    document = json.loads((tmp_path / "found.json").read_text())
    checks = [finding["check"] for finding in document["findings"]]
    assert checks == list(dict.fromkeys(checks))
    assert {"runner", "pages", "shell", "battery updates", "affinity", "canary"} <= set(checks)
    assert (document["format"], document["profile"], document["kind"]) == (1, "pixel8", "android")


def test_the_file_holds_no_serial_number_and_no_name_of_user_or_machine(phone, tmp_path):
    invoke("--device", "pixel8", "--verify", "-o", tmp_path / "found.json")
    text = (tmp_path / "found.json").read_text()
    assert "SERIAL" in text  # the address was in it, and the words of the runner
    for personal in (SERIAL, str(Path.home()), f"@{socket.gethostname()}"):
        assert personal not in text


def test_one_json_document_is_printed_and_is_the_file_s(phone, tmp_path):
    result = invoke("--device", "pixel8", "--verify", "--json", "-o", tmp_path / "found.json")
    assert json.loads(result.stdout) == json.loads((tmp_path / "found.json").read_text())


def test_a_phone_without_a_thermal_hal_is_named_in_the_file(phone, tmp_path):
    (phone / "hal").write_text("false\n")
    invoke("--device", "pixel8", "--verify", "-o", tmp_path / "found.json")
    document = json.loads((tmp_path / "found.json").read_text())
    (thermal,) = (found for found in document["findings"] if found["check"] == "thermal")
    assert "no HAL" in thermal["detail"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--device", "pixel8", "-o", "x.json"], "give both"),
        (["--device", "host", "--verify"], "'host' is this machine"),
        (["--device", "pixel8", "--verify", "-o", "no/such/folder.json"], "cannot be written"),
    ],
)
def test_what_cannot_be_verified_or_written_is_said_at_once(arguments, said):
    result = invoke(*arguments)
    assert (result.exit_code, said in result.stderr) == (2, True)


def test_names_addresses_and_numbers_are_taken_out_of_texts(monkeypatch):
    monkeypatch.setattr("devices.discovery.usb_phones", lambda: UsbPhones(("ABC123",)))
    monkeypatch.setattr("devices.discovery.server_devices", dict)
    monkeypatch.setenv("ANDROID_SERIAL", "lab-phone.local:5555")
    monkeypatch.setattr(socket, "gethostname", lambda: "ada-desk.example.org")
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    clean = cleaner(personal_names(Profile("mine", address="10.0.0.7:5555")))
    said = (
        f"{Path.home()}/x, lab-phone.local:5555, ABC123, 10.0.0.7:5555, 192.168.1.2,"
        " aa:bb:cc:dd:ee:ff, ada@ada-desk, server:OTHER99, eng.ada.2025, adapter"
    )
    assert clean(said) == (
        "~/x, SERIAL, SERIAL, SERIAL, ADDRESS, ADDRESS, USER@HOST, server:SERIAL, eng.USER.2025,"
        " adapter"
    )


def test_the_name_of_a_lab_s_own_profile_is_left_out():
    from bench.commands.device_report import document

    own = Profile("adas-phone", like="pixel8")
    assert document(own, [], str)["profile"] == "like pixel8"


def test_devices_say_what_is_missing_where_no_phone_is_seen(monkeypatch):
    monkeypatch.setattr("devices.discovery.usb_phones", lambda: UsbPhones(problem="no libusb"))
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    for name in ("ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS", "ANDROID_SERIAL"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(bench, ["devices"])
    assert result.exit_code == 0
    assert "no adb server answers at tcp:1" in result.stderr
    assert "no libusb" in result.stderr
