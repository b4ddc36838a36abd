"""The columns of every table of numbers: which metrics, in which order, under one unit each."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from bench.metrics import METRICS, Better
from reports.frames import CASE
from reports.units import MISSING, Scale, scale_for

# The metrics that every reader looks for; all others are in the frames, JSON and CSV.
KEY_METRICS = (
    "rtf",
    "first_audio_ms",
    "load_ms",
    "peak_rss_bytes",
    "pte_bytes",
    "lsd_db",
    "mcd_db",
    "token_agreement",
    "delegated_time_share",
)
COVERAGE_METRICS = ("quantized_macs_share", "quantized_params_share", "delegated_nodes_share")


@dataclass(frozen=True)
class Column:
    """One metric as a column.

    Attributes:
        name: Of the metric, and of the frame's column.
        label: Title without unit.
        scale: How all its values are written.
        better: Which way is better.
        summary: What the metric is, in one line.
    """

    name: str
    label: str
    scale: Scale
    better: Better
    summary: str

    @property
    def title(self) -> str:
        """Label with unit."""
        return f"{self.label} ({self.scale.suffix})" if self.scale.suffix else self.label

    def cell(self, value: float) -> str:
        """Write a value; a dash where there is none."""
        return MISSING if pd.isna(value) else self.scale.number(value)


def metric_columns(frame: pd.DataFrame, names: Iterable[str] = KEY_METRICS) -> list[Column]:
    """Arrange those of the metrics that a frame has any value of."""
    return [
        Column(
            name,
            METRICS[name].label,
            scale_for(frame[name], METRICS[name].unit),
            METRICS[name].better,
            METRICS[name].summary,
        )
        for name in names
        if frame[name].notna().any()
    ]


def case_columns(frame: pd.DataFrame) -> list[str]:
    """Name the parts of a case that tell a frame's lines apart; the scheme in any case."""
    parts = [name for name in CASE if name in frame]
    return [name for name in parts if name == "scheme" or frame[name].nunique() > 1]
