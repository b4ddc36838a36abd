"""Where results of slow steps are kept: folders named by a hash of everything that went in."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from model.folders import cache_folder

ROOT = Path(__file__).resolve().parent.parent
PINS = ("torch", "torchao", "executorch", "numpy")
# What the model's code uses beside them: for text, for prompts, for distances.
MODEL_PACKAGES = (
    *("gruut", "gruut-ipa", "gruut-lang-en", "misaki", "python-crfsuite", "num2words"),
    *("pypinyin", "rjieba", "cn2an", "soundfile", "soxr", "scipy"),
)
NOT_INSTALLED = "not installed"
SOURCES = (".py", ".toml", ".c", ".cpp", ".h")
# Code that changes no artifact.
BESIDE = ("model/training", "model/data")


def cache_root() -> Path:
    """Return the folder of everything that is kept between runs."""
    return cache_folder()


@cache
def source_hash(*packages: str) -> str:
    """Hash the sources of some of the project's packages."""
    digest = hashlib.sha256()
    for package in packages:
        for path in sorted((ROOT / package).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in SOURCES and not name.startswith(BESIDE):
                digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def pins() -> dict[str, str]:
    """Versions of the packages that everything depends on."""
    return versions(PINS)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of some packages, by name."""
    return {package: installed(package) for package in packages}


@cache
def installed(package: str) -> str:
    """Return the version of a package, or that it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED


def cache_key(parts: object) -> str:
    """Hash a JSON-able description of everything that a cached result depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]
