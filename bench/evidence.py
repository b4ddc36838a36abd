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
from model.generate import Float32


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
        warmup_ms: Wall milliseconds of the discarded iterations.
        trials: The syntheses kept.
        warnings: Named warnings of the device.
        audio_frames: Codec frames of the speech.
        codes_sha256: Of its codes.
        code_agreement: Codes equal to fp32's, cell by cell; frames that only one has count as not.
            None where nothing was said.
        host_agreement: Likewise of the codes that the same .pte says on this computer. None where
            it was not compared.
        host_lsd_db: Log-spectral distance of the speech from the one that the same .pte says on
            this computer. None where the codes differ already, or it was not compared.
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
    code_agreement: float | None
    host_agreement: float | None = None
    host_lsd_db: float | None = None
    readings: tuple[Reading, ...] = ()

    @property
    def audio_s(self) -> float:
        """Seconds of speech."""
        return self.audio_frames * HOP_LENGTH / SAMPLE_RATE_HZ

    @property
    def rtf(self) -> float:
        """Real-time factor: median wall time of a synthesis over the length of its speech."""
        return median(trial.wall_ms for trial in self.trials) / 1e3 / self.audio_s


@dataclass(frozen=True, eq=False)
class Speech:
    """What a .pte says on this computer.

    Attributes:
        codes: (Q, T).
        waveform: (N,).
    """

    codes: Codes
    waveform: Float32

    def compare(self, other: Repeat) -> tuple[float, float | None]:
        """Return the share of equal codes, and the distance of the speech where all are equal."""
        from model.distance import log_spectral_distance_db

        share = agreement(self.codes, other.codes)
        if share < 1 or len(self.waveform) != len(other.waveform):
            return share, None
        return share, log_spectral_distance_db(self.waveform, other.waveform)


def facts_of(
    repeat: Repeat, number: int, reference: Codes, here: Speech | None = None
) -> RepeatFacts:
    """Reduce a repeat to its numbers.

    Args:
        repeat: The repeat.
        number: Of the round.
        reference: (Q, T) codes of fp32, to compare with.
        here: What the same .pte says on this computer; None where that is not to be compared.
    """
    host_agreement, host_lsd_db = here.compare(repeat) if here else (None, None)
    own = {spec.name for spec in fields(RepeatFacts)}
    return RepeatFacts(
        **{name: value for name, value in vars(repeat).items() if name in own},
        round=number,
        audio_frames=repeat.composed_frames or repeat.codes.shape[1],
        codes_sha256=hashlib.sha256(repeat.codes.astype("<i2").tobytes()).hexdigest(),
        code_agreement=None if repeat.composed_frames else agreement(reference, repeat.codes),
        host_agreement=host_agreement,
        host_lsd_db=host_lsd_db,
    )


def agreement(want: Codes, got: Codes) -> float:
    """Share of equal cells of two grids of codes; frames that only one has count as unequal."""
    common = min(want.shape[1], got.shape[1])
    equal = float(np.sum(want[:, :common] == got[:, :common]))
    longest: int = max(want.shape[1], got.shape[1])
    return equal / (N_CODEBOOK * longest)


def facts_from_json(entry: Mapping[str, Any]) -> RepeatFacts:
    """Read a repeat back from the journal."""
    optional = ("host_agreement", "host_lsd_db", "readings")  # younger than others
    names = [spec.name for spec in fields(RepeatFacts)]
    values = {name: entry[name] for name in names if name in entry or name not in optional}
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
        redone: Repeats that were discarded because the device was hot or slowed down.
    """

    manifest: Manifest
    repeats: Sequence[RepeatFacts]
    operators: Sequence[OperatorTime] = field(default_factory=tuple)
    reference_frames: int = 0
    sentences: Sequence[SentenceScores] = field(default_factory=tuple)
    redone: int = 0
