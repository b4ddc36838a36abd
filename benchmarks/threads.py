"""How many threads are best: 1, 2, 4 and all, in turns, stage by stage.

Run: `python benchmarks/threads.py [--model base] [--threads 1 2] [--json FILE]`.
Native runner, a fresh process for each number of threads and scheme in every round. Efficiency is
the speed-up over one thread divided by threads; a part that runs on one thread only (the loop, what
XNNPACK does not split) bounds it.
"""

import argparse
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from goals import Goal, Report
from model_under_test import ModelUnderTest, choice_of, core_counts, finish, lowered, parser_of

from devices.base import Trial
from devices.schedule import Schedule
from model.generate import STAGES
from model.utterance import built_in_utterances

WHOLE = "whole synthesis"
Times = Mapping[tuple[str, int], Mapping[str, float]]  # by scheme and threads, ms per stage


def measure(subject: ModelUnderTest, arguments: argparse.Namespace) -> Times:
    """Say an utterance with each number of threads, in turns; returns medians over all trials."""
    request = subject.request(built_in_utterances()[arguments.utterance])
    cases = [(scheme, threads) for scheme in subject.artifacts for threads in arguments.threads]
    trials: dict[tuple[str, int], list[Trial]] = {case: [] for case in cases}
    for number in range(arguments.repeats):
        turn = number % len(cases)
        for scheme, threads in cases[turn:] + cases[:turn]:
            schedule = Schedule(warmup=1, iterations=arguments.iterations, threads=threads)
            trials[scheme, threads] += subject.measure(scheme, request, schedule).trials
    return {case: medians(found) for case, found in trials.items()}


def medians(trials: Sequence[Trial]) -> dict[str, float]:
    stages = {stage: median(trial.stage_ms[stage] for trial in trials) for stage in STAGES}
    return {**stages, WHOLE: median(trial.wall_ms for trial in trials)}


def rows_of(times: Times) -> list[dict[str, Any]]:
    """Put every stage's time and efficiency on as many threads side by side."""
    rows = []
    for scheme in dict.fromkeys(scheme for scheme, _ in times):
        counts = [threads for one, threads in times if one == scheme]
        for stage in (*STAGES, WHOLE):
            row: dict[str, Any] = {"scheme": scheme, "stage": stage}
            for threads in counts:
                row[f"{threads} threads, ms"] = times[scheme, threads][stage]
            for threads in counts[1:]:
                faster = times[scheme, counts[0]][stage] / max(1e-9, times[scheme, threads][stage])
                row[f"efficiency of {threads}, %"] = 100 * faster * counts[0] / threads
            rows.append(row)
    return rows


def goals_of(times: Times) -> list[Goal]:
    """Say which number of threads is best for each scheme, and what keeps others from it."""
    goals = []
    for scheme in dict.fromkeys(scheme for scheme, _ in times):
        whole = {threads: found[WHOLE] for (one, threads), found in times.items() if one == scheme}
        best = min(whole, key=lambda threads: whole[threads])
        goals.append(
            Goal(
                f"{scheme}: best number of threads",
                float(best),
                "threads",
                None,
                why(times, scheme, min(whole), max(whole)),
            )
        )
    return goals


def why(times: Times, scheme: str, few: int, many: int) -> str:
    """Explain by the speed-up of all, and by the stages that gain least for their time."""
    if few == many:
        return "there is one core"
    before, after = times[scheme, few], times[scheme, many]
    faster = before[WHOLE] / after[WHOLE]
    lost = {
        stage: after[stage] - before[stage] * few / many for stage in STAGES if after[stage] > 0
    }
    worst = sorted(lost, key=lambda stage: -lost[stage])[:3]
    listed = ", ".join(f"{stage} {lost[stage]:.0f} ms" for stage in worst)
    return (
        f"{many} threads are {faster:.2f} x as fast as {few}; of what is missing to"
        f" {many / few:.0f} x most is in {listed}"
    )


def main() -> None:
    parser = parser_of(__doc__, schemes=("fp32", "8da8w"))
    parser.add_argument("--utterance", default="medium")
    parser.add_argument("--threads", type=int, nargs="+", default=core_counts())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=2)
    arguments = parser.parse_args()
    times = measure(lowered(choice_of(arguments), arguments.schemes), arguments)
    finish(Report("Threads", rows_of(times), goals_of(times)), arguments)


if __name__ == "__main__":
    main()
