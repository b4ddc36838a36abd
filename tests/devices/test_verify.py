"""What a measurement assumes, tried on phones that do otherwise: each is named, with a remedy."""

import json
import os
import struct
from dataclasses import replace

import pytest
from standin_phone.fake_runner import fake_bundle
from standin_phone.local_link import LocalLink, ScriptedLink
from standin_phone.scripted import commands, scripted_phone

from devices import doctor, verify
from devices.bundle import build_bundle
from devices.conditions import WARNINGS, Conditions
from devices.cores import canary_ms
from devices.doctor import OK, PROBLEM, WARNING, Patient
from devices.elf import load_alignment
from devices.profiles import load_profiles
from devices.state import UNRESTORED
from devices.store import Store
from model.errors import DeviceError

PIXEL8 = load_profiles()["pixel8"]


def patient(link, tmp_path, bundle_for=build_bundle, properties=None):
    store = Store(link, str(tmp_path / "base"))
    return Patient(PIXEL8, link, store, properties or {}, Conditions(), bundle_for)


@pytest.fixture
def with_programs(tmp_path):
    """Makes a scripted phone with programs of its own in place of some."""

    def make(**scripts):
        phone = scripted_phone(tmp_path)
        return LocalLink(tmp_path, {**commands(str(tmp_path)), **scripts}) if scripts else phone

    return make


# ---- Battery, thermal HAL -----------------------------------------------------------------------


def test_battery_updates_that_stop_and_resume_are_right(with_programs, tmp_path):
    found = verify.battery_updates(patient(with_programs(), tmp_path))
    assert (found.state, found.facts["stopped"]) == (OK, [True, False])
    assert "stop at `unplug` and resume at `reset`" in found.detail
    assert not (tmp_path / "base" / UNRESTORED).exists()


def test_a_battery_that_another_program_froze_is_named_and_left_alone(with_programs, tmp_path):
    link = with_programs()
    link.run("dumpsys battery unplug")
    found = verify.battery_updates(patient(link, tmp_path))
    assert (found.state, "frozen" in found.detail) == (WARNING, True)
    assert found.remedy == "adb shell dumpsys battery reset"
    assert "UPDATES STOPPED" in link.run("dumpsys battery").stdout


def dumpsys_without(tmp_path, verb):
    """The services of the scripted phone, of which one command does nothing."""
    script = commands(str(tmp_path))["dumpsys"]
    return f'[ "$1 $2" = "battery {verb}" ] && exit\n{script}'


def test_a_battery_that_stays_frozen_is_a_problem(with_programs, tmp_path):
    link = with_programs(dumpsys=dumpsys_without(tmp_path, "reset"))
    found = verify.battery_updates(patient(link, tmp_path))
    assert (found.state, "stays frozen" in found.detail) == (PROBLEM, True)


def test_a_battery_that_never_freezes_is_named(with_programs, tmp_path):
    link = with_programs(dumpsys=dumpsys_without(tmp_path, "unplug"))
    found = verify.battery_updates(patient(link, tmp_path))
    assert (found.state, "does not stop them" in found.detail) == (WARNING, True)


def test_a_phone_without_a_battery_service_is_named(tmp_path):
    assert verify.battery_updates(patient(ScriptedLink(""), tmp_path)).state == WARNING


def test_a_thermal_service_without_its_hal_is_named(with_programs, tmp_path):
    link = with_programs()
    assert verify.thermal(patient(link, tmp_path)).state == OK
    (tmp_path / "hal").write_text("false\n")
    found = verify.thermal(patient(link, tmp_path))
    assert (found.state, "no HAL" in found.detail) == (WARNING, True)
    assert "THERMAL_UNKNOWN" in found.remedy
    assert found.facts["status"] is None


def test_a_thermal_hal_that_reports_no_throttling_is_named(with_programs, tmp_path):
    link = with_programs()
    (tmp_path / "hal_version").write_text("1.0\n")
    found = verify.thermal(patient(link, tmp_path))
    assert (found.state, "reports no throttling" in found.detail) == (WARNING, True)


# ---- Cores --------------------------------------------------------------------------------------


def test_children_run_on_the_core_that_they_are_kept_on(tmp_path):
    found = verify.affinity(patient(LocalLink(tmp_path), tmp_path))
    forbidden = set(found.facts["cores"]) - os.sched_getaffinity(0)
    assert (set(found.facts["refused"]), found.facts["elsewhere"]) == (forbidden, [])
    assert found.state == (WARNING if forbidden else OK)


# toybox, toys/other/taskset.c: "failed to set pid %d's affinity", and status 1.
REFUSING = 'echo "taskset: failed to set pid 7\'s affinity: Invalid argument" >&2; exit 1'


def test_a_refused_mask_is_named_by_the_doctor_and_by_verifying(tmp_path):
    someone = patient(LocalLink(tmp_path, {"taskset": REFUSING}), tmp_path)
    found = verify.affinity(someone)
    assert (found.state, "refuses cores" in found.detail) == (WARNING, True)
    assert "CORES_REFUSED" in found.remedy
    assert "CORES_REFUSED" in WARNINGS
    seen = doctor.cores(someone)
    assert (seen.state, "refuses it" in seen.detail) == (WARNING, True)


def test_a_mask_without_effect_is_named(tmp_path):
    # A child that is kept on core 3 and found on core 5.
    link = ScriptedLink("cpu3 160 @1\ncpu4 1024 @2\ncpu4 S 5\n")
    found = verify.affinity(patient(link, tmp_path))
    assert (found.state, found.facts["elsewhere"]) == (WARNING, [4])


def test_files_of_speeds_are_counted_and_shown(tmp_path):
    link = ScriptedLink("cpu0 160 @1803000\ncpu1 1024 @2802000\nthere read\nthere\n")
    capacity = verify.capacity(patient(link, tmp_path))
    assert (capacity.state, capacity.facts) == (OK, {"cpu_capacity": [160, 1024]})
    frequency = verify.frequency(patient(link, tmp_path))
    assert frequency.facts["cpuinfo_max_freq"] == [1803000, 2802000]
    assert frequency.facts["scaling_cur_freq"] == [2, 1]
    silent = ScriptedLink("cpu0  @\ncpu1  @\n")
    assert verify.capacity(patient(silent, tmp_path)).state == WARNING
    assert verify.frequency(patient(silent, tmp_path)).state == WARNING


def test_unreadable_files_are_told_from_missing_ones(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").mkdir()  # there, and no program can read it as a file
    link = LocalLink(tmp_path / "link")
    assert verify.readable(link, f"{tmp_path}/[abc]") == (2, 1)


# ---- Pages, loader ------------------------------------------------------------------------------


def elf(align_bytes):
    """A 64-bit ELF file of a header and one segment that is loaded: elf(5)."""
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<Q", header, 32, 64)
    struct.pack_into("<HH", header, 54, 56, 1)
    return bytes(header) + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 0, 0, align_bytes)


@pytest.mark.parametrize(
    ("page_bytes", "align_bytes", "state", "said"),
    [
        (4096, 4096, OK, "of 4 KiB"),
        (16384, 65536, WARNING, "of 16 KiB; the runner is aligned for them"),
        (16384, 4096, PROBLEM, "of 16 KiB, and libx.so is aligned for smaller ones"),
    ],
)
def test_pages_are_judged_by_how_the_runner_is_aligned(
    tmp_path, page_bytes, align_bytes, state, said
):
    bundle = fake_bundle(tmp_path / "bundle")
    (bundle.folder / "libx.so").write_bytes(elf(align_bytes))
    link = LocalLink(tmp_path, {"getconf": f"[ $1 = PAGE_SIZE ] && echo {page_bytes}"})
    found = doctor.pages(patient(link, tmp_path, lambda _: bundle))
    assert (found.state, said in found.detail) == (state, True)
    assert bool(found.remedy) == (state != OK)
    assert found.facts == {"page_size_bytes": page_bytes}


def test_an_alignment_is_read_from_programs_and_from_nothing_else(tmp_path):
    for content, alignment in ((elf(16384), 16384), (b"#!/bin/sh\n", None), (elf(1)[:70], None)):
        (tmp_path / "file").write_bytes(content)
        assert load_alignment(tmp_path / "file") == alignment


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("kill -SYS $$", "crashed with SIGSYS (seccomp forbids a system call"),
        ("kill -ILL $$", "crashed with SIGILL (the processor lacks an instruction"),
        ("echo Permission denied >&2; exit 126", "ends with status 126: Permission denied"),
    ],
)
def test_a_loader_that_the_system_ends_is_named_with_the_reason(tmp_path, ending, said):
    bundle = fake_bundle(tmp_path / "bundle", ending)
    found = doctor.runner(patient(LocalLink(tmp_path), tmp_path, lambda _: bundle))
    assert (found.state, said in found.detail) == (PROBLEM, True)
    assert found.remedy == "docs/phones.md, 'When the runner does not start'"


def test_what_selinux_denied_is_quoted(with_programs, tmp_path):
    link = with_programs()
    # Linux, security/selinux/avc.c; logd passes it on with its own prefix.
    (tmp_path / "log").write_text(
        'W ld-linux: type=1400 audit(0.0:9): avc:  denied  { execute } for  path="/data/local/tmp/'
        'mobilespeech-bench/x/ld-linux-aarch64.so.1" scontext=u:r:shell:s0\n'
    )
    bundle = fake_bundle(tmp_path / "bundle", "exit 126")
    found = doctor.runner(patient(link, tmp_path, lambda _: bundle))
    assert "SELinux says `avc:  denied  { execute }`" in found.detail


# ---- Shell, timer, canary -----------------------------------------------------------------------


def test_a_shell_that_loses_statuses_is_a_problem(tmp_path):
    assert verify.shell(patient(LocalLink(tmp_path), tmp_path)).state == OK
    assert verify.shell(patient(ScriptedLink("out\n"), tmp_path)).state == PROBLEM


@pytest.mark.parametrize(
    ("step_ns", "state"), [(1_000_003, OK), (10_000_000, WARNING), (0, WARNING), (-7, WARNING)]
)
def test_the_clock_s_ticks_are_judged(tmp_path, step_ns, state):
    stamps = (1_796_052_618_000_000_000 + n * step_ns for n in range(verify.CLOCK_READINGS))
    link = ScriptedLink("".join(f"{stamp}\n" for stamp in stamps))
    assert verify.timer(patient(link, tmp_path)).state == state


def test_a_clock_without_nanoseconds_is_named(tmp_path):
    assert verify.timer(patient(ScriptedLink("1796052618N\n" * 12), tmp_path)).state == WARNING


def test_a_clock_that_is_set_back_during_the_fixed_workload_is_no_short_time():
    back = "1796052618213881646 1796052615213881646\n"  # 3 s back
    good = "1796052615300000000 1796052615500000000\n"
    assert canary_ms(ScriptedLink(back + good), 0) == pytest.approx(200.0)
    assert canary_ms(ScriptedLink(back * 3), 0) is None


def test_moments_of_the_fixed_workload_are_subtracted_with_more_than_32_bits():
    # 4.4 s: Android's shell would give 105032704 ns (mksh(1): integers have 32 bits).
    said = "1796052618213881646 1796052622613881646\n"
    assert canary_ms(ScriptedLink(said), 0) == pytest.approx(4400.0)


@pytest.mark.parametrize(("slowest_ms", "state"), [(105, OK), (115, WARNING)])
def test_the_fixed_workload_s_spread_is_judged_by_what_slowed_means(
    monkeypatch, tmp_path, slowest_ms, state
):
    runs = iter([100.0] * 9 + [slowest_ms])
    monkeypatch.setattr(verify, "canary_ms", lambda *_: next(runs))
    found = verify.canary(patient(ScriptedLink(""), tmp_path))
    assert (found.state, len(found.facts["runs_ms"])) == (state, verify.CANARY_RUNS)


def test_a_fixed_workload_that_cannot_be_timed_each_time_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(verify, "canary_ms", lambda *_: None)
    assert verify.canary(patient(ScriptedLink(""), tmp_path)).state == WARNING


# ---- All together -------------------------------------------------------------------------------


def test_a_check_that_fails_is_a_problem_by_its_name_and_the_others_go_on(monkeypatch, tmp_path):
    def battery_updates(_):
        raise DeviceError("gone wrong")

    someone = patient(LocalLink(tmp_path), tmp_path)
    monkeypatch.setattr(doctor, "phone", lambda *_: someone)
    monkeypatch.setattr(doctor, "CHECKS_OF_PHONES", ())
    found = doctor.examine(PIXEL8, bundle_for=lambda _: fake_bundle(tmp_path / "b"),
                           further=(battery_updates, verify.shell))  # fmt: skip
    _, _, failed, passed = found
    assert (failed.check, failed.state, failed.detail) == ("battery updates", PROBLEM, "gone wrong")
    assert passed.state == OK


@pytest.mark.parametrize(
    "further", [verify.VERIFICATIONS_OF_PHONES, verify.VERIFICATIONS_OF_BOARDS]
)
def test_everything_found_is_json_and_every_trouble_has_a_remedy(
    monkeypatch, with_programs, tmp_path, further
):
    monkeypatch.setattr(verify, "CANARY_RUNS", 1)
    link = with_programs(taskset=REFUSING)
    for check in further:
        found = check(patient(link, tmp_path))
        assert json.loads(json.dumps(found.facts)) == found.facts
        assert bool(found.remedy) == (found.state != OK)


@pytest.mark.slow
def test_a_stand_in_phone_is_verified(monkeypatch, phone_amd64, tmp_path):
    monkeypatch.setattr(verify, "CANARY_RUNS", 2)
    profile = replace(load_profiles()["standin-amd64"], address=phone_amd64.address)
    bundle = fake_bundle(tmp_path, "exit 2")
    findings = doctor.examine(
        profile, bundle_for=lambda _: bundle, further=verify.VERIFICATIONS_OF_PHONES
    )
    found = {finding.check: finding for finding in findings}
    assert all(finding.state != PROBLEM for finding in found.values())
    assert {"shell", "thermal", "capacity", "frequency", "affinity", "timer"} <= found.keys()
    assert (found["shell"].state, found["affinity"].state, found["timer"].state) == (OK, OK, OK)
    assert found["battery updates"].state == WARNING  # it has no battery service
    assert len(found["canary"].facts["runs_ms"]) == 2
