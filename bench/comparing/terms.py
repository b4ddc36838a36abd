"""On which terms runs are compared: what gates, what may differ, what does not matter."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.comparing.power import Rule
from bench.metrics import METRICS, Metric
from model.errors import ConfigError


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
    """Read 'rtf:5%'."""
    name, colon, change = text.partition(":")
    if not colon:
        raise ConfigError(f"--fail-if takes METRIC:CHANGE, as rtf:5%, not {text!r:.80}")
    return name, parse_change(change)


def parse_change(text: str) -> float:
    """Read '5%' or '0.05' as a share; metrics in decibels take them in decibels."""
    number = text.strip().removesuffix("%")
    try:
        change = float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        change = -1.0
    if not 0 <= change < 10:
        raise ConfigError(f"a change is a share as 5% or 0.05, not {text!r:.80}")
    return change
