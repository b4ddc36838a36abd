"""The runner's bundle: one folder with the native runner and everything that it needs to run.

It is compiled here from `devices/runner/` against the C++ libraries inside executorch's wheels, so
that it takes a C++ compiler and nothing else: no NDK, no CMake. The bundle brings its own C
library and is started through its own loader, since a phone has another C library and a board may
have an older one.
"""

import hashlib
import importlib.util
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lowering.cache import cache_key, cache_root
from model.entries import LISTING, publish, usable
from model.errors import DeviceError
from model.hashing import file_sha256

SOURCES = Path(__file__).parent / "runner"
PLATFORM = "manylinux_2_28"
LIMIT_S = 600  # of a compilation or a download

# Kernels and backends register themselves when they are loaded, so that nothing refers to them and
# the linker has to be told to keep them all.
REGISTERING = ("kernels_optimized", "kernels_quantized", "backend_xnnpack")
OTHERS = ("threadpool", "etdump")
C_LIBRARIES = (
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "libstdc++.so.6",
    "libgcc_s.so.1",
)
FLAGS = (
    "-std=c++17",
    "-O3",
    "-fno-trapping-math",
    "-ffp-contract=off",  # sampling is specified bit for bit: see sampling.h
    "-DC10_USING_CUSTOM_GENERATED_MACROS",
    "-DET_EVENT_TRACER_ENABLED",
    "-DET_USE_THREADPOOL",
)


@dataclass(frozen=True)
class Target:
    """An instruction set to build for.

    Attributes:
        machine: As `uname -m` and GNU compilers spell it.
        loader: The C library's program loader.
        flags: Of the compiler.
    """

    machine: str
    loader: str
    flags: tuple[str, ...] = ()

    @property
    def compiler(self) -> str:
        """The compiler's command."""
        native = platform.machine() == self.machine
        return "g++" if native else f"{self.machine}-linux-gnu-g++"

    @property
    def package(self) -> str:
        """The compiler's Debian package."""
        native = platform.machine() == self.machine
        return "g++" if native else f"g++-{self.machine.replace('_', '-')}-linux-gnu"

    @property
    def c_library(self) -> str:
        """The Debian package of the C library and its headers."""
        architecture = {"aarch64": "arm64", "x86_64": "amd64"}.get(self.machine, self.machine)
        native = platform.machine() == self.machine
        return "libc6-dev" if native else f"libc6-dev-{architecture}-cross"


# By Android's name of the instruction set.
TARGETS = {
    "arm64-v8a": Target("aarch64", "ld-linux-aarch64.so.1"),
    "x86_64": Target("x86_64", "ld-linux-x86-64.so.2", ("-march=x86-64-v2",)),
}


@dataclass(frozen=True)
class Bundle:
    """A folder that runs on a device as it is.

    Attributes:
        folder: Where it is here.
        sha256: Of all its files' names and contents.
        abi: Instruction set, as Android spells it.
    """

    folder: Path
    sha256: str
    abi: str

    @property
    def files(self) -> dict[str, Path]:
        """Its files by name: what a device needs."""
        return files_of(self.folder)

    @property
    def command(self) -> tuple[str, ...]:
        """Starts the runner, from within the folder."""
        return (f"./{TARGETS[self.abi].loader}", "--library-path", ".", "./runner")


def build_bundle(abi: str) -> Bundle:
    """Build the bundle for an instruction set, or take it from the cache.

    The first bundle for a foreign instruction set downloads executorch's wheel for it.

    Args:
        abi: A key of `TARGETS`.

    Raises:
        DeviceError: No such target, no compiler, no wheel, or the compiler failed.
    """
    if abi not in TARGETS:
        raise DeviceError(
            f"no runner for the instruction set {abi!r}: executorch has libraries for"
            f" {' and '.join(TARGETS)}"
        )
    target = TARGETS[abi]
    parts = {
        "sources": [hashlib.sha256(path.read_bytes()).hexdigest() for path in source_files()],
        "executorch": executorch_version(),
        "compiler": compiler_version(target),
        "c_library": c_library_sha256(target),
        "target": [target.machine, *FLAGS, *target.flags],
    }
    folder = cache_root() / "bundles" / f"{target.machine}-{cache_key(parts)}"
    if not usable(folder):
        runtime = runtime_folder(target)
        publish(folder, lambda temporary: fill_bundle(temporary, target, runtime))
    return Bundle(folder, folder_sha256(folder), abi)


def source_files() -> list[Path]:
    """List the runner's sources."""
    return sorted(path for path in SOURCES.iterdir() if path.suffix in (".cpp", ".h"))


def fill_bundle(folder: Path, target: Target, runtime: Path) -> None:
    """Compile the runner and put all that it needs beside it."""
    system = [library(target, name) for name in (*C_LIBRARIES, target.loader)]
    libraries = ("libexecutorch.so", *(f"libexecutorch_{x}.so" for x in (*REGISTERING, *OTHERS)))
    for name in libraries:
        shutil.copy(runtime / "lib" / name, folder)
    include = runtime / "include"
    compiler_run(
        target,
        *FLAGS,
        *target.flags,
        f"-isystem{include}",
        f"-isystem{include / 'executorch/runtime/core/portable_type/c10'}",
        str(SOURCES / "runner.cpp"),
        f"-o{folder / 'runner'}",
        "-s",
        f"-L{folder}",
        f"-Wl,-rpath-link,{folder}",
        "-Wl,--no-as-needed",
        *(f"-lexecutorch_{name}" for name in (*REGISTERING, *OTHERS)),
        "-lexecutorch",
    )
    for path in system:
        shutil.copy(path, folder)
    for path in folder.iterdir():
        path.chmod(0o755)


def library(target: Target, name: str) -> Path:
    """Find a library of a target's C or C++ library.

    Raises:
        DeviceError: The compiler finds none: GCC then prints the name alone.
    """
    path = Path(compiler_run(target, f"-print-file-name={name}"))
    if not path.is_absolute() or not path.exists():
        raise DeviceError(
            f"{target.compiler} finds no {name}, which the runner takes to the device: run"
            f" `sudo apt install {target.package} {target.c_library}`"
        )
    return path


def files_of(folder: Path) -> dict[str, Path]:
    """List the files of a bundle by name, without the cache's listing of them."""
    return {path.name: path for path in sorted(folder.iterdir()) if path.name != LISTING}


def folder_sha256(folder: Path) -> str:
    """Hash the names and contents of a bundle's files."""
    digest = hashlib.sha256()
    for name, path in files_of(folder).items():
        digest.update(f"{name} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def compiler_run(target: Target, *arguments: str) -> str:
    """Run a target's compiler and return what it prints."""
    try:
        return run([target.compiler, *arguments])
    except FileNotFoundError:
        raise DeviceError(
            f"{target.compiler} is not installed, and the runner has to be compiled: run"
            f" `sudo apt install {target.package}`"
        ) from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = telling_line(error)
        remedy = ""
        if "cannot find" in said or "No such file" in said:
            remedy = f"; if it is a file of the C library: sudo apt install {target.c_library}"
        raise DeviceError(f"{target.compiler} failed: {said}{remedy}") from error


def c_library_sha256(target: Target) -> str:
    """Hash the C library that a target's compiler has: it changes without the compiler."""
    return file_sha256(library(target, C_LIBRARIES[0]))


def compiler_version(target: Target) -> str:
    """Return the first line that a target's compiler says of itself."""
    return compiler_run(target, "--version").splitlines()[0]


def executorch_version() -> str:
    """Return the version of the installed executorch.

    Raises:
        DeviceError: It is not installed.
    """
    try:
        return version("executorch")
    except PackageNotFoundError:
        raise DeviceError(
            "executorch is not installed, and the runner is built from its libraries: run"
            " `pip install 'mobilespeech-bench[run]'`"
        ) from None


def runtime_folder(target: Target) -> Path:
    """Return a folder with executorch's `include` and `lib` for a target."""
    spec = importlib.util.find_spec("executorch")
    if platform.machine() == target.machine and spec and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    folder = cache_root() / "runtimes" / f"executorch-{executorch_version()}-{target.machine}"
    if not usable(folder):
        wheel = find_wheel(target) or download_wheel(target)
        publish(folder, lambda temporary: unpack_runtime(wheel, temporary))
    return folder / "executorch"


def wheels_folder() -> Path:
    """Return the folder where wheels for other instruction sets are looked for."""
    return cache_root() / "wheels"


def find_wheel(target: Target) -> Path | None:
    """Find executorch's wheel for a target among those downloaded."""
    pattern = f"executorch-{executorch_version()}-*{PLATFORM}_{target.machine}.whl"
    return next(iter(sorted(wheels_folder().glob(pattern))), None)


def download_wheel(target: Target) -> Path:
    """Download executorch's wheel for a target.

    Raises:
        DeviceError: It cannot be had; the message says how to get it by other means.
    """
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    arguments = [
        *("download", "--no-deps", "--only-binary=:all:", f"--python-version={here}"),
        *(f"--platform={PLATFORM}_{target.machine}", f"executorch=={executorch_version()}"),
    ]
    wheels = wheels_folder()
    try:
        wheels.mkdir(parents=True, exist_ok=True)
        # pip writes into its destination bit by bit, where another process would find a half.
        with tempfile.TemporaryDirectory(prefix=".", dir=wheels) as scratch:
            run([sys.executable, "-m", "pip", *arguments, f"--dest={scratch}"])
            for path in Path(scratch).glob("*.whl"):
                path.replace(wheels / path.name)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise DeviceError(
            f"executorch's libraries for {target.machine} cannot be downloaded"
            f" ({last_line(error)}): where there is a network, run `pip {' '.join(arguments)}`"
            f" and put the wheel into {wheels_folder()}"
        ) from error
    wheel = find_wheel(target)
    if wheel is None:
        raise DeviceError(f"pip left no wheel for {target.machine} in {wheels_folder()}")
    return wheel


def unpack_runtime(wheel: Path, folder: Path) -> None:
    """Unpack the libraries and headers of a wheel of executorch."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            wanted = ("executorch/lib/", "executorch/include/")
            archive.extractall(folder, [x for x in archive.namelist() if x.startswith(wanted)])
    except (OSError, zipfile.BadZipFile) as error:
        raise DeviceError(f"{wheel} is damaged: delete it ({error})") from error


def run(command: list[str]) -> str:
    """Run a command and return its output without the last line break."""
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT_S)
    return done.stdout.rstrip("\n")


def telling_line(error: subprocess.CalledProcessError | subprocess.TimeoutExpired) -> str:
    """Return the line in which a compiler or linker says what is wrong, or else its last one."""
    lines = [] if isinstance(error, subprocess.TimeoutExpired) else str(error.stderr).splitlines()
    telling = (line for line in lines if "error:" in line or "cannot find" in line)
    return next(telling, "").strip() or last_line(error)


def last_line(error: subprocess.CalledProcessError | subprocess.TimeoutExpired) -> str:
    """Return the last line that a failed command wrote to its standard error."""
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took over {LIMIT_S} s"
    lines = str(error.stderr).strip().splitlines() or ["it gave no reason"]
    return lines[-1]
