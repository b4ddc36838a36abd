"""The nouns of measuring, and what a device is: a narrow protocol at a process border."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeVar

from devices.schedule import Schedule
from model.decoding import Codes
from model.generate import Float32, Limits, Request


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


@dataclass(frozen=True)
class Reading:
    """What a device told of itself at one moment; None where it did not tell.

    Attributes:
        at: ISO 8601, UTC.
        thermal_status: Android's: 0 none, 1 light, 2 moderate, 3 severe, up to 6.
        battery_c: Temperature of the battery.
        max_clock_khz: Highest clock that any core might take.
        battery_source: What told the temperature (`devices.battery.Battery.source`).
    """

    at: str
    thermal_status: int | None = None
    battery_c: float | None = None
    max_clock_khz: int | None = None
    battery_source: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class ProcessFacts:
    """One fresh process that loaded a .pte and ran it: what it told beside its results.

    Attributes:
        load_ms: Opening the .pte and loading every method, first thing in the process.
        warm_load_ms: The same once more in the same process.
        base_rss_bytes: Resident memory before anything of the model is loaded.
        load_peak_rss_bytes: Peak resident memory up to the end of the first load.
        peak_rss_bytes: Peak resident memory while it ran.
        planned_bytes: Activation memory that the .pte plans, summed over methods; None where the
            runtime does not tell.
        threads: Threads of the runtime, as it reports them.
        affinity: Processors that the process may use, as a hexadecimal mask.
        backends: Backends registered in the runtime.
        warmup_ms: Wall milliseconds of the discarded iterations.
        warnings: Named warnings about this process.
        readings: What the device told of itself before, while and after it ran, in that order.
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
    warnings: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Repeat(ProcessFacts):
    """One fresh process that spoke: loads, warm-up, iterations, and the speech of the last one.

    Attributes:
        trials: The syntheses kept.
        codes: (Q, T) codes.
        waveform: (N,) samples.
        composed_frames: Codec frames of the speech that its times are composed for, where methods
            were timed one by one and nothing was said; else 0.
    """

    trials: tuple[Trial, ...]
    codes: Codes
    waveform: Float32
    composed_frames: int = 0


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


Found = TypeVar("Found", bound=ProcessFacts)
Found_co = TypeVar("Found_co", bound=ProcessFacts, covariant=True)


class Task(Protocol[Found_co]):
    """Something that a device can run in a fresh process: files in, files out."""

    @property
    def pte(self) -> Path:
        """The lowered model."""

    @property
    def results(self) -> Mapping[str, int]:
        """Files that a process leaves, with the most bytes that each may have."""

    def write(self, folder: Path) -> Mapping[str, Path]:
        """Write the request into a folder; returns its files by name, `request.txt` among them."""

    def read(self, folder: Path) -> Found_co:
        """Read what a process found, from the files that it left."""


@dataclass(frozen=True, eq=False)
class Job:
    """An utterance to say on a device.

    Attributes:
        pte: The lowered model.
        limits: What its methods take.
        request: What to say.
    """

    pte: Path
    limits: Limits
    request: Request = field(repr=False)

    results = MappingProxyType(
        {"report.json": 16 << 20, "codes.bin": 64 << 20, "waveform.bin": 1 << 30}
    )

    def write(self, folder: Path) -> Mapping[str, Path]:
        """Write the request into a folder; returns its file by name."""
        from devices.exchange import write_request

        write_request(folder / "request.txt", self)
        return {"request.txt": folder / "request.txt"}

    def read(self, folder: Path) -> Repeat:
        """Read what a process found.

        Raises:
            DeviceError: A file is missing, damaged, or of another format.
        """
        from devices.exchange import read_report

        return read_report(folder)


class Device(Protocol):
    """Something that runs a .pte. Every error is a `DeviceError` or `DeviceUnavailableError`."""

    def claim(self) -> AbstractContextManager[None]:
        """Keep other runs away from the device until the block ends.

        Raises:
            DeviceUnavailableError: Another run has it.
        """

    def info(self) -> DeviceInfo:
        """Describe the device."""

    def measure(self, job: Task[Found], schedule: Schedule) -> Found:
        """Run one repeat in a fresh process."""

    def profile(self, job: Task[ProcessFacts], schedule: Schedule) -> tuple[OperatorTime, ...]:
        """Trace the operators of one iteration, in a process of its own."""
