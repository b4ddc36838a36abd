"""What fewer passes save, and what they cost: time, words and voice of every decoding schedule.

Run: `python benchmarks/schedules.py [--schemes 8da8w] [--sentences 12] [--json FILE]`.
Native runner, one .pte for all: the schedule is part of the request. Times are taken in turns. Then
every schedule says the same English sentences of the suite `built-in`, in voices that no training
has heard; word error rate and similarity to the prompt are compared with those of the schedule of
most passes, sentence by sentence. `benchmarks/speech_quality.py` scores more of both.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from goals import Goal, Report, cell
from model_under_test import ModelUnderTest, choice_of, core_counts, finish, lowered, parser_of
from speech_quality import JUDGES, SCHEDULES

from bench.quality.clips import Clip, Score, to_samples
from bench.quality.engine import scoring_workers
from bench.quality.judging import judge
from bench.quality.suite import built_in_suite
from bench.results import Measurement
from bench.scoring import ONCE
from bench.stats import summarize
from devices.base import Trial
from devices.schedule import Schedule
from model.audio import load_prompt
from model.config import SAMPLE_RATE_HZ
from model.decoding import DEFAULT_PASSES, decoding_plan
from model.generate import Request
from model.utterance import Utterance, built_in_utterances

# What passes can cost, and by how much it is shown.
COSTS = {"wer": ("WER", 100.0, "%"), "similarity": ("similarity", 1.0, "")}
Scores = Mapping[str, Sequence[Mapping[str, Score]]]  # by schedule, per sentence, by metric


def requests_of(subject: ModelUnderTest, utterance: Utterance) -> dict[str, Request]:
    """Make a request of an utterance for every schedule."""
    whole = subject.request(utterance)
    return {
        name: replace(whole, options=replace(whole.options, plan=decoding_plan(passes)))
        for name, passes in SCHEDULES.items()
    }


def measure(
    subject: ModelUnderTest, scheme: str, arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    """Say an utterance with every schedule, in turns."""
    requests = requests_of(subject, built_in_utterances()[arguments.utterance])
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
            "passes": passes_of(name),
            "default": "yes" if SCHEDULES[name] == DEFAULT_PASSES else "",
            "whole, ms": median(trial.wall_ms for trial in found),
            "SMD, ms": median(trial.stage_ms["smd"] for trial in found),
            "sampling, ms": median(trial.stage_ms["sampling"] for trial in found),
            "RTF": median(trial.wall_ms for trial in found) / 1e3 / audio_s[name],
        }
        for name, found in trials.items()
    ]


def passes_of(name: str) -> int:
    return sum(SCHEDULES[name])


def score(subject: ModelUnderTest, scheme: str, arguments: argparse.Namespace) -> Scores:
    """Have every schedule say some sentences once, and score their words and voices."""
    suite = [one for one in built_in_suite() if one.lang == "en"][: arguments.sentences]
    schedule = replace(ONCE, threads=arguments.threads)
    clips: dict[str, list[Clip]] = {name: [] for name in SCHEDULES}
    for utterance in suite:
        prompt = to_samples(load_prompt(utterance.prompt.path))
        for name, request in requests_of(subject, utterance).items():
            speech = to_samples(subject.measure(scheme, request, schedule).waveform)
            clips[name].append(Clip(utterance.name, speech, utterance.text, "en", prompt))
    judges = {name: JUDGES[name] for name in COSTS}
    with scoring_workers(str(arguments.workers)) as executor:
        everything = [clip for of_schedule in clips.values() for clip in of_schedule]
        said = judge(everything, judges, executor, lambda done, total: None)
    scores = iter(said.scores)
    return {name: [next(scores) for _ in of_schedule] for name, of_schedule in clips.items()}


def quality_cells(name: str, scores: Scores) -> dict[str, str]:
    """Tell a schedule's words and voice, and how they differ from those of most passes."""
    cells = {}
    for metric, (title, scale, unit) in COSTS.items():
        values = [one[metric] for one in scores[name] if metric in one]
        if values:
            mean = summarize([s.value for s in values], "", [s.weight for s in values])
            cells[f"{title} {unit}".strip()] = cell(scale * mean.median)
            cells[f"Δ {title} {unit}".strip()] = interval(differences(name, metric, scores), scale)
    return cells


def differences(name: str, metric: str, scores: Scores) -> Measurement:
    """Compare a schedule with that of most passes, sentence by sentence."""
    pairs = [
        (one[metric], other[metric])
        for one, other in zip(scores[name], scores[max(SCHEDULES, key=passes_of)], strict=True)
        if metric in one and metric in other
    ]
    return summarize(
        [one.value - other.value for one, other in pairs], "", [one.weight for one, _ in pairs]
    )


def interval(found: Measurement, scale: float) -> str:
    return f"{scale * found.median:+.2g} ({scale * found.low:.2g} to {scale * found.high:.2g})"


def knee_of(scheme: str, scores: Scores) -> Goal:
    """Find the fewest passes that are not shown to cost words or voice."""
    harmless = [
        name
        for name, found in scores.items()
        if all(metric in one for one in found for metric in COSTS)
        and differences(name, "wer", scores).low <= 0
        and differences(name, "similarity", scores).high >= 0
    ]
    goal = f"{scheme}: fewest passes that are not shown to cost words or voice"
    if not harmless:
        return Goal(goal, None, "passes", None, "`bench quality install` brings what scores them")
    knee = min(harmless, key=passes_of)
    default = next(name for name, passes in SCHEDULES.items() if passes == DEFAULT_PASSES)
    remark = (
        f"{knee}; default {default}; 95 % intervals of the difference to"
        f" {max(SCHEDULES, key=passes_of)} over {len(scores[knee])} sentences"
    )
    return Goal(goal, float(passes_of(knee)), "passes", None, remark)


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
                f"{fastest['schedule']} against {default['schedule']}",
            )
        )
    return goals


def main() -> None:
    parser = parser_of(__doc__, schemes=("8da8w",))
    parser.add_argument("--utterance", default="medium")
    parser.add_argument("--threads", type=int, default=core_counts()[-1])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=2)
    parser.add_argument("--sentences", type=int, default=12, help="to score; 0 for none")
    parser.add_argument("--workers", type=int, default=core_counts()[-1], help="that score")
    arguments = parser.parse_args()
    subject = lowered(choice_of(arguments), arguments.schemes)
    rows = [row for scheme in arguments.schemes for row in measure(subject, scheme, arguments)]
    goals = goals_of(rows)
    if arguments.sentences:
        for scheme in arguments.schemes:
            scores = score(subject, scheme, arguments)
            goals.append(knee_of(scheme, scores))
            for row in rows:
                if row["scheme"] == scheme:
                    row.update(quality_cells(row["schedule"], scores))
    finish(Report("Schedules", rows, goals), arguments)


if __name__ == "__main__":
    main()
