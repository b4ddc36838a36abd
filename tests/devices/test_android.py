"""The kind `android`, against a real adbd: with a script for a runner, and with the real one."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from standin_phone.fake_runner import GOOD, fake_bundle, fake_job
from standin_phone.fixtures import start
from standin_phone.scripted import commands, set_up

from devices.adb import AdbLink
from devices.android import BASE, Android, open_android
from devices.battery import read_battery
from devices.bundle import build_bundle
from devices.conditions import Discipline
from devices.discovery import find, link_to
from devices.host_native import HostNative
from devices.profiles import load_profiles
from devices.schedule import Schedule
from devices.state import UNRESTORED
from model.errors import DeviceUnavailableError

pytestmark = pytest.mark.slow
SCHEDULE = Schedule(warmup=1, iterations=1, threads=3)
ONCE = Schedule(warmup=0, iterations=1, threads=1)

HIDDEN = Discipline(hide_charger=True)

# A phone that tells its state and does not admit that it is none.
NO_EMULATOR = {"ro.kernel.qemu": "0"}
STATE = "/data/local/tmp/state"


def open_phone(phone, bundle, discipline=None):
    profile = replace(
        load_profiles()["standin-amd64"],
        address=phone.address,
        discipline=discipline or Discipline(),
    )
    found = find(profile, print)
    return Android(profile, link_to(found.address, print), found.properties, lambda _: bundle)


@pytest.fixture
def real_phone(keys):
    """A phone that is measured under discipline."""
    with start(commands=commands(STATE), says=phone_says()) as phone:
        AdbLink(phone.address).run(set_up(STATE))
        yield phone


def phone_says():
    from standin_phone.root import properties

    return {**properties("x86_64"), **NO_EMULATOR}


def frozen(phone):
    return read_battery(AdbLink(phone.address)).updates_stopped


def test_a_repeat_on_a_phone_brings_back_what_the_runner_left(phone_amd64, tmp_path):
    device = open_phone(phone_amd64, fake_bundle(tmp_path / "bundle"))
    repeat = device.measure(fake_job(tmp_path), SCHEDULE)
    assert (repeat.threads, repeat.load_ms, repeat.trials[0].wall_ms) == (3, 3.5, 8.0)
    assert repeat.codes.shape == (8, 2)
    assert repeat.waveform.shape == (640,)
    assert repeat.warnings == ("EMULATED",)


def test_the_stand_in_says_that_it_is_none(phone_amd64, tmp_path):
    info = open_phone(phone_amd64, fake_bundle(tmp_path / "bundle")).info()
    assert info.emulated
    assert (info.kind, info.abi, info.os) == ("android", "x86_64", "Android 14")
    assert info.cores > 0
    assert info.memory_bytes > 1e8


def test_the_second_run_pushes_nothing_and_leaves_no_results_behind(phone_amd64, tmp_path):
    bundle, job = fake_bundle(tmp_path / "bundle"), fake_job(tmp_path)
    open_phone(phone_amd64, bundle).measure(job, SCHEDULE)
    again = open_phone(phone_amd64, bundle)
    again.measure(job, SCHEDULE)
    assert again.store.pushed_bytes == 0
    assert "run-" not in AdbLink(phone_amd64.address).run(f"ls {BASE}").stdout


def test_the_runner_is_told_the_schedule_and_only_paths_in_our_folder(phone_amd64, tmp_path):
    behaviour = "echo $model $request $out $warmup $iterations > $out/../told;" + GOOD
    device = open_phone(phone_amd64, fake_bundle(tmp_path / "bundle", behaviour))
    device.measure(fake_job(tmp_path), Schedule(warmup=4, iterations=7))
    told = AdbLink(phone_amd64.address).run(f"cat {BASE}/told").stdout.split()
    assert told[3:] == ["4", "7"]
    assert all(path.startswith(f"{BASE}/") for path in told[:3])


def test_cleaning_leaves_nothing_of_ours(phone_amd64, tmp_path):
    device = open_phone(phone_amd64, fake_bundle(tmp_path / "bundle"))
    device.measure(fake_job(tmp_path), SCHEDULE)
    assert device.clean() > 0
    assert AdbLink(phone_amd64.address).run(f"test -e {BASE}").code != 0
    device.measure(fake_job(tmp_path), SCHEDULE)


def test_a_phone_of_another_model_is_not_touched(phone_amd64, tmp_path):
    AdbLink(phone_amd64.address).run(f"rm -rf {BASE}")
    profile = replace(load_profiles()["pixel8"], address=phone_amd64.address)
    with pytest.raises(DeviceUnavailableError, match="no Google Pixel 8 found"):
        open_android(profile)
    assert AdbLink(phone_amd64.address).run(f"test -e {BASE}").code != 0


def test_two_phones_are_measured_at_once(phone_amd64, tmp_path):
    bundle, job = fake_bundle(tmp_path / "bundle", "sleep 1;" + GOOD), fake_job(tmp_path)
    with start() as other, ThreadPoolExecutor() as pool:
        devices = [open_phone(phone, bundle) for phone in (phone_amd64, other)]
        repeats = list(pool.map(lambda device: device.measure(job, SCHEDULE), devices))
    assert [repeat.threads for repeat in repeats] == [3, 3]


def test_a_charger_that_is_hidden_is_shown_again_afterwards(real_phone, tmp_path):
    AdbLink(real_phone.address).run(f"echo false >{STATE}/hardware/usb")
    behaviour = f"dumpsys battery > $out/../shown; echo 305 >{STATE}/hardware/temp;" + GOOD
    device = open_phone(real_phone, fake_bundle(tmp_path / "bundle", behaviour), HIDDEN)
    repeat = device.measure(fake_job(tmp_path), SCHEDULE)
    here = {"CORES_UNKNOWN", "SLOWED", "OTHER_LOAD"}  # this machine's business
    assert set(repeat.warnings) - here == {"MAY_SLEEP", "CHARGER_HIDDEN"}
    assert "UPDATES STOPPED" in AdbLink(real_phone.address).run(f"cat {BASE}/shown").stdout
    assert not frozen(real_phone)
    before, *_, after = repeat.readings
    assert (before.battery_c, before.battery_source) == (30.1, "dumpsys battery")
    assert (after.battery_c, after.battery_source) == (30.5, "dumpsys battery")


def test_a_phone_on_a_charger_says_so_though_the_charger_is_hidden(real_phone, tmp_path):
    device = open_phone(real_phone, fake_bundle(tmp_path / "bundle"), HIDDEN)
    assert "CHARGING" in device.measure(fake_job(tmp_path), SCHEDULE).warnings


def test_a_refused_mask_and_large_pages_are_marked_and_the_repeat_is_measured(keys, tmp_path):
    # toybox, toys/other/taskset.c: status 1 where sched_setaffinity(2) fails.
    odd = {"taskset": "echo 'Invalid argument' >&2; exit 1", "getconf": "echo 16384"}
    behaviour = 'echo "${affinity:-any}" >$out/../affinity;' + GOOD
    with start(commands={**commands(STATE), **odd}, says=phone_says()) as phone:
        link = AdbLink(phone.address)
        link.run(set_up(STATE))
        repeat = open_phone(phone, fake_bundle(tmp_path / "bundle", behaviour)).measure(
            fake_job(tmp_path), SCHEDULE
        )
        assert link.run(f"cat {BASE}/affinity").stdout == "any\n"
    assert {"CORES_REFUSED", "LARGE_PAGES"} <= set(repeat.warnings)
    assert "CORES_UNKNOWN" not in repeat.warnings


def test_throttling_that_comes_and_goes_while_measuring_is_seen(real_phone, tmp_path):
    behaviour = f"cd {STATE}; echo 3 > thermal_status; sleep 6; echo 0 > thermal_status;" + GOOD
    device = open_phone(real_phone, fake_bundle(tmp_path / "bundle", behaviour))
    repeat = device.measure(fake_job(tmp_path), SCHEDULE)
    assert "THROTTLED" in repeat.warnings
    before, *during, after = repeat.readings
    assert (before.thermal_status, before.battery_c) == (0, 30.1)
    assert 3 in [reading.thermal_status for reading in during]
    assert after.at >= before.at


def test_a_hot_phone_is_waited_for_and_then_marked(real_phone, tmp_path):
    discipline = Discipline(max_battery_c=30.0, wait_s=2, poll_s=1)
    device = open_phone(real_phone, fake_bundle(tmp_path / "bundle"), discipline)
    assert "HOT" in device.measure(fake_job(tmp_path), SCHEDULE).warnings


def test_clocks_that_cannot_be_pinned_are_marked(real_phone, tmp_path):
    AdbLink(real_phone.address).run(f"touch {STATE}/unpinnable")
    device = open_phone(real_phone, fake_bundle(tmp_path / "bundle"), Discipline(pin_clocks=True))
    assert "CLOCKS_NOT_PINNED" in device.measure(fake_job(tmp_path), SCHEDULE).warnings


def test_a_failed_run_thaws_the_battery_service(real_phone, tmp_path):
    device = open_phone(real_phone, fake_bundle(tmp_path / "bundle", "exit 1"), HIDDEN)
    with pytest.raises(Exception, match="status 1"):
        device.measure(fake_job(tmp_path), SCHEDULE)
    assert not frozen(real_phone)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_program_that_is_ended_thaws_the_battery_service(real_phone, tmp_path, ending):
    with running_elsewhere(real_phone, tmp_path) as program:
        program.send_signal(ending)
        try:
            assert program.wait(30) != 0
        finally:
            program.kill()
    assert not frozen(real_phone)
    assert AdbLink(real_phone.address).run(f"test -e {BASE}/{UNRESTORED}").code != 0


def test_a_program_that_is_killed_leaves_a_phone_that_the_next_one_puts_right(real_phone, tmp_path):
    with running_elsewhere(real_phone, tmp_path) as program:
        program.kill()
    assert frozen(real_phone)
    device = open_phone(real_phone, fake_bundle(tmp_path / "good"))
    device.measure(fake_job(tmp_path), SCHEDULE)
    assert not frozen(real_phone)


def running_elsewhere(phone, folder):
    """Measure in another process with a runner that takes long, until it has started."""
    program = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
sys.path[:0] = {[str(Path.cwd()), str(Path(__file__).parents[1]), str(Path(__file__).parent)]!r}
from pathlib import Path
import devices.adb, devices.claim, test_android
from standin_phone.fake_runner import fake_bundle, fake_job
home, folder = Path({str(folder / "home")!r}), Path({str(folder)!r})
devices.adb.OWN_KEY, devices.claim.LOCKS = home / "key", folder
class Phone:
    address = {phone.address!r}
behaviour = "echo > $out/../started; exec sleep 1000"
bundle = fake_bundle(folder / "bundle", behaviour)
device = test_android.open_phone(Phone, bundle, test_android.HIDDEN)
device.measure(fake_job(folder), test_android.SCHEDULE)
"""
    environment = {key: value for key, value in os.environ.items() if key != "ANDROID_SERIAL"}
    running = subprocess.Popen([sys.executable, "-c", program], env=environment)
    link = AdbLink(phone.address)
    while link.run(f"test -e {BASE}/started").code != 0:
        assert running.poll() is None
        time.sleep(0.1)
    return running


# ---- The real runner ----------------------------------------------------------------------------


def measure_both(phone, name, pte, make_job):
    job = make_job(pte, phonemes=(3,), prompt_frames=8, passes=(2, 1, 1, 1, 1, 1, 1, 1))
    profile = replace(load_profiles()[name], address=phone.address)
    device = open_android(profile)
    return device, job, device.measure(job, ONCE), HostNative().measure(job, ONCE)


def test_the_real_runner_says_the_same_on_a_phone_as_here(
    phone_amd64, native_bundle, tiny_pte, make_job
):
    _, _, there, here = measure_both(phone_amd64, "standin-amd64", tiny_pte, make_job)
    assert np.array_equal(there.codes, here.codes)
    assert np.array_equal(there.waveform, here.waveform)
    assert there.peak_rss_bytes > 0


@pytest.mark.parametrize("pte", ["tiny_pte", "int8_pte"])
def test_the_real_runner_says_the_same_on_emulated_arm(
    phone_arm64, arm_bundle, pte, make_job, request
):
    pte = request.getfixturevalue(pte)
    _, _, there, here = measure_both(phone_arm64, "standin-arm64", pte, make_job)
    assert np.array_equal(there.codes, here.codes)
    assert np.allclose(there.waveform, here.waveform, atol=1e-3)
    assert there.warnings == ("EMULATED",)


def test_operators_are_traced_on_a_phone(phone_amd64, native_bundle, tiny_pte, make_job):
    device, job, _, _ = measure_both(phone_amd64, "standin-amd64", tiny_pte, make_job)
    operators = device.profile(job, ONCE)
    assert {"smd", "codec_decoder"} <= {operator.method for operator in operators}
    assert any(operator.delegate for operator in operators)


@pytest.fixture(scope="session")
def arm_bundle():
    """The runner for phones, where this machine can build it."""
    from model.errors import DeviceError

    try:
        return build_bundle("arm64-v8a")
    except DeviceError as reason:
        pytest.skip(str(reason))
