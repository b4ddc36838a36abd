"""How often to measure: told apart from devices, so that options are read without numpy."""

from dataclasses import dataclass

MOST_THREADS = 256  # kMaxThreads of devices/runner/runner.cpp


@dataclass(frozen=True)
class Schedule:
    """How often to measure.

    Attributes:
        repeats: Fresh, cooled processes: the unit of statistics.
        warmup: Iterations discarded at the start of each.
        iterations: Syntheses kept in each.
        cooldown_s: Idle time between repeats.
        threads: Threads of the runtime; 0 for one per core.
        until: Half width of the interval of RTF, relative to it, at which a case has been measured
            enough; 0 to measure `repeats` in any case.
        most_repeats: After which to stop even so.
    """

    repeats: int = 5
    warmup: int = 1
    iterations: int = 3
    cooldown_s: float = 0.0
    threads: int = 0
    until: float = 0.0
    most_repeats: int = 30
