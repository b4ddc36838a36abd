"""Where results of slow steps are kept: folders named by a hash of everything that went in."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path

from model.folders import cache_folder

ROOT = Path(__file__).resolve().parent.parent
PINS = ("torch", "torchao", "executorch", "numpy")
# Code that changes no artifact.
BESIDE = ("model/training", "model/data")


def cache_root() -> Path:
    """Return the folder of everything that is kept between runs."""
    return cache_folder()


@cache
def source_hash(*packages: str) -> str:
    """Hash the Python and TOML sources of some of the project's packages."""
    digest = hashlib.sha256()
    for package in packages:
        for path in sorted((ROOT / package).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in (".py", ".toml") and not name.startswith(BESIDE):
                digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@cache
def file_sha256(path: Path) -> str:
    """Hash a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def pins() -> dict[str, str]:
    """Versions of the packages that an artifact depends on."""
    return {package: version(package) for package in PINS}


def cache_key(parts: object) -> str:
    """Hash a JSON-able description of everything that a cached result depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def publish(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill a temporary folder and rename it to `folder`, so that it is there whole or not at all.

    Of two writers of the same folder, the first wins; their content is the same by construction.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        fill(temporary)
        temporary.chmod(0o755)
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.exists():  # no other writer was first: it is the disk that failed
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
