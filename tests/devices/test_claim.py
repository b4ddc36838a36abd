"""One run at a time per device, for the whole run and for every user of the machine."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from standin_phone.local_link import ScriptedLink

from devices import claim
from devices.android import Android
from devices.claim import claimed, lock_of
from devices.profiles import load_profiles
from model.errors import DeviceUnavailableError

NOBODY = 65534


@pytest.fixture
def locks(monkeypatch):
    """A folder that everybody may write, as /tmp is."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o1777)
    monkeypatch.setattr(claim, "LOCKS", folder)
    yield folder
    shutil.rmtree(folder)


def refused():
    return pytest.raises(DeviceUnavailableError, match="in use by another run")


def test_a_device_is_one_run_s_until_it_ends(locks):
    with claimed("serial", "usb:1"):
        with refused(), claimed("serial", "server:1"):
            pass
        with claimed("other", "usb:2"):
            pass
    with claimed("serial", "usb:1"):
        pass


def holding(locks, *, uid=0, umask=0o022):
    """Claim in another process, as another user, until its standard input ends."""
    program = f"""
import os, sys
sys.path.insert(0, {str(Path.cwd())!r})
from pathlib import Path
from devices import claim
claim.LOCKS = Path({str(locks)!r})
os.umask({umask})
os.setgroups([])
os.setgid({uid}); os.setuid({uid})
with claim.claimed("serial", "usb:1"):
    print("held", flush=True)
    sys.stdin.read()
"""
    running = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert running.stdout.readline() == b"held\n"
    return running


def test_the_claim_of_a_killed_run_ends_with_it(locks):
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    running = holding(locks)
    with refused(), claimed("serial", "usb:1"):
        pass
    running.send_signal(signal.SIGKILL)
    running.communicate()
    with claimed("serial", "usb:1"):
        pass


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_another_user_s_claim_counts_and_his_file_is_no_hindrance_afterwards(locks, umask):
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    running = holding(locks, uid=NOBODY, umask=umask)
    with refused(), claimed("serial", "usb:1"):
        pass
    running.communicate()
    assert lock_of("serial").stat().st_uid == NOBODY
    with claimed("serial", "usb:1"):
        pass
    lock_of("serial").unlink()
    with claimed("serial", "usb:1"):
        pass
    assert lock_of("serial").stat().st_uid == 0
    running = holding(locks, uid=NOBODY)  # opens root's file, in a sticky folder
    with refused(), claimed("serial", "usb:1"):
        pass
    running.communicate()


def link_elsewhere(path):
    (path.parent / "precious").touch()
    path.symlink_to(path.parent / "precious")


def second_name(path):
    (path.parent / "precious").touch()
    path.hardlink_to(path.parent / "precious")


@pytest.mark.parametrize(
    "put",
    [
        link_elsewhere,
        second_name,
        lambda path: path.symlink_to(path.parent / "nowhere"),
        os.mkfifo,
        Path.mkdir,
        lambda path: path.write_text("somebody's"),
    ],
)
def test_what_is_no_lock_of_ours_is_refused_and_left_alone(locks, put):
    path = lock_of("serial")
    put(path)
    with pytest.raises(DeviceUnavailableError, match=str(path)), claimed("serial", "usb:1"):
        pass
    assert not (locks / "nowhere").exists()
    assert os.path.lexists(path)


def test_a_lock_that_was_removed_before_it_was_had_is_made_again(locks, monkeypatch):
    flock, removed = claim.fcntl.flock, []

    def remove_first(descriptor, how):
        if not removed:
            lock_of("serial").unlink()
            removed.append(True)
        flock(descriptor, how)

    monkeypatch.setattr(claim.fcntl, "flock", remove_first)
    with claimed("serial", "usb:1"):
        assert lock_of("serial").exists()
        with refused(), claimed("serial", "usb:1"):
            pass


def test_no_other_run_slips_in_between_two_repeats(locks):
    def phone(address):
        link = ScriptedLink("")
        link.address = address
        return Android(load_profiles()["pixel8"], link, {"ro.serialno": "3A15"})

    mine, other = phone("usb:3A15"), phone("server:3A15")
    with mine.claim():
        for _ in range(2):
            with mine._ready():
                pass
            with refused(), other._ready():
                pass
    with other._ready():
        pass
