"""Whether other processes kept this machine busy while one of ours was measured."""

import os
import resource
import time
from pathlib import Path
from types import TracebackType

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
        """Name the doubt, if others used more than is tolerated."""
        return (OTHER_LOAD,) if self.other_share > TOLERATED_SHARE else ()
