"""Which cores of a phone are fast, and how fast they are at the moment."""

import re
import shlex
from dataclasses import dataclass

from devices.profiles import Soc
from devices.shell import Link

CANARY_RATIO = 1.10
USUAL_PAGE_BYTES = 4096
NO_TASKSET = 99  # a status that no program of a phone ends with
READ_CORES = """
cd /sys/devices/system/cpu
for cpu in cpu[0-9]*; do
  echo "$cpu $(cat $cpu/cpu_capacity 2>/dev/null) @$(cat $cpu/cpufreq/cpuinfo_max_freq 2>/dev/null)"
done
"""
# Counts in the shell: the same work each time, on one core, without files. The two moments are
# subtracted here: Android's shell, mksh, computes with 32 bits.
CANARY = """
i=0; begin=$(date +%s%N)
while [ $i -lt 20000 ]; do i=$((i+1)); done
end=$(date +%s%N); echo $begin $end
"""


def fast_cores(link: Link, soc: Soc | None = None) -> int:
    """Return the mask of the cores that are not little; 0 where that cannot be told.

    The little cores are those of the slowest kind, in whichever order of speed the phone tells. Two
    sources give that order: `cpu_capacity`, which the kernel computes as DMIPS per MHz times the
    highest clock (drivers/base/arch_topology.c), and cpufreq's highest clocks. The order of the
    kinds is the same in both, their ratios are not. A kernel without `capacity-dmips-mhz` in its
    device tree gives 1024 for every core; then the clocks decide.

    Args:
        link: Reaches the phone.
        soc: Its processor, where it is known: for phones that tell no speeds, and for processors
            whose slowest kind is not little.
    """
    lines = re.findall(r"^cpu(\d+) (\d*) ?@(\d*)$", link.run(READ_CORES).stdout, re.MULTILINE)
    capacity = {int(cpu): int(value[:18]) for cpu, value, _ in lines if value}
    clock_khz = {int(cpu): int(value[:18]) for cpu, _, value in lines if value}
    # The source that tells most cores, and of two such sources the one that tells kinds apart.
    speeds = max(capacity, clock_khz, key=lambda told: (len(told), len(set(told.values())) > 1))
    known = soc is not None and len(lines) == sum(soc.clusters)
    if soc is not None and known and not soc.little:
        fast = [int(cpu) for cpu, _, _ in lines]
    elif speeds:
        slowest = min(speeds.values())
        fast = [cpu for cpu, value in speeds.items() if value > slowest] or list(speeds)
    elif soc is not None and known and len(soc.clusters) > 1:
        fast = list(range(soc.clusters[0], sum(soc.clusters)))
    else:
        fast = []
    return sum(1 << cpu for cpu in fast if cpu < 64)


@dataclass(frozen=True)
class Placement:
    """The cores that a process is started on.

    Attributes:
        mask: Of the cores; 0 for any.
        refused: The kernel gives others than were asked for.
    """

    mask: int
    refused: bool = False


def placement(link: Link, wanted: int) -> Placement:
    """Find out on which of the wanted cores the kernel lets a process run.

    Args:
        link: Reaches the device.
        wanted: Mask of the cores; 0 for any.
    """
    granted = granted_cores(link, wanted) if wanted else wanted
    if granted is None:
        return Placement(wanted)
    return Placement(granted, refused=granted != wanted)


def granted_cores(link: Link, mask: int) -> int | None:
    """Ask the kernel for a mask of cores, and read back what a process gets.

    The kernel leaves out cores that the process's cpuset forbids, and refuses a mask of which
    nothing is left (`sched_setaffinity(2)`, EINVAL).

    Returns:
        The mask that a process gets; 0 where the mask is refused; None where it cannot be told.
    """
    result = link.run(f"command -v taskset >/dev/null || exit {NO_TASKSET}; {asking(mask)}")
    if result.code == NO_TASKSET:
        return None
    found = re.search(r"^Cpus_allowed:\s*([0-9a-f,]+)$", result.stdout, re.MULTILINE)
    return int(found.group(1)[:64].replace(",", ""), 16) if found else 0


def asking(mask: int) -> str:
    """Return shell that prints the cores which a process with this mask may use."""
    return f"taskset {mask:x} grep Cpus_allowed: /proc/self/status"


def page_size_bytes(link: Link) -> int | None:
    """Return the size of the kernel's pages; None where it cannot be told."""
    found = re.fullmatch(r"\s*(\d{4,7})\s*", link.run("getconf PAGE_SIZE").stdout)
    return int(found.group(1)) if found else None


def has_large_pages(link: Link) -> bool:
    """Say whether the kernel's pages are known to be larger than most phones'."""
    return (page_size_bytes(link) or 0) > USUAL_PAGE_BYTES


def canary_ms(link: Link, core: int) -> float | None:
    """Time a fixed workload on one core by the phone's own clock: the best of three.

    Returns:
        Milliseconds; None where the phone has no such clock, or sets it back each time.
    """
    command = f"sh -c {shlex.quote(CANARY)}"
    if core:
        command = f"taskset {core:x} {command}"
    said = link.run("; ".join([command] * 3), 120).stdout
    moments = re.findall(r"^(\d{16,20}) (\d{16,20})$", said, re.MULTILINE)
    took_ns = (int(end) - int(begin) for begin, end in moments)
    # Android sets this clock by the network's time, forwards and back, at any moment.
    return min((took / 1e6 for took in took_ns if took > 0), default=None)


def slowed(before_ms: float | None, after_ms: float | None) -> bool:
    """Say whether the fixed workload takes clearly longer than before."""
    return before_ms is not None and after_ms is not None and after_ms > CANARY_RATIO * before_ms
