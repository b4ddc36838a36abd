"""Builds the root folder of a stand-in phone: Android's daemon, shell and userland from Debian.

Debian trixie packages adbd 34, mksh and toybox: what a phone runs, without Android's libc, kernel
or services. The folder is laid out like a phone and cached; building takes some 10 s.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

LAYOUT = 1  # raise it when the folder's layout changes, so that cached ones are built anew
CACHE = Path.home() / ".cache" / "mobilespeech-bench" / "standin"
DEBIAN_ARCHITECTURE = {"arm64-v8a": "arm64", "x86_64": "amd64"}
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "unshare": "util-linux",
    "chroot": "coreutils",
    "ip": "iproute2",
}
# A command that a phone's toybox lacks must be missing here too, or it passes here and fails there.
PHONE_COMMANDS = frozenset(
    """
    awk base64 basename cat chmod chown chrt cksum clear cmp comm cp cpio cut date dd df diff
    dirname dmesg du echo egrep env expr fallocate false fgrep file find flock fmt free fsync
    getconf getenforce grep groups gunzip gzip head hostname id ionice kill killall ln log ls lsof
    md5sum mkdir mkfifo mknod mktemp more mount mountpoint mv nc netstat nice nl nohup nproc od
    paste patch pgrep pidof pkill pmap printenv printf prlimit ps pwd readlink realpath renice rm
    rmdir sed seq setprop setsid sha1sum sha256sum sha512sum sleep sort split stat strings stty
    sync sysctl tac tail tar taskset tee test time timeout top touch tr true truncate tty ulimit
    umount uname uniq unlink uptime usleep vmstat watch wc which whoami xargs xxd yes zcat
    """.split()  # noqa: SIM905 - a list of a hundred strings reads worse
)
GETPROP = """#!/system/bin/sh
if [ -z "$1" ]; then
  while IFS='=' read -r key value; do echo "[$key]: [$value]"; done < /default.prop
else
  found="$2"
  while IFS='=' read -r key value; do [ "$key" = "$1" ] && found="$value"; done < /default.prop
  echo "$found"
fi
"""


class CannotStandInError(Exception):
    """This machine cannot build or start a stand-in phone; the message says why."""


def properties(abi: str) -> dict[str, str]:
    """What the stand-in phone says of itself; `ro.kernel.qemu` marks it as no real phone."""
    return {
        "ro.product.manufacturer": "Debian",
        "ro.product.model": "stand-in phone",
        "ro.product.device": "standin",
        "ro.product.cpu.abi": abi,
        "ro.build.version.release": "14",
        "ro.build.version.sdk": "34",
        "ro.build.type": "user",
        "ro.build.fingerprint": f"Debian/standin/{abi}:14/trixie/{LAYOUT}:user/test-keys",
        "ro.soc.manufacturer": "none",
        "ro.soc.model": "emulated",
        "ro.kernel.qemu": "1",
    }


def phone_root(abi: str) -> Path:
    """Return the root folder of a stand-in phone, building it where the cache has none.

    Args:
        abi: "arm64-v8a" or "x86_64".

    Raises:
        CannotStandInError: Something that building needs is missing here.
    """
    architecture = DEBIAN_ARCHITECTURE[abi]
    check_machine()
    if abi == "arm64-v8a":
        qemu()
    root = CACHE / f"root-{architecture}-{LAYOUT}"
    with build_lock():
        if not root.is_dir():
            unfinished = CACHE / f"{root.name}.part"
            shutil.rmtree(unfinished, ignore_errors=True)
            unpack(architecture, ["adbd", "mksh", "toybox"], unfinished)
            lay_out(unfinished, abi)
            unfinished.rename(root)
    return root


def qemu() -> Path:
    """Return the emulator for arm64 programs.

    It is trixie's static qemu 10: bookworm's 7.2 computes wrong int8 results.
    """
    program = CACHE / "qemu-aarch64"
    check_machine()
    with build_lock():
        if not program.exists():
            folder = CACHE / "qemu.part"
            shutil.rmtree(folder, ignore_errors=True)
            unpack("amd64", ["qemu-user"], folder)
            shutil.move(folder / "usr/bin/qemu-aarch64", program)
            shutil.rmtree(folder)
    return program


def check_machine() -> None:
    """Raise `CannotStandInError` where a stand-in phone cannot be built or started."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise CannotStandInError("the stand-in phone needs Linux on x86-64")
    if os.geteuid() != 0:
        raise CannotStandInError("the stand-in phone needs root: it maps the user ids 0 and 2000")
    missing = sorted(package for tool, package in TOOLS.items() if not shutil.which(tool))
    if missing:
        raise CannotStandInError(
            f"the stand-in phone needs packages: apt-get install {' '.join(missing)}"
        )


class build_lock:  # noqa: N801 - used as a context manager only
    """Let one process at a time build, so that parallel test runs share the cache."""

    def __enter__(self) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        self._file = (CACHE / "lock").open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()


def unpack(architecture: str, packages: list[str], folder: Path) -> None:
    """Unpack Debian packages and what they depend on, running none of their scripts."""
    command = [
        "mmdebstrap", "--quiet", "--mode=root", "--variant=extract",
        f"--architectures={architecture}", f"--include={','.join(packages)}",
        "--skip=check/empty,check/qemu", "trixie", str(folder), mirror(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise CannotStandInError(f"unpacking {packages} for {architecture}: {done.stderr[-500:]}")


def mirror() -> str:
    """Return the address of the Debian mirror that this machine's apt uses."""
    if named := os.environ.get("DEBIAN_MIRROR"):
        return named
    if not shutil.which("apt-get"):
        raise CannotStandInError("no apt-get here: name a Debian mirror in DEBIAN_MIRROR")
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT) $(IDENTIFIER)"],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    for uri, component, identifier in (line.split(" ") for line in listing.splitlines()):
        if (component, identifier) == ("main", "Packages") and not uri.endswith("-security/"):
            return uri
    raise CannotStandInError("no Debian mirror known: run apt-get update, or set DEBIAN_MIRROR")


def lay_out(root: Path, abi: str) -> None:
    """Make an unpacked folder look like a phone."""
    for folder in ("bin", "sbin", "lib", "lib64"):  # links of a merged /usr, which scripts make
        if (root / "usr" / folder).is_dir() and not (root / folder).exists():
            (root / folder).symlink_to(f"usr/{folder}")
    for folder in (
        *("proc", "sys", "dev", "run", "tmp", "root", "data/local/tmp", "data/misc/adb"),
        *("system/bin", "system/extra"),
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "usr/bin/sh").unlink(missing_ok=True)
    (root / "usr/bin/sh").symlink_to("mksh")
    commands = root / "system/bin"
    (commands / "sh").symlink_to("../../usr/bin/mksh")
    (commands / "toybox").symlink_to("../../usr/bin/toybox")
    for name in PHONE_COMMANDS & toybox_commands(root, abi):
        (commands / name).symlink_to("toybox")
    (commands / "getprop").write_text(GETPROP)
    (commands / "getprop").chmod(0o755)
    (root / "default.prop").write_text(
        "".join(f"{key}={value}\n" for key, value in properties(abi).items())
    )
    (root / "adb_keys").touch()
    (root / "etc/passwd").write_text(
        "root:x:0:0::/:/system/bin/sh\nshell:x:2000:2000::/:/system/bin/sh\n"
    )
    (root / "etc/group").write_text("root:x:0:\nshell:x:2000:\n")
    for folder in (root, root / "data", root / "data/local"):
        folder.chmod(0o755)


def toybox_commands(root: Path, abi: str) -> set[str]:
    """Ask the unpacked toybox which commands it has."""
    if abi == "arm64-v8a":
        command = [str(CACHE / "qemu-aarch64"), "-L", str(root), str(root / "usr/bin/toybox")]
    else:
        command = ["chroot", str(root), "/usr/bin/toybox"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(listing.stdout.split())
