"""Files on a device: a folder per content, checked by sha256, whole or not there at all."""

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from devices.patience import patiently
from devices.shell import CommandFailedError, Link, output_of, printable, whole_number
from model.errors import ConfigError, DeviceError
from model.hashing import file_sha256

HASH_RATE = 2e6  # bytes per second that even an emulated device hashes
SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}")
SHA256_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


class Store:
    """The one folder of a device that this project writes to.

    Args:
        link: Reaches the device.
        base: The folder; everything in it is ours.

    Attributes:
        pushed_bytes: What was pushed so far; nothing for files that were there already.
    """

    def __init__(self, link: Link, base: str) -> None:
        self.base = base
        self.pushed_bytes = 0
        self._link = link
        self._checked: set[str] = set()

    def put(self, files: Mapping[str, Path]) -> str:
        """Bring files to the device, unless it has them, and return the folder that holds them.

        What was pushed before the connection broke is not pushed again.

        Raises:
            ConfigError: A file cannot be read here.
            DeviceError: The device has no room, or changed the content.
        """
        wanted = {name: sha256_of(path) for name, path in files.items()}
        listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(wanted.items()))
        folder = f"{self.base}/{hashlib.sha256(listing.encode()).hexdigest()[:16]}"
        if folder not in self._checked:
            patiently(lambda: self._complete(folder, files, wanted))
            self._checked.add(folder)
        return folder

    def _complete(self, folder: str, files: Mapping[str, Path], wanted: Mapping[str, str]) -> None:
        size = sum(path.stat().st_size for path in files.values())
        if self._digests(folder, wanted, size) == wanted:
            return
        output_of(self._link, shlex.join(["rm", "-rf", "--", folder]))
        unfinished = f"{folder}.part"
        there = self._digests(unfinished, wanted, size)
        missing = [name for name, digest in wanted.items() if there.get(name) != digest]
        self._check_room(sum(files[name].stat().st_size for name in missing))
        for name in missing:
            self._link.push(files[name], f"{unfinished}/{name}")
            self.pushed_bytes += files[name].stat().st_size
        if self._digests(unfinished, wanted, size) != wanted:
            raise DeviceError(f"{self._link.address}: pushed files arrived changed; try again")
        output_of(self._link, shlex.join(["mv", unfinished, folder]))

    def fetch(self, folder: str, limits: Mapping[str, int], target: Path) -> None:
        """Bring files from the device.

        Args:
            folder: Where they are on the device.
            limits: Their names, and how many bytes each may have.
            target: Folder on this computer.

        Raises:
            DeviceError: A file is missing, too large, or arrived changed.
        """
        patiently(lambda: self._fetch(folder, limits, target))

    def _fetch(self, folder: str, limits: Mapping[str, int], target: Path) -> None:
        digests = self._digests(folder, limits, sum(limits.values()))
        for name, limit_bytes in limits.items():
            if name not in digests:
                raise DeviceError(f"{self._link.address}: the runner left no {name}")
            unfinished = target / f"{name}.part"
            self._link.pull(f"{folder}/{name}", unfinished, limit_bytes)
            if sha256_of(unfinished) != digests[name]:
                raise DeviceError(f"{self._link.address}: {name} arrived changed; try again")
            unfinished.replace(target / name)

    def names(self, folder: str, pattern: str) -> Sequence[str]:
        """List the files of a folder.

        Raises:
            DeviceError: One has a name that does not fit, such as a path out of the folder.
        """
        listing = output_of(self._link, f"ls -1A -- {shlex.quote(folder)}").splitlines()
        strange = [name for name in listing if not re.fullmatch(pattern, name)]
        if strange:
            raise DeviceError(
                f"{self._link.address}: a file has the unexpected name {printable(strange[0])!r}"
            )
        return listing

    def make_folder(self, name: str) -> str:
        """Make an empty folder for results."""
        folder = f"{self.base}/{safe(name)}"
        quoted = shlex.quote(folder)
        output_of(self._link, f"rm -rf -- {quoted} && mkdir -p -- {quoted}")
        return folder

    def used_bytes(self) -> int | None:
        """Return what the folder takes on the device; None where it does not tell."""
        base = shlex.quote(self.base)
        result = self._link.run(f"[ -e {base} ] || {{ echo 0; exit 0; }}; du -sk -- {base}")
        kib = whole_number(r"\A(\d+)\b", result.stdout) if result.code == 0 else None
        return None if kib is None else kib * 1024

    def free_bytes(self) -> int | None:
        """Return the room that is left on the device; None where it does not tell."""
        parent = self.base.rpartition("/")[0]
        lines = self._link.run(f"df -k {shlex.quote(parent)}").stdout.splitlines()
        kib = whole_number(r"\s(\d+)\s+\d+%", lines[-1][:500]) if lines else None
        return None if kib is None else kib * 1024

    def clean(self) -> None:
        """Remove everything of ours from the device."""
        output_of(self._link, shlex.join(["rm", "-rf", "--", self.base]), 120)
        self._checked.clear()

    def _digests(self, folder: str, names: Mapping[str, object], size: int) -> Mapping[str, str]:
        """Return the sha256 of the files that exist."""
        # Only true files: reading a device or a pipe may never end.
        result = self._link.run(
            f"cd {shlex.quote(folder)} 2>/dev/null || exit 0; set --;"
            f' for file in {" ".join(map(safe, names))}; do [ -f "$file" ] && set -- "$@" "$file";'
            ' done; [ $# -eq 0 ] || exec sha256sum -- "$@"',
            60 + size / HASH_RATE,
        )
        if result.code != 0:
            raise CommandFailedError(self._link.address, result)
        lines = (SHA256_LINE.fullmatch(line) for line in result.stdout.splitlines())
        return {line.group(2): line.group(1) for line in lines if line}

    def _check_room(self, needed_bytes: int) -> None:
        free_bytes = self.free_bytes()
        if free_bytes is not None and free_bytes < needed_bytes * 1.05:
            raise DeviceError(
                f"{self._link.address} has {free_bytes / 1e6:.0f} MB left where"
                f" {needed_bytes / 1e6:.0f} MB are needed: make room, or remove what earlier runs"
                " left with `bench devices --clean`"
            )


def safe(name: str) -> str:
    """Return a name that stays inside its folder and needs no quoting."""
    if not SAFE_NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no valid file name on a device")
    return name


def sha256_of(path: Path) -> str:
    """Hash a file of this computer.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return file_sha256(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
