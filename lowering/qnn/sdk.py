"""Qualcomm's HTP compiler and simulator for this machine: found, fitted to ExecuTorch, loaded.

Both are one library. It comes with Qualcomm's SDK, or with the PyPI package `onnxruntime-qnn`, of
which nothing else is used. Either is newer than the headers that ExecuTorch is built against, so a
small library of ours stands in front of it (`shim.c`), built when it is first needed.
"""

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from lowering.cache import cache_key, cache_root
from model.entries import publish, usable
from model.errors import StageFailedError
from model.hashing import file_sha256

ROOT_VARIABLE = "QNN_SDK_ROOT"
PACKAGE = "onnxruntime-qnn"
LIBRARIES = Path("lib", "x86_64-linux-clang")  # where an SDK has those for this machine
HTP, SYSTEM = "libQnnHtp.so", "libQnnSystem.so"
SHIM = Path(__file__).with_name("shim.c")
BUILD_LIMIT_S = 60

NO_SDK = (
    f"the HTP compiler is not here: pip install 'mobilespeech-bench[qnn]', or set {ROOT_VARIABLE}"
    " to Qualcomm's SDK"
)
NO_COMPILER = (
    "a small library has to be built to use the HTP compiler: install a C compiler (apt-get install"
    " gcc), or name yours with CC"
)


@dataclass(frozen=True)
class Sdk:
    """Qualcomm's libraries for this machine.

    Attributes:
        name: What they are and of which version.
        folder: Where they are.
    """

    name: str
    folder: Path


def find_sdk() -> Sdk | None:
    """Find the SDK that `QNN_SDK_ROOT` names, or the package; None where there is neither."""
    root = os.environ.get(ROOT_VARIABLE)
    if root:
        folder = Path(root) / LIBRARIES
        library = folder / HTP
        return Sdk(f"SDK {file_sha256(library)[:12]}", folder) if library.is_file() else None
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        return None
    folder = Path(str(package.locate_file("onnxruntime_qnn")))
    found = (folder / HTP).is_file()
    return Sdk(f"{PACKAGE} {package.version}", folder) if found else None


def unavailable() -> str:
    """Say why the HTP compiler cannot be used here, with the remedy; nothing where it can."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return "Qualcomm's HTP compiler runs on Linux x86-64 only: lower there"
    sdk = find_sdk()
    if sdk is None:
        root = os.environ.get(ROOT_VARIABLE)
        return (
            f"{ROOT_VARIABLE} has no {LIBRARIES / HTP}: correct it or unset it" if root else NO_SDK
        )
    if not usable(fitted_folder(sdk)) and compiler() is None:
        return NO_COMPILER
    return ""


def compiler() -> str | None:
    """Find the C compiler."""
    return shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")


def fitted_folder(sdk: Sdk) -> Path:
    """Name the folder in the cache that ExecuTorch takes for an SDK."""
    parts = {"shim": file_sha256(SHIM), "library": str(sdk.folder / HTP), "sdk": sdk.name}
    return cache_root() / "qnn" / cache_key(parts)


def fit(sdk: Sdk) -> Path:
    """Build the shim in front of an SDK's library, unless that is done.

    Returns:
        A folder laid out like an SDK.

    Raises:
        StageFailedError: There is no compiler, or it failed.
    """
    folder = fitted_folder(sdk)
    if not usable(folder):
        publish(folder, lambda temporary: build_shim(sdk, temporary / LIBRARIES))
    return folder


def build_shim(sdk: Sdk, folder: Path) -> None:
    """Compile the shim for an SDK's library into a folder.

    It has the real library's soname, so that whoever asks for that by name gets the shim, and is
    never unloaded: the next to ask would get the real one.

    Raises:
        StageFailedError: There is no compiler, or it failed.
    """
    cc = compiler()
    if cc is None:
        raise StageFailedError(NO_COMPILER)
    folder.mkdir(parents=True)
    command = [
        cc, "-std=c11", "-O2", "-fPIC", "-shared", f"-Wl,-soname,{HTP}", "-Wl,-z,nodelete",
        f'-DREAL_LIBRARY="{sdk.folder / HTP}"', str(SHIM), "-o", str(folder / HTP), "-ldl",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=BUILD_LIMIT_S
        )
    except subprocess.TimeoutExpired as error:
        raise StageFailedError(f"{cc} took over {BUILD_LIMIT_S} s to build {SHIM.name}") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[0]
        raise StageFailedError(f"{cc} could not build {SHIM.name}: {said}")


@cache
def load_sdk() -> Path:
    """Load the libraries into this process, for ExecuTorch to find there by their names.

    So nothing has to be on the loader's path before Python starts. They bring a C++ library and an
    unwinder of their own: loaded before torch, they crash it, hence the imports.

    Returns:
        The folder that ExecuTorch takes for an SDK.

    Raises:
        StageFailedError: They are not here, or cannot be loaded.
    """
    import executorch.extension.pybindings._C  # noqa: F401
    import torch  # noqa: F401  # loads the libraries that must come first

    sdk = find_sdk()
    if sdk is None:
        raise StageFailedError(NO_SDK)
    fitted = fit(sdk)
    try:
        for library in (sdk.folder / SYSTEM, fitted / LIBRARIES / HTP):
            ctypes.CDLL(str(library))
    except OSError as error:
        raise StageFailedError(f"Qualcomm's libraries cannot be loaded: {error}") from error
    return fitted


@contextmanager
def sdk_in_use() -> Iterator[None]:
    """Load the libraries, and let `QNN_SDK_ROOT` name them as fitted for ExecuTorch meanwhile.

    Raises:
        StageFailedError: They are not here, or cannot be loaded.
    """
    before = os.environ.get(ROOT_VARIABLE)
    os.environ[ROOT_VARIABLE] = str(load_sdk())
    try:
        yield
    finally:
        if before is None:
            del os.environ[ROOT_VARIABLE]
        else:
            os.environ[ROOT_VARIABLE] = before
