"""How often UNSTEADY, DRIFT and FIRST_RUN_SLOW are said, over the number of repeats.

`python benchmarks/warning_rates.py` simulates repeats whose noise is known and prints the table of
docs/measuring.md: false alarms where nothing is wrong, and findings where something is.
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np
from decision_rules import Floats, percent, shapes, table

from bench.warnings import NamedWarning, timing_warnings

REPEATS = (5, 7, 10, 20, 40)
ITERATIONS = 3  # per repeat
SPREAD, WITHIN = 0.03, 0.03  # of repeats, and of iterations within a repeat


def runs(noise: Callable[..., Floats], rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Draw times, (runs, repeats, iterations): a median per repeat, and iterations around it."""
    within = WITHIN / SPREAD * noise(rng, (shape[0], shape[1] * ITERATIONS))
    within = within.reshape(*shape, ITERATIONS)
    return noise(rng, shape)[..., None] + within - np.median(within, axis=-1, keepdims=True)


def said(logs: Floats, warning: NamedWarning) -> float:
    """Return the share of runs that have a warning."""
    return float(np.mean([timing_warnings(run.tolist())[warning] for run in np.exp(logs)]))


def false_alarms(rng: np.random.Generator, count: int) -> Iterator[list[str]]:
    """Measure steady repeats without a trend and without a slow first iteration."""
    warnings = (NamedWarning.UNSTEADY, NamedWarning.DRIFT, NamedWarning.FIRST_RUN_SLOW)
    for name, noise in shapes(np.empty(0), SPREAD).items():
        for warning in warnings:
            shares = [said(runs(noise, rng, (count, repeats)), warning) for repeats in REPEATS]
            yield [name, warning.name, *map(percent, shares)]


def found(rng: np.random.Generator, count: int) -> Iterator[list[str]]:
    """Measure repeats that vary, drift or begin slowly, with normal noise."""
    noise = shapes(np.empty(0), SPREAD)["normal"]
    for times in (2, 3):
        shares = [
            said(times * runs(noise, rng, (count, repeats)), NamedWarning.UNSTEADY)
            for repeats in REPEATS
        ]
        yield ["UNSTEADY", f"repeats vary by {percent(times * SPREAD)}", *map(percent, shares)]
    for growth in (0.1, 0.2):
        shares = []
        for repeats in REPEATS:
            trend = np.log1p(growth) * np.linspace(0, 1, repeats)[:, None]
            shares.append(said(runs(noise, rng, (count, repeats)) + trend, NamedWarning.DRIFT))
        yield ["DRIFT", f"{percent(growth)} from first to last", *map(percent, shares)]
    for slower in (0.1, 0.2):
        first = np.log1p(slower) * (np.arange(ITERATIONS) == 0)
        shares = [
            said(runs(noise, rng, (count, repeats)) + first, NamedWarning.FIRST_RUN_SLOW)
            for repeats in REPEATS
        ]
        yield ["FIRST_RUN_SLOW", f"first iteration {percent(slower)} slower", *map(percent, shares)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="runs per cell")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng, count = np.random.default_rng(arguments.seed), arguments.count
    print(
        f"{count} runs per cell; repeats vary by {percent(SPREAD)}, the {ITERATIONS} iterations of"
        f" each by {percent(WITHIN)}"
    )
    heads = [f"{repeats} repeats" for repeats in REPEATS]
    table("False alarms", ["noise", "warning", *heads], false_alarms(rng, count))
    table("Found", ["warning", "what is wrong", *heads], found(rng, count))


if __name__ == "__main__":
    main()
