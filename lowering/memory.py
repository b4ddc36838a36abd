"""Memory of this process, and of the machine, as Linux accounts it."""

import ctypes
import gc
from pathlib import Path

STATUS = Path("/proc/self/status")
MEMORY = Path("/proc/meminfo")
CLEAR_PEAK = "5"  # proc_pid_clear_refs(5): reset the peak to the present size


def rss_bytes(field: str = "VmRSS") -> int:
    """Read resident memory now, or at its peak with the field `VmHWM`."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


def reset_peak() -> None:
    """Let the peak count anew from here."""
    Path("/proc/self/clear_refs").write_text(CLEAR_PEAK)


def free_unused() -> None:
    """Give memory back to the system that nothing refers to any more.

    glibc keeps what was freed for the next allocation (malloc_trim(3)); other C libraries have no
    such function.
    """
    gc.collect()
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def available_bytes() -> int:
    """Return the memory that new processes can have before anything is swapped."""
    fields = dict(line.split(":") for line in MEMORY.read_text().splitlines())
    return int(fields["MemAvailable"].split()[0]) * 1024
