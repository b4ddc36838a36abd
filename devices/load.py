"""Whether other processes keep this machine, or a phone, busy while one of ours is measured."""

import os
import re
import resource
import time
from pathlib import Path
from types import TracebackType

from devices.shell import Link

OTHER_LOAD = "OTHER_LOAD"
TOLERATED_SHARE = 0.10  # of all cores' time


def busy_s() -> float:
    """Processor seconds that all processes have used since the start of the machine."""
    cpu = Path("/proc/stat").read_text().splitlines()[0].split()
    user, nice, system = map(int, cpu[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def own_s() -> float:
    """Processor seconds of this process and of its children that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class LoadWatch:
    """Compares, around a block, what all processes used with what ours used."""

    def __enter__(self) -> "LoadWatch":
        self.start = time.monotonic(), busy_s(), own_s()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        now = time.monotonic(), busy_s(), own_s()
        wall, busy, own = (b - a for a, b in zip(self.start, now, strict=True))
        self.other_share = max(0.0, busy - own) / (wall * (os.cpu_count() or 1))

    def warnings(self) -> tuple[str, ...]:
        """Name the warning, if others used more than is tolerated."""
        return (OTHER_LOAD,) if self.other_share > TOLERATED_SHARE else ()


def busy_share(link: Link, watch_s: int = 1) -> float | None:
    """Return the share of all cores' time that programs of a phone use at the moment.

    Ask while nothing of ours runs. Columns of /proc/stat: proc_stat(5).

    Args:
        link: Reaches the phone.
        watch_s: For how long to watch.

    Returns:
        0 to 1; None where the phone does not let /proc/stat be read.
    """
    look = "head -n 1 /proc/stat"
    said = link.run(f"{look}; sleep {watch_s}; {look}").stdout
    lines = re.findall(r"^cpu +([\d ]{1,250})$", said, re.MULTILINE)
    columns = [[int(ticks) for ticks in line.split()[:8]] for line in lines]
    if [len(ticks) for ticks in columns] != [8, 8]:
        return None
    # The time spent waiting for storage may decrease.
    spent = [max(0, after - before) for before, after in zip(*columns, strict=True)]
    idle = spent[3] + spent[4]  # idle, and waiting for storage
    return 1 - idle / sum(spent) if sum(spent) > 0 else None
