"""The doctor: every trouble is found, and each has a remedy."""

import contextlib
from dataclasses import replace

import pytest
from standin_phone.fake_runner import fake_bundle
from standin_phone.local_link import LocalLink, ScriptedLink
from standin_phone.scripted import scripted_phone

from devices import doctor
from devices.adb import UsbPhones
from devices.bundle import build_bundle
from devices.claim import claimed
from devices.conditions import Conditions, read_conditions
from devices.doctor import OK, PROBLEM, WARNING, Patient, examine
from devices.profiles import load_profiles
from devices.state import UNRESTORED, mark
from devices.store import Store
from devices.wakefulness import Wakefulness
from model.errors import DeviceError

PIXEL8 = load_profiles()["pixel8"]
HEALTHY = Conditions(
    thermal_status=0,
    battery_percent=80,
    battery_c=30.0,
    battery_source="power_supply",
    powered=True,
    max_clocks_khz=(1800000,),
    available_bytes=3_000_000_000,
)


def patient(link=None, conditions=HEALTHY, properties=None, base="/data/ours"):
    link = link or ScriptedLink("")
    return Patient(PIXEL8, link, Store(link, str(base)), properties or {}, conditions, build_bundle)


@pytest.mark.parametrize(
    ("properties", "state", "detail"),
    [
        ({"ro.build.version.release": "16"}, OK, "Android 16"),
        ({"ro.kernel.qemu": "1"}, WARNING, "emulated"),
        ({"ro.hardware": "ranchu"}, WARNING, "emulated"),
        ({"ro.build.type": "userdebug"}, WARNING, "not a user build"),
    ],
)
def test_the_system_is_judged_by_what_it_says(properties, state, detail):
    found = doctor.system(patient(properties=properties))
    assert (found.state, detail in found.detail) == (state, True)


@pytest.mark.parametrize(
    ("conditions", "state", "remedy"),
    [
        (HEALTHY, OK, ""),
        (replace(HEALTHY, battery_c=45.0), WARNING, "let it cool below 37.0 °C"),
        (replace(HEALTHY, thermal_status=3), WARNING, "let it cool"),
        (replace(HEALTHY, thermal_override=True), PROBLEM, "cmd thermalservice reset"),
        (Conditions(), WARNING, "judged by a workload"),
        (replace(HEALTHY, battery_c=None), WARNING, "no repeat waits"),
    ],
)
def test_temperature_is_judged_with_a_remedy(conditions, state, remedy):
    found = doctor.temperature(patient(conditions=conditions))
    assert (found.state, remedy in found.remedy) == (state, True)


def test_a_phone_that_is_too_old_for_a_thermal_status_is_told_so():
    old = {"ro.build.version.sdk": "28"}
    found = doctor.temperature(patient(conditions=Conditions(), properties=old))
    assert found.remedy == "Android 10 or newer tells it"


@pytest.mark.parametrize("sdk", ["", "Baklava", "35.1", "9" * 5000, "-1"])
def test_a_phone_with_an_odd_version_is_judged_all_the_same(sdk):
    found = doctor.temperature(
        patient(conditions=Conditions(), properties={"ro.build.version.sdk": sdk})
    )
    assert (found.state, found.remedy) == (WARNING, "throttling is judged by a workload")


def test_nothing_that_a_phone_says_of_itself_steers_the_terminal(monkeypatch, tmp_path):
    said = {"ro.build.version.release": "14\x1b[2J\u202e" + "x" * 5000, "ro.build.type": "eng"}
    monkeypatch.setattr(doctor, "phone", lambda *_: patient(properties=said))
    monkeypatch.setattr(doctor, "claimed", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(doctor, "CHECKS_OF_PHONES", (doctor.system,))
    found = list(examine(PIXEL8, bundle_for=lambda _: fake_bundle(tmp_path)))
    assert [finding.check for finding in found] == ["build", "connection", "system"]
    assert all(finding.detail.isprintable() for finding in found)
    assert max(len(finding.detail) for finding in found) < 1100


@pytest.mark.parametrize(
    ("available_bytes", "state"), [(3_000_000_000, OK), (100_000_000, WARNING), (None, WARNING)]
)
def test_memory_is_judged(available_bytes, state):
    conditions = replace(HEALTHY, available_bytes=available_bytes)
    assert doctor.memory(patient(conditions=conditions)).state == state


@pytest.mark.parametrize(("free_kib", "state"), [(1_000_000, OK), (10_000, PROBLEM)])
def test_room_is_judged(free_kib, state):
    link = ScriptedLink(f"Filesystem 1K-blocks Used\n/dev/x 9 9 {free_kib} 9% /data\n")
    assert doctor.room(patient(link)).state == state


def test_missing_commands_are_named():
    found = doctor.tools(patient(ScriptedLink("sha256sum\ndf\n")))
    assert (found.state, found.detail) == (PROBLEM, "missing: sha256sum df")


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({"powered": False}, OK, "80 %"),
        ({"battery_percent": 10}, WARNING, "charge it first"),
        ({"powered": True}, WARNING, "a charger is connected"),
        ({"updates_stopped": True}, WARNING, "dumpsys battery reset"),
        ({"battery_percent": None}, WARNING, "does not tell"),
    ],
)
def test_the_battery_is_judged_with_a_remedy(changes, state, words):
    found = doctor.battery(patient(conditions=replace(HEALTHY, **changes)))
    assert found.state == state
    assert words in f"{found.detail}; {found.remedy}"


@pytest.mark.parametrize(
    ("wakefulness", "address", "state", "words"),
    [
        (Wakefulness(False, False, False), "usb:1", OK, "off"),
        (Wakefulness(False, False, False), "10.0.0.7:5555", WARNING, "may sleep"),
        (Wakefulness(False, False, True), "10.0.0.7:5555", OK, "off"),
        (Wakefulness(True, False, False), "usb:1", WARNING, "the screen is on"),
        (Wakefulness(False, True, True), "usb:1", WARNING, "in doze"),
        (Wakefulness(), "usb:1", WARNING, "does not tell"),
    ],
)
def test_a_phone_that_may_sleep_or_doze_is_told(wakefulness, address, state, words):
    link = ScriptedLink("")
    link.address = address
    found = doctor.awake(patient(link, replace(HEALTHY, wakefulness=wakefulness)))
    assert (found.state, words in found.detail) == (state, True)


def test_a_phone_on_the_network_that_tells_of_no_wake_locks_is_not_said_to_stay_awake():
    link = ScriptedLink("")
    link.address = "192.168.1.20:5555"
    told = replace(HEALTHY, wakefulness=Wakefulness(screen_on=False))
    found = doctor.awake(patient(link, told))
    assert (found.state, "may sleep" in found.detail) == (WARNING, True)


def test_a_check_that_the_folder_on_the_phone_stops_names_the_remedy(monkeypatch, tmp_path):
    def runner(_):
        raise DeviceError("secure_mkdirs failed: Permission denied")

    monkeypatch.setattr(doctor, "phone", lambda *_: patient())
    monkeypatch.setattr(doctor, "claimed", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(doctor, "CHECKS_OF_PHONES", (runner,))
    *_, found = examine(PIXEL8, bundle_for=lambda _: fake_bundle(tmp_path))
    assert (found.check, found.state) == ("runner", PROBLEM)
    assert "`bench devices --clean`" in found.remedy


@pytest.mark.parametrize(
    ("last", "state"),
    [("100 0 0 990 0 0 0 0", OK), ("150 0 0 950 0 0 0 0", WARNING), ("", WARNING)],
)
def test_the_load_of_other_programs_is_judged(last, state):
    link = ScriptedLink(f"cpu  100 0 0 900 0 0 0 0 0 0\ncpu  {last}\n")
    assert doctor.load(patient(link)).state == state


def test_a_runner_that_does_not_start_is_a_problem_in_its_own_words(tmp_path):
    for behaviour, state in (("exit 2", OK), ("echo no such luck >&2; exit 1", PROBLEM)):
        bundle = fake_bundle(tmp_path / behaviour[:6], behaviour)
        someone = patient(LocalLink(tmp_path), base=tmp_path / "base")
        found = doctor.runner(replace(someone, bundle_for=lambda _, b=bundle: b))
        assert found.state == state
    assert "no such luck" in found.detail


def test_nothing_there_is_one_problem_and_no_error(monkeypatch, tmp_path):
    monkeypatch.setattr("devices.discovery.usb_phones", UsbPhones)
    monkeypatch.setattr("devices.discovery.server_devices", dict)
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    bundle = fake_bundle(tmp_path, "exit 2")
    built, found = examine(PIXEL8, bundle_for=lambda _: bundle)
    assert (built.check, built.state) == ("build", OK)
    assert (found.check, found.state) == ("connection", PROBLEM)
    assert "no Google Pixel 8 found" in found.detail
    assert found.remedy


def test_a_missing_compiler_is_told_though_no_phone_is_there(monkeypatch):
    def fail(_):
        raise DeviceError("aarch64-linux-gnu-g++ is not installed")

    monkeypatch.setattr("devices.discovery.usb_phones", UsbPhones)
    monkeypatch.setattr("devices.discovery.server_devices", dict)
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    states = {f.check: f.state for f in examine(PIXEL8, bundle_for=fail)}
    assert states == {"build": PROBLEM, "connection": PROBLEM}


def test_a_runner_of_one_s_own_is_looked_for_and_started(tmp_path):
    profile = replace(PIXEL8, runner=str(tmp_path / "executor_runner"))
    assert doctor.build(profile, build_bundle).state == PROBLEM
    (tmp_path / "libqnn.so").write_text("")
    for ending, state in (("exit 1", OK), ("exit 127", PROBLEM)):
        (tmp_path / "executor_runner").write_text(f"#!/bin/sh\n{ending}\n")
        assert doctor.build(profile, build_bundle).detail == "2 files of your own"
        someone = patient(LocalLink(tmp_path / "link"), base=tmp_path / "base")
        assert doctor.runner(replace(someone, profile=profile)).state == state


def test_a_phone_that_a_run_measures_is_not_touched(monkeypatch, tmp_path):
    monkeypatch.setattr("devices.claim.LOCKS", tmp_path)
    link = ScriptedLink("")
    someone = Patient(PIXEL8, link, Store(link, "/data/ours"), {}, HEALTHY, build_bundle)
    monkeypatch.setattr(doctor, "phone", lambda *_: someone)
    monkeypatch.setattr(doctor, "CHECKS_OF_PHONES", (lambda _: pytest.fail("touched"),))
    bundle = fake_bundle(tmp_path / "bundle", "exit 2")
    with claimed(link.address, link.address):
        *_, last = examine(PIXEL8, bundle_for=lambda _: bundle)
    assert (last.check, last.state) == ("in use", PROBLEM)


def test_what_an_interrupted_run_froze_is_not_blamed_on_another_program(monkeypatch, tmp_path):
    monkeypatch.setattr("devices.claim.LOCKS", tmp_path)
    link, base = scripted_phone(tmp_path), str(tmp_path / "base")
    link.run(f"mkdir {base}; echo charger >{mark(base)}; dumpsys battery unplug")
    frozen = read_conditions(link)
    assert frozen.updates_stopped
    someone = Patient(PIXEL8, link, Store(link, base), {}, frozen, build_bundle)
    monkeypatch.setattr(doctor, "phone", lambda *_: someone)
    monkeypatch.setattr(doctor, "CHECKS_OF_PHONES", (doctor.leftovers, doctor.battery))
    bundle = fake_bundle(tmp_path / "bundle", "exit 2")
    *_, left, battery = examine(PIXEL8, bundle_for=lambda _: bundle)
    assert "cut off" in left.detail
    assert battery.detail == "80 %, a charger is connected, which heats it"


@pytest.mark.slow
def test_a_stand_in_phone_is_examined_from_connection_to_runner(phone_amd64, tmp_path):
    profile = replace(load_profiles()["standin-amd64"], address=phone_amd64.address)
    bundle = fake_bundle(tmp_path, "exit 2")
    found = {f.check: f for f in examine(profile, bundle_for=lambda _: bundle)}
    assert list(found) == [
        *("build", "connection", "leftovers", "system", "tools", "room", "memory"),
        *("temperature", "battery", "clocks", "awake", "load", "cores", "pages", "runner"),
    ]
    assert all(f.state != PROBLEM for f in found.values())
    assert all(f.remedy for f in found.values() if f.state != OK)
    assert "emulated" in found["system"].detail


@pytest.mark.slow
def test_what_an_interrupted_run_left_is_put_right_and_told(phone_amd64, tmp_path):
    from devices.adb import AdbLink
    from devices.android import BASE

    AdbLink(phone_amd64.address).run(f"mkdir -p {BASE}; touch {BASE}/{UNRESTORED}")
    profile = replace(load_profiles()["standin-amd64"], address=phone_amd64.address)
    bundle = fake_bundle(tmp_path, "exit 2")
    found = {f.check: f for f in examine(profile, bundle_for=lambda _: bundle)}
    assert "cut off" in found["leftovers"].detail
