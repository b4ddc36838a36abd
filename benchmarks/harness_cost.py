"""What people wait for that is not measuring: `python benchmarks/harness_cost.py [--json FILE]`.

A cold run against one scheme after the other (`harness_cold`), a warm run's start, overhead and
disturbance (`harness_warm`), comparing and reporting large runs, and how all of it grows
(`results_scale`). All in one go on one machine, in fresh processes. `--quick` tries every part at
a size that says little; `--only` runs some parts.
"""

import argparse
import contextlib
import math
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import compare_speed
import harness_cold
import harness_warm
import results_scale
from goals import Goal, Report, at_most

from model.config import CONFIGS

COMPARE_S, HISTORY_S, REPORT_S, LARGEST_MB = 3.0, 3.0, 10.0, 500.0
STEEPEST = 1.1  # exponent that still counts as linear
PARTS = ("cold", "warm", "large", "growth")


def cold(given: argparse.Namespace, folder: Path) -> list[Report]:
    schemes = harness_cold.SCHEMES[: 1 if given.quick else None]
    found = harness_cold.compare(given.model, schemes, folder)
    os.environ["MOBILESPEECH_CACHE"] = str(folder / "bench")  # for what follows
    return [found]


def warm(given: argparse.Namespace, folder: Path) -> list[Report]:
    prepare(given.model)
    pair = compare_speed.make_runs(folder, 1, 5, 1.0)
    times = 1 if given.quick else 5
    return [
        harness_warm.starting((pair[0], pair[1]), times),
        harness_warm.first_measurement(given.model, times),
        harness_warm.overhead(given.model),
        harness_warm.disturbance(given.model, times),
    ]


def prepare(model: str) -> None:
    """Make what a warm run finds, where the cold part has not."""
    from lowering.build import build_artifacts, build_references

    plan = harness_cold.plan_of(model)
    build_references(harness_cold.references_of(plan))
    (built,) = build_artifacts([plan.lowering("fp32", "xnnpack")])
    if built.reason:
        raise SystemExit(f"lowering failed: {built.reason}")


def large(given: argparse.Namespace, folder: Path) -> list[Report]:
    """Compare two large runs, ask a long history, and make a report of many cases."""
    factor = 100 if given.quick else 1
    rows, samples, cases = 10_000 // factor, 1_000_000 // factor, 1_000 // factor
    pair = compare_speed.make_runs(folder, rows, 5, 1.0)
    compared = compare_speed.cost_of("compare", *map(str, pair))
    small = folder / "small"
    small.mkdir()
    run, _ = compare_speed.make_runs(small, cases, 5, 1.0)
    page = small / "page.html"
    reported = compare_speed.cost_of("report", str(run), "-o", str(page))
    history = folder / "history"
    history.mkdir()
    asked = list(results_scale.histories(history, samples))
    found = [
        {"step": f"bench compare, {rows:,} rows each", **cells(compared)},
        {"step": f"bench report, {cases:,} cases", **cells(reported)},
        *({"step": step, "processor (s)": row["s"], "MB": row["MB"]} for row, step in named(asked)),
    ]
    later = asked[1]
    remark = f"{compared.cpu_s:.1f} s of processor"
    goals = [
        at_most(f"bench compare of {rows:,} rows under {COMPARE_S:.0f} s", compared.wall_s,
                COMPARE_S, "s", remark),
        at_most(f"bench compare of {rows:,} rows under {LARGEST_MB:.0f} MB",
                compared.peak_bytes / 1e6, LARGEST_MB, "MB"),
        at_most(f"history of {samples:,} samples under {HISTORY_S:.0f} s", later["s"], HISTORY_S,
                "s", f"with its index; the first question, which makes it: {asked[0]['s']:.1f} s"),
        at_most(f"history of {samples:,} samples under {LARGEST_MB:.0f} MB",
                max(row["MB"] for row in asked), LARGEST_MB, "MB", "the largest of the questions"),
        at_most(f"bench report of {cases:,} cases under {REPORT_S:.0f} s", reported.wall_s,
                REPORT_S, "s", f"{reported.cpu_s:.1f} s of processor"),
    ]  # fmt: skip
    return [Report("Large results", found, goals)]


def cells(cost: compare_speed.Cost) -> dict[str, float]:
    return {
        "wall (s)": cost.wall_s,
        "processor (s)": cost.cpu_s,
        "MB": cost.peak_bytes / 1e6,
    }


def named(asked: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], str]]:
    """Name every question by what it was asked of."""
    pairs = []
    for row in asked:
        title = next(iter(row))
        pairs.append((row, f"{title}: {row[title]}"))
    return pairs


def growth(given: argparse.Namespace, folder: Path) -> list[Report]:
    """Measure how steps grow with rows, and with what exponent at the largest size."""
    rows = list(results_scale.growth(folder, 1_000 if given.quick else given.largest))
    goals: list[Goal] = []
    if len(rows) > 2:
        least, before, last = rows[0], rows[-2], rows[-1]
        for step in results_scale.STEPS:
            grown = [row[f"{step} (s)"] - least[f"{step} (s)"] for row in (before, last)]
            exponent = math.log10(grown[1] / grown[0]) if min(grown) > 0 else None
            size = f"{before['rows']:,} to {last['rows']:,} rows"
            goals.append(
                at_most(f"{step}: linear or better", exponent, STEEPEST, "exponent",
                        f"of processor seconds beyond those of one row, from {size}")
            )  # fmt: skip
    return [Report("Growth with rows", rows, goals)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=list(CONFIGS), default="tiny")
    parser.add_argument("--largest", type=int, default=100_000, help="rows of the largest run")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    parts: dict[str, Callable[[argparse.Namespace, Path], list[Report]]] = {
        "cold": cold, "warm": warm, "large": large, "growth": growth,
    }  # fmt: skip
    found: list[Report] = []
    with contextlib.ExitStack() as stack:
        for name in PARTS:
            if name in given.only:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                for report in parts[name](given, folder):
                    print(report.markdown(), flush=True)
                    found.append(report)
    if given.json:
        together(f"The harness: {', '.join(given.only)}", found).save(given.json)


def together(title: str, reports: Sequence[Report]) -> Report:
    """Put parts into one report, whose rows name their part."""
    rows = [{"part": one.title, **row} for one in reports for row in one.rows]
    return Report(title, rows, [goal for one in reports for goal in one.goals])


if __name__ == "__main__":
    main()
