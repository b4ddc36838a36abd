"""What a chart is: a specification, its data, and the same data as a table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VEGA_LITE = "https://vega.github.io/schema/vega-lite/v6.json"
VEGA = "https://vega.github.io/schema/vega/v6.json"
PLOTTABLE = 1e18  # beyond, a number is no measurement
SIGNIFICANT = 6  # digits of a number in a page

Spec = Mapping[str, Any]
Datum = Mapping[str, Any]


@dataclass(frozen=True)
class Choice:
    """Something that a reader chooses: the chart shows the rows that have it.

    Attributes:
        field: Of the rows.
        label: In front of the choice.
        options: Values of the field, the first shown first.
    """

    field: str
    label: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """A picture of some rows.

    Attributes:
        name: Of its element in the page.
        title: What it shows.
        summary: The same in words, for those who do not see it.
        spec: Vega-Lite or Vega, without data: the page gives the chosen rows under the name `rows`.
        rows: All rows, of which the reader chooses.
        columns: Field and title of the columns of the table that holds the same.
        choices: What the reader may choose, those with one option left out.
    """

    name: str
    title: str
    summary: str
    spec: Spec
    rows: Sequence[Datum]
    columns: Sequence[tuple[str, str]]
    choices: Sequence[Choice] = ()

    def document(self) -> dict[str, Any]:
        """Arrange what the page's script draws from."""
        return {"spec": self.spec, "rows": self.rows, "columns": self.columns}


def choices_among(rows: Sequence[Datum], fields: Mapping[str, str]) -> list[Choice]:
    """Offer the fields that have several values.

    Args:
        rows: Of a chart.
        fields: Label of each field.
    """
    offered = [
        Choice(field, label, tuple(dict.fromkeys(row[field] for row in rows)))
        for field, label in fields.items()
    ]
    return [choice for choice in offered if len(choice.options) > 1]


def plottable(value: float) -> bool:
    """Whether a number can be drawn."""
    return math.isfinite(value) and abs(value) < PLOTTABLE


def short(value: float) -> float:
    """Drop the digits of a number that no eye can see."""
    return float(f"{value:.{SIGNIFICANT}g}")


def axis(title: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - Vega-Lite's own properties
    """Describe an axis that ends at round numbers and needs few ticks."""
    return {"title": title, "tickCount": 5, **more}


def tooltip(columns: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Show these fields of a mark when it is pointed at."""
    return [{"field": field, "title": title} for field, title in columns]
