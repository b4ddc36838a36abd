"""The nouns of measuring, and what a device is: a narrow protocol at a process border."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from model.decoding import Codes
from model.generate import Float32, Limits, Request


@dataclass(frozen=True)
class Schedule:
    """How often to measure.

    Attributes:
        repeats: Fresh, cooled processes: the unit of statistics.
        warmup: Syntheses thrown away at the start of each.
        iterations: Syntheses kept in each.
        cooldown_s: Idle time between repeats.
        threads: Threads of the runtime; 0 for one per core.
    """

    repeats: int = 5
    warmup: int = 1
    iterations: int = 3
    cooldown_s: float = 0.0
    threads: int = 0


@dataclass(frozen=True)
class DeviceInfo:
    """What a device says of itself.

    Attributes:
        name: Of the profile, as `--device` takes it.
        kind: Entry of `KINDS`.
        model: Human name of the machine or phone.
        os: Operating system and version.
        abi: Instruction set, as Android spells it.
        soc: Processor.
        cores: Logical cores.
        memory_bytes: Main memory.
        emulated: True where times are those of an emulator and say nothing of a phone.
        fingerprint: Build of the system, to tell updates apart.
    """

    name: str
    kind: str
    model: str
    os: str
    abi: str
    soc: str
    cores: int
    memory_bytes: int
    emulated: bool = False
    fingerprint: str = ""


@dataclass(frozen=True)
class Trial:
    """One synthesis on a device.

    Attributes:
        wall_ms: From phonemes and prompt codes to the last sample.
        first_audio_ms: Until the first chunk of waveform was there.
        stage_ms: Milliseconds per stage (`model.generate.STAGES`).
        set_input_ms: Of all that, copying inputs into the runtime; None where it does not tell.
    """

    wall_ms: float
    first_audio_ms: float
    stage_ms: Mapping[str, float]
    set_input_ms: float | None


@dataclass(frozen=True, eq=False)
class Repeat:
    """One fresh process: loads, warm-up, iterations, and the speech of the last one.

    Attributes:
        load_ms: Opening the .pte and loading every method, first thing in the process.
        warm_load_ms: The same once more in the same process.
        base_rss_bytes: Resident memory before anything of the model is loaded.
        load_peak_rss_bytes: Peak resident memory up to the end of the first load.
        peak_rss_bytes: Peak resident memory during the syntheses.
        planned_bytes: Activation memory that the .pte plans, summed over methods; None where the
            runtime does not tell.
        threads: Threads of the runtime, as it reports them.
        affinity: Processors that the process may use, as a hexadecimal mask.
        backends: Backends registered in the runtime.
        warmup_ms: Wall milliseconds of the syntheses thrown away.
        trials: The syntheses kept.
        codes: (Q, T) codes.
        waveform: (N,) samples.
        warnings: Named doubts about this repeat.
    """

    load_ms: float
    warm_load_ms: float
    base_rss_bytes: int
    load_peak_rss_bytes: int
    peak_rss_bytes: int
    planned_bytes: int | None
    threads: int
    affinity: str
    backends: tuple[str, ...]
    warmup_ms: tuple[float, ...]
    trials: tuple[Trial, ...]
    codes: Codes
    waveform: Float32
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class OperatorTime:
    """One operator of a profile: its time summed over one synthesis.

    Attributes:
        method: Method of the .pte.
        name: Operator, as the runtime or the delegate calls it.
        delegate: Backend it ran in; empty where it ran outside every delegate.
        calls: How often it ran.
        total_ms: Milliseconds in all.
    """

    method: str
    name: str
    delegate: str
    calls: int
    total_ms: float


@dataclass(frozen=True, eq=False)
class Job:
    """One thing to run on a device.

    Attributes:
        pte: The lowered model.
        limits: What its methods take.
        request: What to say.
    """

    pte: Path
    limits: Limits
    request: Request = field(repr=False)


class Device(Protocol):
    """Something that runs a .pte. Every error is a `DeviceError` or `DeviceUnavailableError`."""

    def info(self) -> DeviceInfo:
        """Describe the device."""

    def measure(self, job: Job, schedule: Schedule) -> Repeat:
        """Run one repeat in a fresh process."""

    def profile(self, job: Job, schedule: Schedule) -> tuple[OperatorTime, ...]:
        """Trace the operators of one synthesis, in a process of its own."""
