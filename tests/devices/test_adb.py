"""ADB against a real adbd: statuses, files, keys, several commands at once, an adb server."""

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from standin_phone.veth import ADDRESS, run_over_veth

from devices.adb import AdbLink, open_transport, signers
from devices.adb_server import AdbServerLink, server_devices
from devices.discovery import addresses, look
from devices.shell import CommandFailedError, UnauthorizedError, output_of
from model.errors import ConfigError, DeviceError, DeviceUnavailableError

TEMPORARY = "/data/local/tmp"
pytestmark = pytest.mark.slow


@pytest.fixture
def link(phone_amd64):
    return AdbLink(phone_amd64.address)


@pytest.fixture
def noise(tmp_path):
    path = tmp_path / "noise"
    path.write_bytes(os.urandom(3_000_001))
    return path


def test_status_and_both_outputs_come_back(link):
    result = link.run("echo out; echo err >&2; exit 42")
    assert (result.code, result.stdout, result.stderr) == (42, "out\n", "err\n")


@pytest.mark.parametrize(
    ("command", "code"),
    [("true", 0), ("kill -SEGV $$", 139), ("/no/such/program", 127), ("/data", 126)],
)
def test_every_way_to_end_has_its_status(link, command, code):
    assert link.run(command).code == code


def test_statuses_of_commands_that_end_fast_are_never_lost(link):
    assert {link.run("exit 5").code for _ in range(40)} == {5}


def test_a_command_runs_as_the_unprivileged_user_of_a_phone(link):
    assert "uid=2000(shell)" in link.run("id").stdout
    assert link.run("echo > /system/x").code != 0


def test_quoting_reaches_the_phone_as_it_is_meant(link):
    assert link.run("printf '%s|' 'a b' \"c'd\" '$HOME' '*'").stdout == "a b|c'd|$HOME|*|"


def test_a_command_over_its_limit_is_ended_on_the_phone(link):
    with pytest.raises(CommandFailedError, match="over the limit of 1 s"):
        link.run(f"echo $$ > {TEMPORARY}/pid; exec sleep 1000", 1.0)
    assert link.run(f"kill -0 $(cat {TEMPORARY}/pid)").code != 0


def test_files_go_there_and_back_unchanged(link, noise, tmp_path):
    link.push(noise, f"{TEMPORARY}/a folder/noise")
    link.pull(f"{TEMPORARY}/a folder/noise", tmp_path / "back", 4_000_000)
    assert (tmp_path / "back").read_bytes() == noise.read_bytes()
    assert link.run(f"test -x '{TEMPORARY}/a folder/noise'").code == 0


@pytest.mark.parametrize("size", [0, 1, 65536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_files_of_every_size_around_a_packet_arrive(link, tmp_path, size):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    link.push(path, f"{TEMPORARY}/sized")
    digest = output_of(link, f"sha256sum {TEMPORARY}/sized").split()[0]
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_missing_file_and_a_forbidden_place_are_errors_in_the_phones_words(link, noise, tmp_path):
    with pytest.raises(DeviceError, match="No such file"):
        link.pull(f"{TEMPORARY}/nothing", tmp_path / "back", 100)
    with pytest.raises(DeviceError, match=r"denied|Read-only|couldn't create"):
        link.push(noise, "/system/bin/sh")


def test_commands_at_the_same_time_keep_their_outputs_apart(link):
    with ThreadPoolExecutor(max_workers=6) as pool:
        results = list(pool.map(lambda n: link.run(f"sleep 0.2; seq {n} 3000").stdout, range(6)))
    assert [text.split()[0] for text in results] == [str(n) for n in range(6)]
    assert all(text.split()[-1] == "3000" for text in results)


def test_a_known_key_is_let_in_and_an_unknown_one_explained(phone_auth, tmp_path, monkeypatch):
    assert AdbLink(phone_auth.address).run("exit 3").code == 3
    monkeypatch.setattr("devices.adb.OWN_KEY", tmp_path / "other" / "adbkey")
    said = []
    stranger = AdbLink(phone_auth.address, notify=said.append, accept_s=1.0)
    with pytest.raises(UnauthorizedError, match="Always allow from this computer"):
        stranger.run("true")
    assert len(said) == 1
    assert "accept this computer's key" in said[0]


def test_our_key_is_made_once_and_readable_by_its_owner_only(tmp_path, monkeypatch):
    monkeypatch.setattr("devices.adb.ANDROID_KEY", tmp_path / "none")
    monkeypatch.setattr("devices.adb.OWN_KEY", tmp_path / "keys" / "adbkey")
    (first,), (second,) = signers(), signers()
    assert first.GetPublicKey() == second.GetPublicKey()
    assert (tmp_path / "keys" / "adbkey").stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["adbkey", "adbkey.pub"]


@pytest.mark.parametrize("address", ["", "phone", "host:port", "host:99999", ":5555"])
def test_what_is_no_address_is_a_wrong_configuration(address):
    with pytest.raises(ConfigError, match="is no address"):
        open_transport(address)


def test_200_megabytes_pass_a_link_with_small_buffers(phone_amd64, tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        for _ in range(200):
            file.write(os.urandom(1_000_000))
    program = f"""
import sys
sys.path.insert(0, {str(Path.cwd())!r})
from pathlib import Path
from devices.adb import AdbLink
link, back = AdbLink({ADDRESS!r}), Path({str(tmp_path / "back")!r})
link.push(Path({str(path)!r}), "{TEMPORARY}/large")
link.pull("{TEMPORARY}/large", back, 200_000_000)
link.run("rm {TEMPORARY}/large")
"""
    done = run_over_veth(phone_amd64.pid, [sys.executable, "-c", program])
    assert done.returncode == 0, done.stderr
    with path.open("rb") as sent, (tmp_path / "back").open("rb") as received:
        assert hashlib.file_digest(sent, "sha256").digest() == (
            hashlib.file_digest(received, "sha256").digest()
        )


@pytest.fixture
def adb_server(phone_amd64, monkeypatch):
    """A server of the adb program that holds the phone, on a port of its own."""
    if not shutil.which("adb"):
        pytest.skip("the adb program is not installed: apt-get install adb")
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "15037")
    subprocess.run(["adb", "connect", phone_amd64.address], check=True, capture_output=True)
    yield f"server:{phone_amd64.address}"
    subprocess.run(["adb", "kill-server"], check=True, capture_output=True)


def test_a_phone_that_an_adb_server_holds_is_found_and_used_through_it(adb_server, noise, tmp_path):
    assert adb_server in addresses()
    assert look(adb_server, print).properties["ro.product.device"] == "standin"
    link = AdbServerLink(adb_server)
    result = link.run("echo out; echo err >&2; exit 42")
    assert (result.code, result.stdout, result.stderr) == (42, "out\n", "err\n")
    link.push(noise, f"{TEMPORARY}/through a server/noise")
    link.pull(f"{TEMPORARY}/through a server/noise", tmp_path / "back", 4_000_000)
    assert (tmp_path / "back").read_bytes() == noise.read_bytes()
    with pytest.raises(DeviceError, match="larger"):
        link.pull(f"{TEMPORARY}/through a server/noise", tmp_path / "back", 1_000_000)
    with pytest.raises(DeviceError, match="No such file"):
        link.pull(f"{TEMPORARY}/nothing", tmp_path / "back", 100)
    with pytest.raises(CommandFailedError, match="over the limit"):
        link.run("exec sleep 1000", 1.0)


def test_a_phone_that_the_adb_server_does_not_hold_is_unavailable(adb_server):
    with pytest.raises(DeviceUnavailableError, match="not found"):
        AdbServerLink("server:nobody").run("true")


def test_without_an_adb_server_there_are_no_devices_of_one(monkeypatch):
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    assert server_devices() == {}
    with pytest.raises(DeviceUnavailableError, match="no adb server answers"):
        AdbServerLink("server:nobody").run("true")
