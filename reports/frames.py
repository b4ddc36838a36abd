"""Runs as pandas frames: what every format is drawn from, and what notebooks start with."""

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.metrics import METRICS
from bench.results import Case, Outcome, Row, Run
from reports.reasons import Profile, profile_of, why_slower

CASE = ["scheme", "backend", "utterance", "model", "device"]
PAIR = ["scheme", "backend", "model", "device"]
FACTS = [*CASE, "outcome", "reason", "warnings", "audio"]
BASELINE = "fp32"

# How the utterances of a scheme become one number: ratios and times by their geometric mean, so
# that a long utterance counts no more than a short one; memory and size by the worst.
GEOMETRIC = ["rtf", "first_audio_ms", "load_ms", "speedup"]
SUMMARY: Mapping[str, str] = MappingProxyType(
    {
        "peak_rss_bytes": "max",
        "model_rss_bytes": "max",
        "pte_bytes": "max",
        "compile_s": "max",
        "lsd_db": "mean",
        "mcd_db": "mean",
        "token_agreement": "mean",
        "code_agreement": "mean",
        "delegated_time_share": "mean",
        "delegated_nodes_share": "mean",
        "quantized_macs_share": "mean",
        "quantized_params_share": "mean",
        # The same for all utterances: of the suite that was scored.
        **{name: "mean" for name, metric in METRICS.items() if metric.weigh},
    }
)
# What grows with the length of an utterance is only comparable over the same utterances.
LENGTH_BOUND = ["first_audio_ms", "peak_rss_bytes", "model_rss_bytes"]
# What the Pareto mark weighs; less is better in each.
PARETO = ["rtf", "peak_rss_bytes", "pte_bytes", "lsd_db"]


def rows_frame(run: Run) -> pd.DataFrame:
    """Put one case on each line.

    Columns: scheme, backend, utterance, model, device (a lab's member, else empty), outcome,
    reason, warnings (joined by spaces), audio, and for every metric NAME its median as `NAME`, and
    `NAME_low` and `NAME_high`; NaN where a metric does not apply. Units are those of
    `bench.metrics.METRICS`.
    """
    names = list(dict.fromkeys([*METRICS, *(name for row in run.rows for name in row.metrics)]))
    ends = ("", "_low", "_high")
    columns = [f"{name}{end}" for name in names for end in ends]
    places = {name: number * len(ends) for number, name in enumerate(names)}
    # Filled metric by metric: a list of all rows would first become an object for each number.
    values = np.full((len(run.rows), len(columns)), np.nan)
    for line, row in zip(values, run.rows, strict=True):
        for name, found in row.metrics.items():
            place = places[name]
            line[place : place + len(ends)] = found.median, found.low, found.high
    facts = pd.DataFrame([row_facts(row) for row in run.rows], columns=FACTS)
    return pd.concat([facts, pd.DataFrame(values, columns=columns)], axis=1)


def row_facts(row: Row) -> dict[str, str]:
    """Name a case and what came of it."""
    return {
        **vars(row.case),
        "outcome": str(row.outcome),
        "reason": row.reason,
        "warnings": " ".join(row.warnings),
        "audio": row.audio,
    }


def samples_frame(run: Run) -> pd.DataFrame:
    """Put one sample on each line: the case, metric, unit, number of the sample from 0, value."""
    lines = [
        (*vars(row.case).values(), name, measurement.unit, number, value)
        for row in run.rows
        for name, measurement in row.metrics.items()
        for number, value in enumerate(measurement.samples)
    ]
    return pd.DataFrame(lines, columns=[*CASE, "metric", "unit", "sample", "value"])


def operators_frame(run: Run) -> pd.DataFrame:
    """Put one profiled operator of a case on each line.

    Columns: the case, method, name, delegate (empty where the operator ran outside), calls,
    total_ms. A run keeps the costliest operators, and sums of all others (`bench.operators`).
    """
    columns = ["method", "name", "delegate", "calls", "total_ms"]
    lines = [
        (*vars(row.case).values(), *(operator[column] for column in columns))
        for row in run.rows
        for operator in row.operators
    ]
    return pd.DataFrame(lines, columns=[*CASE, *columns])


def pair_operators(operators: pd.DataFrame) -> pd.DataFrame:
    """Take the mean over utterances of a scheme's operators, costliest first, scheme by scheme."""
    keys = [*PAIR, "method", "name", "delegate"]
    per_case = operators.groupby([*keys, "utterance"], sort=False)[["calls", "total_ms"]].sum()
    means = per_case.groupby(keys, sort=False).mean().reset_index()
    return means.sort_values("total_ms", ascending=False, ignore_index=True)


def schemes_frame(run: Run, rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """Put one scheme on one backend on each line, taken together over utterances.

    Columns: scheme, backend, model; cases, ok, failed and skipped (how many); the metrics of
    `GEOMETRIC` and `SUMMARY`, those of `LENGTH_BOUND` NaN where a case has no numbers; pareto and
    reason. `speedup` is fp32's RTF on the same backend over
    the scheme's, utterance by utterance. `pareto` is True where all cases went well and no other
    such scheme is as good in all of `PARETO` and better in one; what could not be measured counts
    as worst. `reason` says why the scheme is slower than fp32, and is empty where it is not.

    Args:
        run: The run.
        rows: Its `rows_frame`, where that is made already.
    """
    rows = rows_frame(run) if rows is None else rows
    ok = rows["outcome"] == Outcome.OK
    skipped = rows["outcome"] == Outcome.SKIPPED
    counted = rows[PAIR].assign(cases=1, ok=ok, failed=~ok & ~skipped, skipped=skipped)
    counts = counted.groupby(PAIR, sort=False).sum().astype(int)
    measured = rows[ok].assign(speedup=speedups(rows[ok]))
    with np.errstate(divide="ignore", invalid="ignore"):
        measured[GEOMETRIC] = np.log(measured[GEOMETRIC])
    methods = {**SUMMARY, **dict.fromkeys(GEOMETRIC, "mean")}
    schemes = counts.join(measured.groupby(PAIR, sort=False).agg(methods))
    schemes[GEOMETRIC] = np.exp(schemes[GEOMETRIC])
    complete = schemes["ok"] == schemes["cases"]
    schemes[LENGTH_BOUND] = schemes[LENGTH_BOUND].where(complete)
    schemes["pareto"] = on_front(schemes[PARETO].where(complete).to_numpy())
    schemes = schemes.reset_index()
    schemes["reason"] = slowdown_reasons(run, schemes)
    return schemes


def speedups(measured: pd.DataFrame) -> pd.Series:
    """Divide fp32's RTF of the same backend, model and utterance by each row's."""
    keys = ["backend", "utterance", "model", "device"]
    of_fp32 = measured[measured["scheme"] == BASELINE].drop_duplicates(keys)
    baseline = of_fp32.set_index(keys)["rtf"]
    joined = measured.join(baseline.rename("baseline"), on=keys)
    return joined["baseline"] / joined["rtf"]


def on_front(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the rows that no other row dominates.

    Args:
        costs: (N, D), less is better; NaN counts as infinite.

    Returns:
        (N,), False for rows without a finite cost.
    """
    costs = np.where(np.isnan(costs), np.inf, costs)
    no_worse = (costs[:, None] <= costs).all(axis=2)
    better = (costs[:, None] < costs).any(axis=2)
    dominated = (no_worse & better).any(axis=0)
    return np.logical_not(dominated) & np.isfinite(costs).any(axis=1)


def pair_of(case: Case) -> tuple[str, ...]:
    """Name a case's scheme, backend, model and device: the parts of `PAIR`."""
    return tuple(getattr(case, part) for part in PAIR)


def pair_profiles(run: Run, schemes: pd.DataFrame) -> dict[tuple[str, ...], Profile]:
    """Take together what is known of the operators of each line of `schemes`, by `PAIR`."""
    rows: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in run.rows:
        rows[pair_of(row.case)].append(row)
    pairs = schemes[PAIR].itertuples(index=False, name=None)
    return {
        pair: profile_of(rows[pair], share)
        for pair, share in zip(pairs, schemes["delegated_time_share"], strict=True)
    }


def slowdown_reasons(run: Run, schemes: pd.DataFrame) -> list[str]:
    """Explain each line of `schemes` that is slower than fp32."""
    profiles = pair_profiles(run, schemes)
    unknown = profile_of([], np.nan)
    return [
        why_slower(speedup, own, profiles.get((BASELINE, *pair[1:]), unknown))
        for (pair, own), speedup in zip(profiles.items(), schemes["speedup"], strict=True)
    ]
