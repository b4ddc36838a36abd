"""Phones at a glance: listed with their state, or with their problem."""

import pytest
from click.testing import CliRunner
from standin_phone.fake_runner import fake_bundle, fake_job
from standin_phone.hostile import hostile_daemon
from standin_phone.local_link import ScriptedLink

from bench.cli import bench
from bench.commands.device_list import facts
from bench.commands.devices import sentence_of
from devices import discovery
from devices.adb import AdbLink, UsbPhones
from devices.android import BASE, Android
from devices.discovery import Attached
from devices.overview import Cleaned, clean, clean_one, survey
from devices.profiles import load_profiles
from devices.schedule import Schedule
from model.errors import DeviceUnavailableError


@pytest.fixture(autouse=True)
def nothing_plugged_in(keys, monkeypatch):
    monkeypatch.setattr(discovery, "usb_phones", UsbPhones)
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)


def test_a_phone_with_a_hostile_name_is_shown_harmlessly():
    def behave(wire):
        wire.connect()
        number, service = wire.accept_service()
        properties = b"[ro.product.model]: [\x1b[2Jx]\n[ro.product.cpu.abi]: [arm64-v8a]\n"
        wire.answer(number, properties if b"getprop" in service else b"\xff" * 100)

    with hostile_daemon(behave) as address:
        (found,) = survey(load_profiles({"android": {"address": address}}), print)
    assert (found.model, found.profiles, found.problem) == ("\\x1b[2Jx", ("android",), "")
    assert (found.conditions.battery_percent, found.free_bytes) == (None, None)


def test_a_phone_that_does_not_answer_is_listed_with_its_problem():
    profiles = load_profiles({"android": {"address": "127.0.0.1:1"}})
    (found,) = survey(profiles, print)
    assert "Connection refused" in found.problem
    assert found.used_bytes is None
    line = sentence_of(facts(found))
    assert line.startswith("cannot be used: at 127.0.0.1:1, ")
    assert "GB ours" not in line


def test_cleaning_names_each_phone_that_keeps_our_files_and_goes_on(monkeypatch):
    monkeypatch.setattr("devices.overview.attached", lambda *_: [
        Attached("usb:A", {}, "it has not accepted this computer's key"),
        Attached("usb:B", {"ro.product.cpu.abi": "arm64-v8a"}),
    ])  # fmt: skip
    monkeypatch.setattr("devices.overview.link_to", lambda *_: ScriptedLink(""))
    monkeypatch.setattr(Android, "clean", lambda _: 5)
    assert clean(load_profiles(), print) == [
        Cleaned("usb:A", problem="it has not accepted this computer's key"),
        Cleaned("usb:B", freed_bytes=5),
    ]


def test_a_phone_in_use_stops_the_cleaning_of_no_other():
    def connect():
        raise DeviceUnavailableError("usb:A is in use by another run on this computer")

    assert "in use" in clean_one("usb:A", connect).problem


@pytest.mark.parametrize(("problem", "code"), [("it is in use", 4), ("", 0)])
def test_cleaning_ends_with_4_where_a_phone_keeps_our_files(monkeypatch, problem, code):
    monkeypatch.setattr(
        "bench.commands.device_list.clean", lambda *_: [Cleaned("usb:A", problem=problem)]
    )
    result = CliRunner().invoke(bench, ["devices", "--clean"])
    assert result.exit_code == code
    assert result.stdout == f"usb:A: {problem or 'cleaned'}\n"


def test_a_board_that_is_off_is_listed_with_its_problem_and_named_in_cleaning():
    pytest.importorskip("paramiko")
    profiles = load_profiles({"board": {"kind": "linux", "address": "pi@127.0.0.1:1"}})
    (found,) = survey(profiles, print)
    assert (found.address, found.profiles) == ("pi@127.0.0.1:1", ("board",))
    assert "is the board on" in found.problem
    (cleaned,) = clean(profiles, print)
    assert (cleaned.address, cleaned.freed_bytes) == ("pi@127.0.0.1:1", None)
    assert "is the board on" in cleaned.problem


@pytest.mark.slow
def test_an_attached_phone_is_listed_with_its_state_and_cleaned(phone_amd64, tmp_path):
    profiles = load_profiles({"standin-amd64": {"address": phone_amd64.address}})
    profile, link = profiles["standin-amd64"], AdbLink(phone_amd64.address)
    properties = discovery.find(profile, print).properties
    device = Android(profile, link, properties, lambda _: fake_bundle(tmp_path / "bundle"))
    device.measure(fake_job(tmp_path), Schedule(warmup=0, iterations=1))
    (found,) = survey(profiles, print)
    assert (found.address, found.emulated) == (phone_amd64.address, True)
    assert found.profiles[0] == "standin-amd64"
    assert found.free_bytes > found.used_bytes > 0
    assert found.conditions.available_bytes > 0
    assert clean(profiles, print) == [Cleaned(phone_amd64.address, found.used_bytes)]
    assert AdbLink(phone_amd64.address).run(f"test -e {BASE}").code != 0
