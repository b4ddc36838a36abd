"""On which terms runs are compared: what gates, what may differ, what does not matter."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.comparing.power import Rule
from bench.metrics import METRICS, Metric
from model.errors import ConfigError

LARGEST_CHANGE = 10.0  # ten times as much: what is beyond is a slip of the keyboard


@dataclass(frozen=True)
class Terms:
    """How runs are compared.

    Attributes:
        allowed: Conditions that may differ (`bench.comparing.comparable.CONDITIONS`).
        limits: Metrics that gate, with the changes that they tolerate; where empty, those gate that
            are registered so.
        metrics: Metrics to compare; where empty, all.
        across: Fields of `Case` that may differ between the two rows of a case.
        floors: Per metric, how far two sessions of the device differ all the same, on the scale of
            tests (`bench.comparing.calibration`).
        rule: How sure to be.
    """

    allowed: frozenset[str] = frozenset()
    limits: Mapping[str, float] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    across: frozenset[str] = frozenset()
    floors: Mapping[str, float] = field(default_factory=dict)
    rule: Rule = field(default_factory=Rule)

    def gates(self, name: str) -> bool:
        """Whether the verdict on the whole depends on a metric."""
        if self.limits:
            return name in self.limits
        return name in self.metrics or (not self.metrics and METRICS[name].gates)

    def asks_for(self, name: str) -> bool:
        """Whether a metric was named: a run without it cannot be judged by it."""
        return name in self.limits or (not self.limits and name in self.metrics)

    def compared(self) -> dict[str, Metric]:
        """Return the metrics to compare."""
        chosen = {*self.limits, *self.metrics} if self.metrics else set(METRICS)
        return {
            name: metric
            for name, metric in METRICS.items()
            if name in chosen and metric.better != "neither"
        }

    def tolerance(self, name: str) -> float:
        """Return the change of a metric that does not matter."""
        return self.limits.get(name, METRICS[name].tolerance)


def parse_limit(text: str) -> tuple[str, float]:
    """Read what `--fail-if` takes: 'rtf:5%', or 'lsd_db:0.1' in the metric's own unit.

    Raises:
        ConfigError: It is not METRIC:CHANGE, the metric is unknown, or the change is none of it.
    """
    name, colon, change = text.partition(":")
    if not colon:
        raise ConfigError(f"--fail-if takes METRIC:CHANGE, as rtf:5%, not {text!r:.80}")
    metric = METRICS[name]  # an unknown name is an error that suggests the nearest
    if metric.absolute and metric.unit != "share":
        return name, parse_amount(name, metric.unit, change)
    return name, parse_change(change)


def parse_change(text: str) -> float:
    """Read '5%' or '0.05' as a share.

    Raises:
        ConfigError: It is no share, or a bare number of 1 or more, which might mean percent.
    """
    percent = text.strip().endswith("%")
    change = number(text.strip().removesuffix("%")) / (100 if percent else 1)
    if change >= 1 and not percent:
        bare = f"{change:.10g}"
        raise ConfigError(
            f"{text.strip()!r:.80} could be {bare} % or {100 * change:.10g} %: write {bare}% or"
            f" {change / 100:.10g} for the one, {100 * change:.10g}% for the other"
        )
    if not 0 <= change < LARGEST_CHANGE:
        raise ConfigError(f"a change is a share as 5% or 0.05, not {text!r:.80}")
    return change


def parse_amount(name: str, unit: str, text: str) -> float:
    """Read a change of a metric that changes by differences in a unit of its own.

    Raises:
        ConfigError: It is no such number.
    """
    change = number(text.strip().removesuffix(unit))
    if not 0 <= change < math.inf:
        raise ConfigError(
            f"{name} changes by {unit} and not by percent: give a number, as {name}:0.1,"
            f" not {text!r:.80}"
        )
    return change


def number(text: str) -> float:
    """Read a number; what is none as NaN, which no limit lets pass."""
    try:
        return float(text)
    except ValueError:
        return math.nan
