"""Which cores of a phone are fast, and how fast they are at the moment."""

import re
import shlex
from collections.abc import Sequence

from devices.shell import Link

CANARY_RATIO = 1.10
READ_CORES = """
cd /sys/devices/system/cpu
for cpu in cpu[0-9]*; do
  echo "$cpu $(cat $cpu/cpu_capacity 2>/dev/null) @$(cat $cpu/cpufreq/cpuinfo_max_freq 2>/dev/null)"
done
"""
# Counts in the shell: the same work each time, on one core, without files.
CANARY = """
i=0; begin=$(date +%s%N)
while [ $i -lt 20000 ]; do i=$((i+1)); done
end=$(date +%s%N); echo $((end-begin))
"""


def fast_cores(link: Link, clusters: Sequence[int] = ()) -> int:
    """Return the mask of the cores that are no little ones; 0 where that cannot be told.

    Args:
        link: Reaches the phone.
        clusters: Sizes of the processor's clusters, slowest first, for phones that keep speeds to
            themselves.
    """
    lines = re.findall(r"^cpu(\d+) (\d*) ?@(\d*)$", link.run(READ_CORES).stdout, re.MULTILINE)
    capacity = {int(cpu): int(value) for cpu, value, _ in lines if value}
    clock_khz = {int(cpu): int(value) for cpu, _, value in lines if value}
    if capacity:  # in thousandths of the fastest core; little ones have a third or less
        fast = [cpu for cpu, value in capacity.items() if 2 * value >= max(capacity.values())]
    elif clock_khz:
        slowest = min(clock_khz.values())
        fast = [cpu for cpu, value in clock_khz.items() if value > slowest] or list(clock_khz)
    elif len(lines) == sum(clusters) and len(clusters) > 1:
        fast = list(range(clusters[0], sum(clusters)))
    else:
        fast = []
    return sum(1 << cpu for cpu in fast if cpu < 64)


def canary_ms(link: Link, core: int) -> float | None:
    """Time a fixed workload on one core by the phone's own clock: the best of three.

    Returns:
        Milliseconds; None where the phone has no such clock.
    """
    command = f"sh -c {shlex.quote(CANARY)}"
    if core:
        command = f"taskset {core:x} {command}"
    found = re.findall(r"^\d+$", link.run("; ".join([command] * 3), 120).stdout, re.MULTILINE)
    return min(map(int, found)) / 1e6 if found else None


def slowed(before_ms: float | None, after_ms: float | None) -> bool:
    """Say whether the fixed workload takes clearly longer than before."""
    return before_ms is not None and after_ms is not None and after_ms > CANARY_RATIO * before_ms
