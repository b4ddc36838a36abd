"""The device `host`: this machine, through ExecuTorch's Python runtime."""

import os
import platform
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from devices.base import DeviceInfo, Found, OperatorTime, ProcessFacts, Task
from devices.load import LoadWatch
from devices.profiling import read_profile
from devices.runner_call import check_outcome, runner_arguments
from devices.schedule import Schedule
from model.errors import DeviceError

TIME_LIMIT_S = 600.0


class Host:
    """Runs each repeat in a fresh child process."""

    def claim(self) -> AbstractContextManager[None]:
        """Keep nobody away: other programs on this machine are named by `OTHER_LOAD`."""
        return nullcontext()

    def info(self) -> DeviceInfo:
        """Describe this machine."""
        return host_info("host", "host")

    def measure(self, job: Task[Found], schedule: Schedule) -> Found:
        """Run one repeat in a fresh process."""
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            with LoadWatch() as watch:
                run_child(job, folder, schedule)
            return replace(job.read(folder), warnings=watch.warnings())

    def profile(self, job: Task[ProcessFacts], schedule: Schedule) -> tuple[OperatorTime, ...]:
        """Trace the operators of one iteration, in a process of its own."""
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            run_child(job, folder, schedule, profile=True)
            return read_profile(folder)


def run_child(
    job: Task[ProcessFacts],
    folder: Path,
    schedule: Schedule,
    *,
    profile: bool = False,
    module: str = "devices.host_child",
    limit_s: float = TIME_LIMIT_S,
) -> None:
    """Run a child on a job, leaving its files in `folder`.

    Args:
        job: What to do.
        folder: For its files.
        schedule: How often.
        profile: Trace the operators in place of measuring.
        module: The child.
        limit_s: When it is stopped.

    Raises:
        DeviceError: It failed or took too long.
    """
    request = job.write(folder)["request.txt"]
    arguments = runner_arguments(job.pte, request, folder, schedule, profile=profile)
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(
            f"the runner did not finish within {limit_s:.0f} s and was stopped"
        ) from error
    answer = "".join(done.stdout.splitlines()[-1:])  # libraries may have printed before
    check_outcome(done.returncode, answer, done.stderr)


def host_info(name: str, kind: str) -> DeviceInfo:
    """Describe this machine, as a device of some kind."""
    release = platform.freedesktop_os_release() if sys.platform == "linux" else {}
    machine = platform.machine()
    return DeviceInfo(
        name=name,
        kind=kind,
        model=processor_name(),
        os=release.get("PRETTY_NAME", platform.platform()),
        abi={"aarch64": "arm64-v8a"}.get(machine, machine),
        soc=processor_name(),
        cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        fingerprint=platform.release(),
    )


def processor_name() -> str:
    """Read the processor's name, or the architecture where there is none."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


# What runs integer and half-precision products fast, by the flags that the kernel gives it on x86
# (arch/x86/include/asm/cpufeatures.h) and on Arm (Documentation/arch/arm64/elf_hwcaps.rst).
INSTRUCTION_SETS = {
    "AVX2": "avx2",
    "AVX-512": "avx512f",
    "AVX-VNNI": "avx_vnni",
    "AVX-512 VNNI": "avx512_vnni",
    "AVX-512 BF16": "avx512_bf16",
    "AMX INT8": "amx_int8",
    "AMX BF16": "amx_bf16",
    "NEON": "asimd",
    "dot product": "asimddp",
    "I8MM": "i8mm",
    "SVE": "sve",
    "SME": "sme",
}


def instruction_sets(cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """Name the instruction sets for matrix products that this machine has; none where unknown."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    given = [line.split(":", 1) for line in lines if line.startswith(("flags", "Features"))]
    flags = set(given[0][1].split()) if given else set()
    return tuple(name for name, flag in INSTRUCTION_SETS.items() if flag in flags)
