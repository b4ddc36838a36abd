"""What every benchmark says with `--json FILE`: a table, and which goals it meets.

`Report.save` and `load` are the only writer and reader of that form; `performance.py` puts all of
them on one page.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Goal:
    """One goal, and what was measured.

    Attributes:
        goal: What must hold, with its number: "SMD passes at 70 % or more of the kernels".
        measured: The number that is held against it; none where it could not be measured.
        unit: Of `measured`: "%", "x", "s", "bytes per synthesis".
        met: None where it was not measured, or where there is no number to hold it against.
        remark: How it was measured, and where it is not met: what was tried.
    """

    goal: str
    measured: float | None
    unit: str
    met: bool | None
    remark: str = ""


@dataclass(frozen=True)
class Report:
    """What one benchmark found.

    Attributes:
        title: Heading of its section.
        rows: Rows of its table, columns by name.
        goals: Goals it speaks about.
    """

    title: str
    rows: Sequence[Mapping[str, Any]] = ()
    goals: Sequence[Goal] = ()

    def save(self, path: Path) -> None:
        """Write as JSON, numbers that are not numbers as null."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(finite(asdict(self)), indent=1, ensure_ascii=False) + "\n")

    def markdown(self) -> str:
        """Format as a section: its table, then a table of its goals."""
        parts = [f"## {self.title}"]
        if self.rows:
            parts.append(table(list(self.rows)))
        if self.goals:
            parts.append(table([goal_row(goal) for goal in self.goals]))
        return "\n\n".join(parts) + "\n"


def load(path: Path) -> Report:
    """Read what `Report.save` wrote."""
    found = json.loads(path.read_text())
    return Report(found["title"], found["rows"], [Goal(**goal) for goal in found["goals"]])


def at_least(goal: str, measured: float | None, least: float, unit: str, remark: str = "") -> Goal:
    """State a goal whose number must not be below `least`."""
    met = None if measured is None else measured >= least
    return Goal(goal, measured, unit, met, remark)


def at_most(goal: str, measured: float | None, most: float, unit: str, remark: str = "") -> Goal:
    """State a goal whose number must not be above `most`."""
    met = None if measured is None else measured <= most
    return Goal(goal, measured, unit, met, remark)


def goal_row(goal: Goal) -> Mapping[str, Any]:
    open_word = "not measured" if goal.measured is None else "no limit was set"
    words = {True: "met", False: "**not met**", None: open_word}
    measured = "" if goal.measured is None else f"{cell(goal.measured)} {goal.unit}".strip()
    return {"goal": goal.goal, "measured": measured, "met": words[goal.met], "how": goal.remark}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Format rows as a Markdown table with the columns of all rows, in order of appearance."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell(row.get(column)) for column in columns) + " |" for row in rows]
    return "\n".join(lines)


def cell(value: object) -> str:
    """Format a value with three significant digits; text as it is, without breaking the table."""
    if value is None:
        return ""
    if isinstance(value, float):
        large = abs(value) >= 100
        return f"{value:,.0f}" if large else f"{value:.3g}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def finite(value: Any) -> Any:
    """Replace numbers that JSON has no word for by null, at any depth."""
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
