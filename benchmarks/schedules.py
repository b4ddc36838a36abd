"""What fewer passes save: the real-time factor of every decoding schedule, in turns.

Run: `python benchmarks/schedules.py [--model base] [--schemes 8da8w] [--json FILE]`.
Native runner, one .pte for all: the schedule is part of the request. What a schedule costs in
quality, `benchmarks/speech_quality.py --schedules` measures.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from goals import Goal, Report
from model_under_test import ModelUnderTest, choice_of, core_counts, finish, lowered, parser_of
from speech_quality import SCHEDULES

from devices.base import Schedule, Trial
from model.config import SAMPLE_RATE_HZ
from model.decoding import DEFAULT_PASSES, decoding_plan
from model.utterance import built_in_utterances


def measure(
    subject: ModelUnderTest, scheme: str, arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    """Say an utterance with every schedule, in turns."""
    whole = subject.request(built_in_utterances()[arguments.utterance])
    requests = {
        name: replace(whole, options=replace(whole.options, plan=decoding_plan(passes)))
        for name, passes in SCHEDULES.items()
    }
    trials: dict[str, list[Trial]] = {name: [] for name in requests}
    audio_s: dict[str, float] = {}
    schedule = Schedule(warmup=1, iterations=arguments.iterations, threads=arguments.threads)
    for _ in range(arguments.repeats):
        for name, request in requests.items():
            found = subject.measure(scheme, request, schedule)
            trials[name] += found.trials
            audio_s[name] = len(found.waveform) / SAMPLE_RATE_HZ
    return [
        {
            "scheme": scheme,
            "schedule": name,
            "passes": len(requests[name].options.plan),
            "default": "yes" if SCHEDULES[name] == DEFAULT_PASSES else "",
            "whole, ms": median(trial.wall_ms for trial in found),
            "SMD, ms": median(trial.stage_ms["smd"] for trial in found),
            "sampling, ms": median(trial.stage_ms["sampling"] for trial in found),
            "RTF": median(trial.wall_ms for trial in found) / 1e3 / audio_s[name],
        }
        for name, found in trials.items()
    ]


def goals_of(rows: Sequence[dict[str, Any]]) -> list[Goal]:
    """Say what the fastest schedule would save; which one is good enough, its quality decides."""
    goals = []
    for scheme in dict.fromkeys(row["scheme"] for row in rows):
        ours = [row for row in rows if row["scheme"] == scheme]
        default = next(row for row in ours if row["default"])
        fastest = min(ours, key=lambda row: float(row["RTF"]))
        goals.append(
            Goal(
                f"{scheme}: the fastest schedule over the default",
                default["RTF"] / fastest["RTF"],
                "x",
                None,
                f"{fastest['schedule']} against {default['schedule']}; docs/quality.md has what"
                " each costs",
            )
        )
    return goals


def main() -> None:
    parser = parser_of(__doc__, schemes=("8da8w",))
    parser.add_argument("--utterance", default="medium")
    parser.add_argument("--threads", type=int, default=core_counts()[-1])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=2)
    arguments = parser.parse_args()
    subject = lowered(choice_of(arguments), arguments.schemes)
    rows = [row for scheme in arguments.schemes for row in measure(subject, scheme, arguments)]
    finish(Report("Schedules", rows, goals_of(rows)), arguments)


if __name__ == "__main__":
    main()
