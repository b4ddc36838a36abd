"""Real comparisons whose truth is known: one program against itself, on this machine.

`python benchmarks/real_a_a.py` measures the same .pte as base and as candidate, in turns, again and
again. In some comparisons the native runner makes every synthesis of the candidate take 2 % or 5 %
longer (`--slower-percent`). The first comparison has as many rounds as a pilot; each later one has
as many as the one before it said would find 5 %. Whatever is measured is kept under `--results`:
a benchmark that was stopped goes on where it was, and with all counts reached it only looks.

Ours, asv's and pytest-benchmark's rules (`decision_rules.py`) then decide on the same samples. Ours
also compares each candidate with the base of the comparison before, as two runs of different days
would be, with and without a calibration.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from decision_rules import PILOT, others
from goals import table
from model_under_test import lowered

from bench.comparing.ab import Side, run_in_turns
from bench.comparing.calibration import FEWEST_SESSIONS, calibrate
from bench.comparing.compare import compare
from bench.comparing.terms import Terms
from bench.comparing.verdicts import Change, Verdict
from bench.progress import Progress
from bench.results import Run, load_run
from devices.base import DeviceInfo, Job, OperatorTime, Repeat
from devices.host_native import HostNative
from devices.schedule import Schedule
from model.choice import ModelChoice

METRIC = "rtf"
TERMS = Terms(metrics=(METRIC,))
BASE, CANDIDATE = "base", "slower-"  # tags of the runs; the candidate's with its percent


class TwoSpeeds:
    """This machine, slower where it runs the candidate; keeps what the syntheses took.

    Args:
        candidate: The candidate's .pte.
        slower_percent: What each of its syntheses takes longer.
    """

    def __init__(self, candidate: Path, slower_percent: int) -> None:
        self.candidate = candidate
        self.devices = HostNative(), HostNative(slower_percent=slower_percent)
        self.wall_ms: tuple[list[list[float]], list[list[float]]] = ([], [])

    def claim(self) -> AbstractContextManager[None]:
        return nullcontext()

    def info(self) -> DeviceInfo:
        return self.devices[0].info()

    def measure(self, job: Job, schedule: Schedule) -> Repeat:
        side = int(job.pte == self.candidate)
        repeat = self.devices[side].measure(job, schedule)
        self.wall_ms[side].append([trial.wall_ms for trial in repeat.trials])
        return repeat

    def profile(self, _: Job, __: Schedule) -> tuple[OperatorTime, ...]:
        return ()  # no verdict hangs on it


@dataclass(frozen=True)
class Kept:
    """A comparison that was measured.

    Attributes:
        slower_percent: The truth.
        base: Its run.
        candidate: Its run.
        wall_ms: Of the base's iterations, and of the candidate's.
    """

    slower_percent: int
    base: Run
    candidate: Run
    wall_ms: tuple[np.ndarray, np.ndarray]

    def change(self) -> Change:
        return change_of(self.base, self.candidate, TERMS)


def change_of(base: Run, candidate: Run, terms: Terms) -> Change:
    (change,) = compare(base, candidate, terms).changes
    return change


def iterations_file(results: Path, session: str) -> Path:
    return results / f"iterations-{session}.json"


def kept(results: Path) -> list[Kept]:
    """Read the comparisons that are there, oldest first."""
    sides: dict[str, dict[str, Run]] = {}
    for path in sorted(results.glob("*/[0-9]*.json")):
        run = load_run(path)
        sides.setdefault(run.header.session, {})[run.header.run.split("_")[-1]] = run
    found = []
    for session, runs in sides.items():
        path = iterations_file(results, session)
        if path.exists():  # the last that is written of a comparison
            ((tag, candidate),) = ((tag, run) for tag, run in runs.items() if tag != BASE)
            base_ms, candidate_ms = map(np.array, json.loads(path.read_text()))
            percent = int(tag.removeprefix(CANDIDATE))
            found.append(Kept(percent, runs[BASE], candidate, (base_ms, candidate_ms)))
    return found


def measure(arguments: argparse.Namespace, wanted: Mapping[int, int]) -> None:
    """Measure what is missing, each kind of comparison as far as the others."""
    under_test = lowered(ModelChoice(arguments.model), [arguments.scheme])
    artifact = under_test.artifacts[arguments.scheme]
    results: Path = arguments.results
    results.mkdir(parents=True, exist_ok=True)
    # The same file under another name: a copy would lie elsewhere in memory.
    link = results / "candidate.pte"
    link.unlink(missing_ok=True)
    link.symlink_to(artifact.pte.resolve())

    def show(step: Progress) -> None:
        print(f"\r{step.stage} {step.done}/{step.total}   ", end="", flush=True)

    while True:
        before = kept(results)
        done = [one.slower_percent for one in before]
        missing = [kind for kind, count in wanted.items() if done.count(kind) < count]
        if not missing:
            return
        percent = min(missing, key=lambda kind: done.count(kind) / wanted[kind])
        rounds = PILOT
        if before:
            needed = before[-1].change().repeats_needed or arguments.most_rounds
            rounds = min(needed, arguments.most_rounds)
        print(f"\rcomparison {len(before) + 1} of {sum(wanted.values())}: {rounds} rounds")
        plan = replace(
            under_test.plan,
            schedule=Schedule(rounds, iterations=arguments.iterations, threads=1),
        )
        sides = [
            Side(
                replace(plan, tag=tag), {(arguments.scheme, "xnnpack"): replace(artifact, pte=pte)}
            )
            for tag, pte in ((BASE, artifact.pte), (f"{CANDIDATE}{percent}", link))
        ]
        device = TwoSpeeds(link, percent)
        base, _ = run_in_turns(sides[0], sides[1], device, results, show)
        iterations_file(results, base.header.session).write_text(json.dumps(device.wall_ms))


def decisions(title: str, found: Sequence[Change]) -> dict[str, Any]:
    """Count what was decided."""
    verdicts = [change.verdict for change in found]
    effects = [
        change.effect for change in found if change.effect is not None
    ]  # not of one with a warning
    return {
        "rule": title,
        "called slower": verdicts.count(Verdict.REGRESSED),
        "called the same": verdicts.count(Verdict.SAME),
        "called faster": verdicts.count(Verdict.IMPROVED),
        "inconclusive": verdicts.count(Verdict.INCONCLUSIVE),
        "of": len(verdicts),
        "median change": f"{np.median(effects):+.1%}" if effects else "",
    }


def apart(comparisons: Sequence[Kept], percent: int, terms: Terms) -> list[Change]:
    """Compare candidates with the base of the comparison before, as if on another day."""
    return [
        change_of(
            replace(one.base, header=replace(one.base.header, session="")), other.candidate, terms
        )
        for one, other in pairwise(comparisons)
        if other.slower_percent == percent
    ]


def rows(comparisons: Sequence[Kept], percent: int) -> Iterator[dict[str, Any]]:
    """Say of every rule what it decides where the candidate is so much slower."""
    chosen = [one for one in comparisons if one.slower_percent == percent]
    yield decisions("ours, in turns", [one.change() for one in chosen])
    said = [others(*(side.reshape(1, -1) for side in one.wall_ms)) for one in chosen]
    for rule in said[0]:
        slower = sum(bool(one[rule][0]) for one in said)
        yield {"rule": rule, "called slower": slower, "of": len(said)}
    yield decisions("ours, one after the other", apart(comparisons, percent, TERMS))
    half = len(comparisons) // 2
    if half >= FEWEST_SESSIONS:
        learnt = calibrate([one.base for one in comparisons[:half]])
        terms = replace(TERMS, floors=learnt.floors())
        title = f"the same, calibrated: noise floor {learnt.metrics[METRIC].floor:.1%}"
        yield decisions(title, apart(comparisons[half:], percent, terms))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--identical", type=int, default=30, help="comparisons to measure")
    parser.add_argument("--slowed", type=int, default=20, help="comparisons, of 2 %% and of 5 %%")
    parser.add_argument("--most-rounds", type=int, default=60, help="whatever a comparison names")
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--scheme", default="fp32")
    parser.add_argument("--results", type=Path, default=Path("results-a-a"))
    arguments = parser.parse_args()
    wanted = {0: arguments.identical, 5: arguments.slowed, 2: arguments.slowed}
    measure(arguments, wanted)
    comparisons = kept(arguments.results)
    plain = [one.change() for one in comparisons]
    rounds = [change.repeats[0] for change in plain]
    detectable = [change.detectable for change in plain if change.detectable is not None]
    short = sum(
        one.repeats_needed is None or one.repeats_needed > other.repeats[0]
        for one, other in pairwise(plain)
    )
    print(
        f"\n{len(comparisons)} comparisons of {np.median(rounds):.0f} rounds (median; {min(rounds)}"
        f" to {max(rounds)}), which would find {np.median(detectable):.1%}; {short} had fewer"
        " rounds than the one before named"
    )
    for percent in wanted:
        if any(one.slower_percent == percent for one in comparisons):
            title = f"{percent} % slower" if percent else "Identical"
            print(f"\n**{title}**\n\n{table(list(rows(comparisons, percent)))}")


if __name__ == "__main__":
    main()
