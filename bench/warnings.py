"""The named warnings: when a measurement is unreliable, and what to do about it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from statistics import median

from bench.evidence import Evidence
from bench.steady import drifts, slow_at_first, unsteady
from devices.conditions import WARNINGS

FEWEST_REPEATS = 5  # of either side; no interval over fewer means what it says


class NamedWarning(StrEnum):
    """A reason why a row is unreliable; the value is what it means and what to do."""

    UNTRAINED = "weights are random: times are real, the speech is noise"
    FEW_REPEATS = "under 5 repeats: no interval is meaningful; raise --repeats"
    UNSTEADY = "repeats vary by more than 3 %: close other programs, raise --cooldown"
    FIRST_RUN_SLOW = "the first kept syntheses were over 5 % slower than later ones: raise --warmup"
    DRIFT = "repeats grew slower, or faster, from first to last: raise --cooldown, use bench ab"
    REDONE = "repeats on a hot or slowed device were discarded and measured again: let it cool"
    OTHER_LOAD = "other processes kept the machine's cores busy: wait until they are done"
    FRAMES_DIFFER = "the speech is not as long as fp32's: compare RTF, not milliseconds"
    HOST_DIFFERS = "other codes than the same .pte gives here: other rounding, or a wrong device"
    CODES_VARY = "repeats gave different codes: the runtime or the device computes unsteadily"
    EMULATED = "an emulated device: times say nothing of a phone"
    THROTTLED = "the device grew hot: let it cool, raise --cooldown"
    LOW_SNR = "outputs under 10 dB from PyTorch's: not the same module; find the layer that differs"
    MOSTLY_FLOAT = "under half of the multiply-adds are quantized: see what the scheme left out"
    LOAD_IN_PEAK = "the peak could not be reset after loading: peak memory includes the load's"


# What each name means and what to do; a phone's own conditions beside the warnings above.
REMEDIES = {**WARNINGS, **{warning.name: warning.value for warning in NamedWarning}}
# Of a repeat: with one of these, its times are those of the conditions and not of the model.
TAINTS = ("HOT", "THROTTLED", "SLOWED")


def find_warnings(evidence: Evidence, *, trained: bool, emulated: bool) -> tuple[str, ...]:
    """Name the warnings about one case."""
    repeats = evidence.repeats
    holds = {
        **timing_warnings([[trial.wall_ms for trial in repeat.trials] for repeat in repeats]),
        NamedWarning.UNTRAINED: not trained,
        NamedWarning.EMULATED: emulated,
        NamedWarning.FRAMES_DIFFER: any(
            r.audio_frames != evidence.reference_frames
            for r in repeats
            if r.code_agreement is not None
        ),
        NamedWarning.HOST_DIFFERS: any(
            r.host_agreement is not None and r.host_agreement < 1 for r in repeats
        ),
        NamedWarning.REDONE: evidence.redone > 0,
        NamedWarning.CODES_VARY: len({repeat.codes_sha256 for repeat in repeats}) > 1,
    }
    said = {name for repeat in repeats for name in repeat.warnings}
    return in_order(holds, said)


def timing_warnings(wall_ms: Sequence[Sequence[float]]) -> dict[NamedWarning, bool]:
    """Tell which warnings hold about times alone.

    Args:
        wall_ms: Per repeat, of each iteration kept, in order.
    """
    medians = [median(repeat) for repeat in wall_ms]
    return {
        NamedWarning.FEW_REPEATS: len(medians) < FEWEST_REPEATS,
        NamedWarning.UNSTEADY: unsteady(medians),
        NamedWarning.FIRST_RUN_SLOW: slow_at_first(wall_ms),
        NamedWarning.DRIFT: drifts(medians),
    }


def in_order(holds: Mapping[NamedWarning, bool], said: set[str]) -> tuple[str, ...]:
    """Name the warnings that hold and those of a device, in the order of the registry."""
    holding = {warning.name for warning, true in holds.items() if true}
    return tuple(name for name in REMEDIES if name in holding | said)
