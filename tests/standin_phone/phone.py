"""Starts a stand-in phone: a real adbd in namespaces of its own, reached by one relay on loopback.

adbd listens on every network interface and on the virtual machine's vsock, and Debian's build asks
nobody for a key: it must never run in this machine's own network namespace. An arm64 phone runs
under qemu through a binfmt_misc registration that only its own user namespace sees (Linux 6.7).
"""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from standin_phone.relay import Faults, Relay
from standin_phone.root import CannotStandInError, phone_root, properties, qemu

SHELL_UID = 2000
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000

# F: the kernel opens qemu now, so that it need not exist inside the phone; P: keep argv[0];
# C: take the credentials of the program, not of qemu.
BINFMT = (
    r":qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:%s:FPC"
)

# Runs as process 1 of the phone. adbd stays its child: as process 1 itself its change of user would
# clear the parent-death signal, and it would outlive a killed test run. adbd needs a devpts of its
# own; XNNPACK needs to read /sys/devices/system/cpu. ADBD_EXIT ends the phone with adbd; else adbd
# is started again, as Android's init does.
SETUP = r"""
set -e
hostname standin
ip link set lo up
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
if [ -n "$BINFMT" ]; then
  mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
  printf '%s' "$BINFMT" > /proc/sys/fs/binfmt_misc/register
fi
mount -t proc proc "$ROOT/proc"
mount -t sysfs -o ro sysfs "$ROOT/sys"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
for device in null zero full random urandom tty; do
  : > "$ROOT/dev/$device"; mount --bind "/dev/$device" "$ROOT/dev/$device"
done
mkdir "$ROOT/dev/pts" "$ROOT/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$ROOT/dev/pts"
ln -s pts/ptmx "$ROOT/dev/ptmx"
ln -s /proc/self/fd "$ROOT/dev/fd"
mount -t tmpfs -o "mode=771,uid=2000,gid=2000,size=$DATA_BYTES" tmpfs "$ROOT/data/local/tmp"
mount --bind "$OVERLAY/extra" "$ROOT/system/extra"
mount --bind "$OVERLAY/default.prop" "$ROOT/default.prop"
mount --bind "$OVERLAY/adb_keys" "$ROOT/adb_keys"
echo ready >&"$READY_FD"
eval "exec $READY_FD>&-"
while :; do
  env -i PATH=/system/extra:/system/bin HOME=/ TMPDIR=/data/local/tmp ANDROID_ROOT=/system \
    ANDROID_DATA=/data ADBD_PORT=5555 ${CPU:+QEMU_CPU="$CPU"} \
    /usr/sbin/chroot --userspec=2000:2000 --groups= "$ROOT" "$ADBD" --device_banner=device || true
done
"""


class Phone:
    """A running stand-in phone.

    Args:
        abi: "arm64-v8a" or "x86_64".
        port: On loopback; 0 for any. Local ports 5555 to 5585 belong to adb servers: avoid them.
        cpu: Processor that qemu imitates: "cortex-a53" (no dotprod), "cortex-a76", "max".
        data_bytes: Size of /data/local/tmp.
        commands: Further programs of the phone: a name and a shell script each.
        says: Properties beside or instead of the stand-in's own.
        public_key: Line of an adbkey.pub: adbd asks for this key (x86_64 only).
        log: Takes adbd's output.

    Attributes:
        relay: Passes connections on; its `faults` spoil them.
        pid: Of the phone's process 1, as this machine counts.
    """

    def __init__(
        self,
        abi: str = "x86_64",
        *,
        port: int = 0,
        cpu: str = "",
        data_bytes: int = 1 << 30,
        commands: Mapping[str, str] | None = None,
        says: Mapping[str, str] | None = None,
        public_key: str = "",
        log: Path = Path(os.devnull),
    ) -> None:
        self.root = phone_root(abi)
        self.pid = 0
        self._overlay = Path(tempfile.mkdtemp(prefix="standin-"))
        self._started: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        adbd = "/usr/sbin/adbd"
        if public_key:
            (self._overlay / "extra").mkdir()
            shutil.copy(asking_adbd(self.root), self._overlay / "extra" / "adbd")
            adbd = "/system/extra/adbd"
        self._fill_overlay(commands or {}, {**properties(abi), **(says or {})}, public_key)
        environment = {
            "PATH": os.environ["PATH"],
            "ROOT": str(self.root),
            "OVERLAY": str(self._overlay),
            "DATA_BYTES": str(data_bytes),
            "BINFMT": BINFMT % qemu() if abi == "arm64-v8a" else "",
            "CPU": cpu,
            "ADBD": adbd,
        }
        try:
            self._start(environment, log)
            self.relay = Relay(self._connect, port, Faults())
        except BaseException:
            self._kill()
            raise

    @property
    def port(self) -> int:
        """Port on loopback."""
        return self.relay.port

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> "Phone":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the phone and everything in it."""
        self.relay.close()
        self._kill()

    def kill_adbd(self) -> None:
        """End adbd and with it every connection, as a reboot does; it is started again at once."""
        for child in children(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def _fill_overlay(
        self, commands: Mapping[str, str], says: Mapping[str, str], public_key: str
    ) -> None:
        self._overlay.chmod(0o755)
        extra = self._overlay / "extra"
        extra.mkdir(exist_ok=True)
        for name, script in commands.items():
            (extra / name).write_text(f"#!/system/bin/sh\n{script}\n")
            (extra / name).chmod(0o755)
        (self._overlay / "default.prop").write_text(
            "".join(f"{key}={value}\n" for key, value in says.items())
        )
        (self._overlay / "adb_keys").write_text(public_key + "\n")

    def _start(self, environment: Mapping[str, str], log: Path) -> None:
        ready, tell_ready = os.pipe()
        with log.open("ab") as output:
            # The outer unshare makes the user namespace and waits for its map of user ids; the
            # inner one makes all others.
            self._started = subprocess.Popen(
                [
                    *("unshare", "--user", "--fork", "--kill-child=SIGKILL"),
                    *("bash", "-c", 'read -r go; exec "$@"', "inner"),
                    *("unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork"),
                    *("--kill-child=SIGKILL", "--mount-proc", "bash", "-c", SETUP),
                ],
                env={**environment, "READY_FD": str(tell_ready)},
                pass_fds=(tell_ready,),
                preexec_fn=confine,  # noqa: PLW1509 - what it calls takes no locks
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        os.close(tell_ready)
        try:
            inner = self._wait_for_user_namespace()
            for kind in ("uid_map", "gid_map"):
                Path(f"/proc/{inner}/{kind}").write_text(f"0 0 1\n{SHELL_UID} {SHELL_UID} 1\n")
            assert self._started.stdin is not None
            self._started.stdin.write(b"go\n")
            self._started.stdin.close()
            if os.read(ready, 16) != b"ready\n":
                raise CannotStandInError("the phone's namespaces cannot be set up on this machine")
        finally:
            os.close(ready)
        self.pid = children(inner)[0]
        self._network = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)

    def _wait_for_user_namespace(self) -> int:
        assert self._started is not None
        own = Path("/proc/self/ns/user").readlink()
        end = time.monotonic() + 5
        while time.monotonic() < end and self._started.poll() is None:
            for child in children(self._started.pid):
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{child}/ns/user").readlink() != own:
                        return child
            time.sleep(0.005)
        raise CannotStandInError("this machine makes no user namespaces")

    def _kill(self) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.close(self._network)
            self.pid = 0
        if self._started:
            try:
                self._started.wait(3)
            except subprocess.TimeoutExpired:
                self._started.kill()
                self._started.wait()
            self._started = None
        shutil.rmtree(self._overlay, ignore_errors=True)

    def _connect(self) -> socket.socket:
        """Connect to adbd from inside its network namespace."""
        end = self._inside_socket()
        for _ in range(100):  # adbd needs a moment to start
            try:
                end.connect(("127.0.0.1", 5555))
            except ConnectionRefusedError:
                time.sleep(0.05)
            else:
                return end
        end.close()
        raise ConnectionRefusedError("adbd did not come up")

    def _inside_socket(self) -> socket.socket:
        """Make a socket in the phone's network namespace: that of the thread that makes it."""
        made: list[socket.socket] = []

        def make() -> None:
            if LIBC.setns(self._network, CLONE_NEWNET) == 0:
                made.append(socket.socket())

        with self._lock:
            thread = threading.Thread(target=make)
            thread.start()
            thread.join()
        if not made:
            raise OSError("the phone's network namespace cannot be entered")
        return made[0]


def children(pid: int) -> list[int]:
    """Return the process ids of a process' children."""
    try:
        listing = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in listing.split()]


def confine() -> None:
    """Die with the thread that started us, and make no AF_VSOCK socket, by a seccomp filter."""
    set_parent_death_signal, set_seccomp, filter_mode = 1, 22, 2
    LIBC.prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)

    def instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
        return struct.pack("HBBI", code, if_true, if_false, value)

    load, jump_if_equal, give_back = 0x20, 0x15, 0x06
    program = b"".join(
        [
            instruction(load, 0, 0, 4),
            instruction(jump_if_equal, 0, 5, 0xC000003E),  # not x86-64: allow
            instruction(load, 0, 0, 0),
            instruction(jump_if_equal, 0, 3, 41),  # not socket(): allow
            instruction(load, 0, 0, 16),
            instruction(jump_if_equal, 0, 1, socket.AF_VSOCK),  # another family: allow
            instruction(give_back, 0, 0, 0x00050000 | 97),  # EAFNOSUPPORT
            instruction(give_back, 0, 0, 0x7FFF0000),
        ]
    )
    buffer = ctypes.create_string_buffer(program)

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    described = Program(len(program) // 8, ctypes.addressof(buffer))
    if LIBC.prctl(set_seccomp, filter_mode, ctypes.byref(described), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def asking_adbd(root: Path) -> Path:
    """Return an adbd that asks for keys, as a phone's does; Debian's has that switched off.

    One byte decides it: the function that reads ADB_EXTERNAL_STORAGE first stores false in
    auth_required, and here stores true.
    """
    code = (root / "usr/lib/android-sdk/platform-tools/adbd").read_bytes()
    # movb $0,(%rax); lea name(%rip),%rdi; call getenv; test %rax,%rax; je
    pattern = re.compile(rb"\xc6\x00\x00\x48\x8d\x3d....\xe8....\x48\x85\xc0\x74", re.DOTALL)
    places = [found.start() for found in pattern.finditer(code)]
    if len(places) != 1:
        raise CannotStandInError(f"this adbd is unknown: {len(places)} places match, not 1")
    asking = root.parent / f"{root.name}-asking-adbd"
    asking.write_bytes(code[: places[0] + 2] + b"\x01" + code[places[0] + 3 :])
    asking.chmod(0o755)
    return asking
