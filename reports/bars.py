"""Where the time goes, as bars: stages of the synthesis, and operators of the profile."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.metrics import METRICS
from bench.results import Outcome, Run
from model.config import FRAME_RATE_HZ
from model.generate import STAGES
from reports.frames import PAIR, operators_frame, pair_operators, rows_frame

OPERATORS_SHOWN = 8

Pair = tuple[Any, ...]  # scheme, backend, model


@dataclass(frozen=True)
class Segment:
    """One stage of a stacked bar.

    Attributes:
        stage: Its label.
        number: Which stage it is, from 0; its colour.
        ms: Milliseconds per second of speech.
        percent: Of its backend's widest bar.
    """

    stage: str
    number: int
    ms: float
    percent: float


@dataclass(frozen=True)
class OperatorBar:
    """One operator of a profile.

    Attributes:
        method: Method of the .pte.
        name: Operator.
        delegated: Whether it ran inside a delegate.
        calls: How often, per synthesis.
        ms: Milliseconds in all, per synthesis.
        percent: Of the costliest operator of all schemes.
    """

    method: str
    name: str
    delegated: bool
    calls: float
    ms: float
    percent: float


def stage_labels() -> list[str]:
    """Name the stages as people read them."""
    return [METRICS[f"{stage}_ms"].label for stage in STAGES]


def stage_bars(run: Run) -> dict[Pair, list[Segment]]:
    """Stack the stages of each scheme: milliseconds per second of speech, mean over utterances.

    Per second of speech, schemes can be compared even where an utterance is missing. Bars share a
    scale within a backend: backends can be tens of times apart.
    """
    rows = rows_frame(run)
    measured = rows[(rows["outcome"] == Outcome.OK) & (rows["audio_frames"] > 0)]
    columns = [f"{stage}_ms" for stage in STAGES]
    audio_s = measured["audio_frames"] / FRAME_RATE_HZ
    rates = measured[columns].fillna(0).div(audio_s, axis=0)
    means = rates.join(measured[PAIR]).groupby(PAIR, sort=False).mean()
    totals = means.sum(axis=1)
    widest = totals.groupby("backend").transform("max")
    bars = zip(means.index, means.itertuples(index=False, name=None), widest, strict=True)
    return {pair: segments(values, most) for pair, values, most in bars if most > 0}


def segments(values: Sequence[float], widest: float) -> list[Segment]:
    """Arrange the stages of one bar."""
    return [
        Segment(label, number, ms, round(100 * ms / widest, 2))
        for number, (label, ms) in enumerate(zip(stage_labels(), values, strict=True))
    ]


def operator_bars(run: Run) -> dict[Pair, list[OperatorBar]]:
    """List the costliest operators of each scheme, all on one scale."""
    operators = pair_operators(operators_frame(run))
    widest = operators["total_ms"].max() if len(operators) else 0.0
    bars: dict[Pair, list[OperatorBar]] = {}
    for line in operators.to_dict("records") if widest > 0 else ():
        of_pair = bars.setdefault(tuple(line[part] for part in PAIR), [])
        if len(of_pair) < OPERATORS_SHOWN:
            delegated, ms = bool(line["delegate"]), line["total_ms"]
            percent = round(100 * ms / widest, 2)
            of_pair.append(
                OperatorBar(line["method"], line["name"], delegated, line["calls"], ms, percent)
            )
    return bars
