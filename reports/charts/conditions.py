"""What the device told of itself while it was measured: temperature, clocks, throttling."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from bench.results import Run
from devices.base import Reading
from reports.charts.chart import VEGA_LITE, Chart, Spec, choices_among, plottable, short, tooltip

HEIGHT = 200
MOST = 4000  # readings; of more, every so many
COLUMNS = (
    ("at", "At (UTC)"),
    ("measure", "Measure"),
    ("value", "Value"),
    ("case", "Case"),
)
MEASURES: Mapping[str, Callable[[Reading], float | None]] = MappingProxyType(
    {
        "Battery (°C)": lambda reading: reading.battery_c,
        "Highest clock (GHz)": lambda reading: (
            None if reading.max_clock_khz is None else reading.max_clock_khz / 1e6
        ),
        "Thermal status": lambda reading: reading.thermal_status,
    }
)


def condition_chart(run: Run) -> Chart | None:
    """Draw temperature, clocks and thermal status over the run; None where none was told."""
    told = [
        (when, reading, str(row.case))
        for row in run.rows
        for reading in row.readings
        if (when := moment(reading.at))
    ]
    told.sort(key=lambda entry: entry[0])
    told = told[:: len(told) // MOST + 1]
    found = (row_of(measure, *entry, told[0][0]) for measure in MEASURES for entry in told)
    rows = [row for row in found if row]
    if not rows:
        return None
    said = [
        f"{measure} from {min(values):g} to {max(values):g}"
        for measure in MEASURES
        if (values := [row["value"] for row in rows if row["measure"] == measure])
    ]
    sources = sorted({reading.battery_source for _, reading, _ in told} - {""})
    if sources:
        said.append(f"the battery's temperature was told by {' and '.join(sources)}")
    return Chart(
        "conditions",
        "The device meanwhile",
        f"{'; '.join(said)}.",
        spec_of(),
        rows,
        COLUMNS,
        choices_among(rows, {"measure": "Show"}),
    )


def row_of(
    measure: str, when: datetime, reading: Reading, case: str, first: datetime
) -> dict[str, Any] | None:
    """Take one measure off a reading; None where the device did not tell it."""
    value = MEASURES[measure](reading)
    if value is None or not plottable(value):
        return None
    return {
        "measure": measure,
        "value": short(value),
        "minute": short((when - first).total_seconds() / 60),
        "at": when.strftime("%Y-%m-%d %H:%M:%S"),
        "case": case,
    }


def moment(written: str) -> datetime | None:
    """Read a moment; None where it is none."""
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def spec_of() -> Spec:
    """Draw one measure as dots on a line that stays until it is told otherwise."""
    return {
        "$schema": VEGA_LITE,
        "width": "container",
        "height": HEIGHT,
        "mark": {
            "type": "line",
            "interpolate": "step-after",
            "color": "var(--accent)",
            "point": {"color": "var(--accent)", "size": 22},
        },
        "encoding": {
            "x": {
                "field": "minute",
                "type": "quantitative",
                "title": "minutes since the first repeat",
                "axis": {"tickCount": 6},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": None,
                "scale": {"zero": False, "padding": 12},
                "axis": {"tickCount": 4},
            },
            "tooltip": tooltip(COLUMNS),
        },
    }
