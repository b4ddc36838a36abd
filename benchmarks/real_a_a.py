"""Real comparisons whose truth is known: one program against itself, on this machine.

`python benchmarks/real_a_a.py --count 30 --rounds 10` measures the same .pte as base and as
candidate, in turns, again and again, and keeps the runs under `--results`; with `--count 0` it only
looks at those that are there. Then it compares them as they are (nothing changed), and with the
candidate's times made 2 % and 5 % longer (the noise is real, the slowdown exact): in turns, and
each base with the candidate of the next session, as two runs of different days would be.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from bench.comparing.ab import Side, run_in_turns
from bench.comparing.calibration import FEWEST_SESSIONS, calibrate
from bench.comparing.compare import compare
from bench.comparing.terms import Terms
from bench.comparing.verdicts import Change, Verdict
from bench.pipeline import Plan
from bench.progress import Progress
from bench.results import Run, load_run
from devices.base import Schedule
from devices.kinds import find_profile, open_device
from model.choice import ModelChoice
from model.utterance import built_in_utterances

TAGS = "a", "a-again"
SLOWDOWNS = 0.0, 0.02, 0.05
METRIC = "rtf"


def measure(arguments: argparse.Namespace) -> None:
    schedule = Schedule(arguments.rounds, iterations=arguments.iterations, threads=1)
    plan = Plan(
        arguments.device,
        ModelChoice(arguments.model),
        (arguments.scheme,),
        ("xnnpack",),
        (built_in_utterances()["short"],),
        schedule,
    )
    device = open_device(find_profile(arguments.device, {}), print)
    sides = [Side(replace(plan, tag=tag)) for tag in TAGS]

    def show(step: Progress) -> None:
        print(f"\r{step.stage} {step.done}/{step.total}   ", end="", flush=True)

    for number in range(arguments.count):
        print(f"\rcomparison {number + 1} of {arguments.count}")
        run_in_turns(sides[0], sides[1], device, arguments.results, show)


def kept_pairs(folder: Path) -> list[tuple[Run, Run]]:
    """Read the sessions that are there, oldest first."""
    runs = [load_run(path) for path in sorted(folder.glob("*/*.json"))]
    sides = [
        {run.header.session: run for run in runs if run.header.run.endswith(f"_{tag}")}
        for tag in TAGS
    ]
    return [(sides[0][name], sides[1][name]) for name in sides[0] if name in sides[1]]


def slowed(run: Run, share: float) -> Run:
    """Make the times of a run longer."""
    rows = []
    for row in run.rows:
        metric = row.metrics[METRIC]
        samples = tuple(sample * (1 + share) for sample in metric.samples)
        longer = replace(metric, median=float(np.median(samples)), samples=samples)
        rows.append(replace(row, metrics={METRIC: longer}))
    return replace(run, rows=tuple(rows))


def changes(pairs: Sequence[tuple[Run, Run]], terms: Terms) -> list[Change]:
    return [
        change for base, candidate in pairs for change in compare(base, candidate, terms).changes
    ]


def report(title: str, pairs: Sequence[tuple[Run, Run]], terms: Terms) -> None:
    for share in SLOWDOWNS:
        found = changes([(base, slowed(candidate, share)) for base, candidate in pairs], terms)
        counts = Counter(str(change.verdict) for change in found)
        told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
        print(f"{title}, {share:.0%} slower: {told} of {len(found)}")
    plain = changes(pairs, terms)
    detectable = np.median([change.detectable for change in plain if change.detectable is not None])
    needed = [change.repeats_needed or np.inf for change in plain]
    print(f"{title}: would find {detectable:.1%}; to find 5 %: {np.median(needed):.0f} repeats")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=30, help="comparisons to measure")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--device", default="host-native")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--scheme", default="fp32")
    parser.add_argument("--results", type=Path, default=Path("results-a-a"))
    arguments = parser.parse_args()
    if arguments.count:
        measure(arguments)
    pairs = kept_pairs(arguments.results)
    print(f"\n{len(pairs)} sessions")
    terms = Terms(metrics=(METRIC,))
    report("in turns", pairs, terms)
    apart = [
        (replace(one[0], header=replace(one[0].header, session="")), other[1])
        for one, other in pairwise(pairs)
    ]
    report("one after the other", apart, terms)
    if len(pairs) >= 2 * FEWEST_SESSIONS:
        learnt = calibrate([base for base, _ in pairs[: len(pairs) // 2]])
        rest = apart[len(pairs) // 2 :]
        report("one after the other, calibrated", rest, replace(terms, floors=learnt.floors()))
        print(f"noise floor: {learnt.metrics[METRIC].floor:.1%}")


if __name__ == "__main__":
    main()
