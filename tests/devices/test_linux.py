"""The kind `linux`: a board over SSH, against a real sshd on this machine."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from standin_phone.fake_runner import fake_bundle, fake_job

from devices.host_native import host_abi
from devices.linux import Linux, open_linux
from devices.profiles import Profile
from devices.schedule import Schedule
from devices.shell import CommandFailedError, UnauthorizedError
from devices.ssh import SshLink
from model.errors import ConfigError, DeviceError, DeviceUnavailableError

paramiko = pytest.importorskip("paramiko")
SCHEDULE = Schedule(warmup=0, iterations=1, threads=2)
CONFIG = """
ListenAddress 127.0.0.1:{port}
HostKey {home}/host
AuthorizedKeysFile {home}/.ssh/id_ed25519.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PidFile none
Subsystem sftp internal-sftp
"""


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    """An SSH server that lets in this user with a key of its own; gives address and home."""
    program = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    if not program:
        pytest.skip("sshd is not installed: apt-get install openssh-server")
    home = tmp_path_factory.mktemp("ssh")
    (home / ".ssh").mkdir()
    for key in (home / "host", home / ".ssh/id_ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    public_key = (home / "host.pub").read_text()
    (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{port} {public_key}")
    (home / "config").write_text(CONFIG.format(port=port, home=home))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it
    # In a process namespace of its own, with which its children end too.
    apart = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command = [*(apart if os.geteuid() == 0 else []), program, "-D", "-e", "-f", home / "config"]
    with (home / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as server:
        for _ in range(100):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            pytest.skip(f"sshd does not start here: {(home / 'log').read_text()}")
        yield f"{getpass.getuser()}@127.0.0.1:{port}", home
        server.kill()


@pytest.fixture
def address(sshd, monkeypatch, tmp_path, keys):
    monkeypatch.setenv("HOME", str(sshd[1]))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    remote_home = SshLink(sshd[0]).run("pwd").stdout.strip()
    monkeypatch.setattr("devices.linux.FOLDER", os.path.relpath(tmp_path / "board", remote_home))
    return sshd[0]


pytestmark = pytest.mark.slow


def board(address, bundle):
    profile = Profile("board", kind="linux", abi=host_abi(), address=address)
    return Linux(profile, SshLink(address), lambda _: bundle)


def test_status_and_both_outputs_come_back(address):
    result = SshLink(address).run("echo out; echo err >&2; exit 42")
    assert (result.code, result.stdout, result.stderr) == (42, "out\n", "err\n")
    assert SshLink(address).run("kill -SEGV $$").code == 139


def test_a_command_over_its_limit_is_ended(address):
    with pytest.raises(CommandFailedError, match="over the limit of 1 s"):
        SshLink(address).run("exec sleep 1000", 1.0)


def test_output_without_end_is_cut_off(address):
    with pytest.raises(DeviceError, match="longer than"):
        SshLink(address).run("yes")


def test_files_go_there_and_back_unchanged(address, tmp_path):
    path = tmp_path / "noise"
    path.write_bytes(os.urandom(3_000_001))
    link = SshLink(address)
    link.push(path, str(tmp_path / "a folder/noise"))
    link.pull(str(tmp_path / "a folder/noise"), tmp_path / "back", 4_000_000)
    assert (tmp_path / "back").read_bytes() == path.read_bytes()
    with pytest.raises(DeviceError, match="larger than"):
        link.pull(str(tmp_path / "a folder/noise"), tmp_path / "back", 1_000_000)
    with pytest.raises(DeviceError, match="No such file"):
        link.pull(str(tmp_path / "nothing"), tmp_path / "back", 100)


def test_a_board_is_measured_and_cleaned(address, tmp_path):
    device = board(address, fake_bundle(tmp_path / "bundle", abi=host_abi()))
    repeat = device.measure(fake_job(tmp_path), SCHEDULE)
    assert (repeat.threads, repeat.codes.shape) == (2, (8, 2))
    again = board(address, fake_bundle(tmp_path / "bundle", abi=host_abi()))
    again.measure(fake_job(tmp_path), SCHEDULE)
    assert again.store.pushed_bytes == 0
    assert again.clean() > 0
    assert not (tmp_path / "board").exists()


def test_a_board_describes_itself(address, tmp_path):
    info = board(address, fake_bundle(tmp_path / "bundle", abi=host_abi())).info()
    assert (info.kind, info.abi, info.emulated) == ("linux", host_abi(), False)
    assert info.cores == os.cpu_count()
    assert info.memory_bytes > 1e8


def test_a_board_of_another_instruction_set_is_refused(address):
    profile = Profile("board", kind="linux", address=address, abi="arm64-v8a")
    if host_abi() == "arm64-v8a":
        profile = replace(profile, abi="x86_64")
    with pytest.raises(DeviceUnavailableError, match=f"is no {profile.abi}"):
        open_linux(profile)


def test_a_key_that_the_board_does_not_know_is_explained(address, sshd, tmp_path, monkeypatch):
    (tmp_path / ".ssh").mkdir()
    shutil.copy(sshd[1] / ".ssh/known_hosts", tmp_path / ".ssh")
    key = tmp_path / ".ssh/id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UnauthorizedError, match="ssh-copy-id"):
        SshLink(address).run("true")


def test_a_board_that_nobody_has_met_is_not_trusted(address, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(DeviceUnavailableError, match="log in once with ssh"):
        SshLink(address).run("true")


def test_a_board_that_is_off_is_unavailable(address):
    with pytest.raises(DeviceUnavailableError, match="is the board on"):
        SshLink("nobody@127.0.0.1:1").run("true")


@pytest.mark.parametrize("address", ["board", "a b@host", "me@host:port", "me@"])
def test_what_is_no_address_is_a_wrong_configuration(address):
    with pytest.raises(ConfigError, match="USER@HOST"):
        SshLink(address)


def test_a_board_without_an_address_is_a_wrong_configuration():
    with pytest.raises(ConfigError, match=r"bench\.toml \[devices\.board\] needs an address"):
        open_linux(Profile("board", kind="linux"))
