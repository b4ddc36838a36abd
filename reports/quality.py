"""How speech sounds under every scheme, and what each scheme does to it: lines for all tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

from bench.metrics import METRICS
from bench.results import Measurement, Row, Run
from reports.frames import PAIR
from reports.summary import Note
from reports.units import MISSING, Scale, interval, scale_for

# Words, voice and sound: one of each kind, where there is no room for all.
KEY_QUALITY = ("wer", "cer", "similarity", "distillmos", "dnsmos_ovrl")
TITLES = ("mean", "interval", "Δ fp32", "interval", "sentences")


@dataclass(frozen=True)
class QualityLine:
    """One metric of one scheme on one backend.

    Attributes:
        metric: Label with unit, as a column's title.
        parts: What tells schemes apart, as `pair_columns` names them.
        cells: Under `TITLES`: mean over sentences with its interval, damage with its interval, and
            how many sentences.
    """

    metric: str
    parts: tuple[str, ...]
    cells: tuple[str, ...]


def quality_lines(run: Run, names: Iterable[str] = ()) -> list[QualityLine]:
    """Arrange speech quality metric by metric, the schemes of each one below the other.

    Args:
        run: The run; one without scored speech has no lines.
        names: Of metrics; every metric of speech quality by default.
    """
    judged = names or [name for name, metric in METRICS.items() if metric.judge]
    scored = [row for row in run.rows if row.metrics]
    pairs = {tuple(getattr(row.case, part) for part in PAIR): row for row in scored}
    parts = pair_columns(run)
    return [line for name in judged for line in metric_lines(name, list(pairs.values()), parts)]


def pair_columns(run: Run) -> list[str]:
    """Name the parts of a case that tell the lines of one metric apart; the scheme in any case."""
    different = {part: {getattr(row.case, part) for row in run.rows} for part in PAIR}
    return [part for part in PAIR if part == "scheme" or len(different[part]) > 1]


def metric_lines(name: str, rows: Sequence[Row], parts: Sequence[str]) -> list[QualityLine]:
    """Arrange one metric."""
    found = [(row, row.metrics[name]) for row in rows if name in row.metrics]
    unit = METRICS[name].unit
    scale = scale_for([measurement.median for _, measurement in found], unit)
    title = f"{METRICS[name].label} ({scale.suffix})" if scale.suffix else METRICS[name].label
    return [
        QualityLine(
            title,
            tuple(getattr(row.case, part) for part in parts),
            (
                scale.number(measurement.median),
                interval(measurement, scale),
                *damage_cells(row.metrics.get(f"{name}_delta"), scale),
                str(len(measurement.samples)),
            ),
        )
        for row, measurement in found
    ]


def damage_cells(damage: Measurement | None, scale: Scale) -> tuple[str, str]:
    """Write a difference to fp32 and its interval; dashes where none was measured."""
    if damage is None:
        return MISSING, ""
    low, high = (signed(value, scale) for value in (damage.low, damage.high))
    return signed(damage.median, scale), f"{low} … {high}" if len(damage.samples) > 1 else ""


def signed(value: float, scale: Scale) -> str:
    """Write a difference with its sign; one too small to show has none."""
    number = scale.number(value)
    if number.startswith("<"):
        return "≈0"
    return f"+{number}" if isfinite(value) and value > 0 else number


def unscored(run: Run) -> list[Note]:
    """Gather what was asked for and could not be scored by reason."""
    cases: dict[tuple[str, str], list[str]] = {}
    for row in run.rows:
        for name, reason in row.unscored.items():
            label = METRICS[name].label if name in METRICS else name
            cases.setdefault((label, reason), []).append(str(row.case))
    everywhere = sum(bool(row.metrics) for row in run.rows)
    return [
        Note(label, reason, () if len(about) == everywhere else tuple(about))
        for (label, reason), about in cases.items()
    ]
