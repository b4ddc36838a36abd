"""What a mixed scheme is predicted to cost: milliseconds on a device, and distance from fp32."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.results import Outcome, Run
from model.errors import ResultError
from model.generate import STAGES
from quantization.scheme_files import FLOAT
from quantization.sensitivity import Damage

# What each part is held in, by the part's name.
Candidate = Mapping[str, str]
# Milliseconds of one synthesis: per scheme, per stage.
StageTimes = Mapping[str, Mapping[str, float]]
NAMED_OTHERWISE = {"codec_decoder": "codec"}


@dataclass(frozen=True)
class Cost:
    """What holding a part in a scheme is worth, against fp32.

    Attributes:
        saved_ms: Of one synthesis.
        noise: Noise to signal that it alone brings, summed over the ends it reaches.
    """

    saved_ms: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True)
class Space:
    """All mixed schemes of a model.

    Attributes:
        parts: Per part, the cost of each way to hold it; fp32 comes first.
        float_ms: One synthesis in fp32.
        audio_ms: What it says.
    """

    parts: Mapping[str, Mapping[str, Cost]]
    float_ms: float
    audio_ms: float

    def uniform(self, scheme: str) -> Candidate:
        """Hold every part that takes it in one scheme."""
        return {part: scheme if scheme in ways else FLOAT for part, ways in self.parts.items()}

    def predicted_ms(self, candidate: Candidate) -> float:
        """Take what each part saves off fp32's time."""
        saved = (self.parts[part][held].saved_ms for part, held in candidate.items())
        return self.float_ms - sum(saved)

    def predicted_distance(self, candidate: Candidate) -> float:
        """Add up the noise of all parts, as if none knew of the others."""
        return math.sqrt(sum(self.parts[part][held].noise for part, held in candidate.items()))

    def traded(self, exchange: float) -> Candidate:
        """Hold each part so that its time, plus `exchange` ms per unit of noise, is least."""
        return {
            part: min(ways, key=lambda way: exchange * ways[way].noise - ways[way].saved_ms)
            for part, ways in self.parts.items()
        }

    def seeds(self, count: int) -> Iterator[Candidate]:
        """Walk along the front that the predictions have, from the fastest to fp32.

        Args:
            count: At most as many candidates, evenly over the exchange rates at which one changes.
        """
        rates = sorted(
            (other.saved_ms - way.saved_ms) / (other.noise - way.noise)
            for ways in self.parts.values()
            for way in ways.values()
            for other in ways.values()
            if other.noise > way.noise and other.saved_ms > way.saved_ms
        )
        seen: list[Candidate] = []
        for number in range(count):
            # Between two rates, where no part is undecided.
            upper = rates[min(len(rates) - 1, number * len(rates) // count)] if rates else 0.0
            candidate = self.traded(upper * (1 - 1e-9))
            if candidate not in seen:
                seen.append(candidate)
                yield candidate


def stage_of(part: str) -> str:
    """Name the stage of synthesis that a part works in."""
    method = part.partition(".")[0]
    return "head" if method.startswith("head_") else NAMED_OTHERWISE.get(method, method)


def make_space(damages: Sequence[Damage], times: StageTimes, audio_ms: float) -> Space:
    """Share out what uniform schemes save in each stage among its parts, by multiply-adds.

    Args:
        damages: What every part does, alone.
        times: Measured on the device: per uniform scheme, fp32 among them, per stage.
        audio_ms: What was said.
    """
    macs: dict[str, float] = {}
    for damage in damages:
        stage = stage_of(damage.part)
        macs[stage] = macs.get(stage, 0.0) + damage.macs_share
    parts = {}
    for damage in damages:
        stage = stage_of(damage.part)
        share = damage.macs_share / macs[stage] if macs[stage] else 0.0
        parts[damage.part] = {FLOAT: Cost()} | {
            scheme: Cost(share * (times[FLOAT][stage] - times[scheme][stage]), sum(noise.values()))
            for scheme, noise in damage.noise.items()
        }
    return Space(parts, sum(times[FLOAT].values()), audio_ms)


def stage_times(run: Run) -> tuple[dict[str, dict[str, float]], float]:
    """Read the milliseconds per scheme and stage off a run, and the length of what was said.

    Raises:
        ResultError: A scheme has no numbers.
    """
    times = {}
    audio_ms = 0.0
    for row in run.rows:
        if row.outcome is not Outcome.OK:
            raise ResultError(f"{row.case} has no times to predict from: {row.reason}")
        stages = {stage: row.metrics[f"{stage}_ms"].median for stage in STAGES}
        times[row.case.scheme] = stages
        audio_ms = sum(stages.values()) / row.metrics["rtf"].median
    return times, audio_ms
