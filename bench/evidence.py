"""What is kept of a repeat, and how rows come of it: the journal's entries in, a run out."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from statistics import median
from typing import Any

import numpy as np

from bench.quality.clips import SentenceScores
from devices.base import OperatorTime, Reading, Repeat, Trial
from lowering.artifact import Manifest
from model.config import HOP_LENGTH, N_CODEBOOK, SAMPLE_RATE_HZ
from model.decoding import Codes


@dataclass(frozen=True)
class RepeatFacts:
    """The numbers of one repeat, without its speech.

    Attributes:
        round: Number of the round it was measured in.
        load_ms: Opening the .pte and loading every method in a fresh process.
        warm_load_ms: The same once more.
        base_rss_bytes: Resident memory before anything of the model was loaded.
        load_peak_rss_bytes: Peak up to the end of the first load.
        peak_rss_bytes: Peak during the syntheses.
        threads: Threads of the runtime.
        affinity: Processors that the process might use, as a hexadecimal mask.
        backends: Backends registered in the runtime.
        warmup_ms: Wall milliseconds of the syntheses thrown away.
        trials: The syntheses kept.
        warnings: Named doubts of the device.
        audio_frames: Codec frames of the speech.
        codes_sha256: Of its codes.
        code_agreement: Codes equal to fp32's, cell by cell; frames that only one has count as not.
        readings: What the device told of itself meanwhile.
    """

    round: int
    load_ms: float
    warm_load_ms: float
    base_rss_bytes: int
    load_peak_rss_bytes: int
    peak_rss_bytes: int
    threads: int
    affinity: str
    backends: tuple[str, ...]
    warmup_ms: tuple[float, ...]
    trials: tuple[Trial, ...]
    warnings: tuple[str, ...]
    audio_frames: int
    codes_sha256: str
    code_agreement: float
    readings: tuple[Reading, ...] = ()

    @property
    def audio_s(self) -> float:
        """Seconds of speech."""
        return self.audio_frames * HOP_LENGTH / SAMPLE_RATE_HZ

    @property
    def rtf(self) -> float:
        """Real-time factor: median wall time of a synthesis over the length of its speech."""
        return median(trial.wall_ms for trial in self.trials) / 1e3 / self.audio_s


def facts_of(repeat: Repeat, number: int, reference: Codes) -> RepeatFacts:
    """Reduce a repeat to its numbers, comparing its codes with the reference's."""
    own = {spec.name for spec in fields(RepeatFacts)}
    return RepeatFacts(
        **{name: value for name, value in vars(repeat).items() if name in own},
        round=number,
        audio_frames=repeat.codes.shape[1],
        codes_sha256=hashlib.sha256(repeat.codes.astype("<i2").tobytes()).hexdigest(),
        code_agreement=agreement(reference, repeat.codes),
    )


def agreement(want: Codes, got: Codes) -> float:
    """Share of equal cells of two grids of codes; frames that only one has count as unequal."""
    common = min(want.shape[1], got.shape[1])
    equal = float(np.sum(want[:, :common] == got[:, :common]))
    longest: int = max(want.shape[1], got.shape[1])
    return equal / (N_CODEBOOK * longest)


def facts_from_json(entry: Mapping[str, Any]) -> RepeatFacts:
    """Read a repeat back from the journal."""
    names = [spec.name for spec in fields(RepeatFacts)]
    values = {name: entry[name] for name in names if name in entry or name != "readings"}
    for name in ("backends", "warmup_ms", "warnings"):
        values[name] = tuple(values[name])
    values["trials"] = tuple(Trial(**trial) for trial in values["trials"])
    values["readings"] = tuple(Reading(**reading) for reading in values.get("readings", ()))
    return RepeatFacts(**values)


@dataclass(frozen=True)
class Evidence:
    """All that was found out about one case.

    Attributes:
        manifest: Of its artifact.
        repeats: Measured in fresh processes.
        operators: Of the profile; empty where none was made.
        reference_frames: Codec frames of the fp32 eager model's speech.
        sentences: Scores of what it says of the quality suite; empty where that was not asked for.
        redone: Repeats that were thrown away since the device was hot or slowed down.
    """

    manifest: Manifest
    repeats: Sequence[RepeatFacts]
    operators: Sequence[OperatorTime] = field(default_factory=tuple)
    reference_frames: int = 0
    sentences: Sequence[SentenceScores] = field(default_factory=tuple)
    redone: int = 0
