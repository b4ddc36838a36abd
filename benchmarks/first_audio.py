"""When the first of the speech can be heard, of some ten seconds in all.

Run: `python benchmarks/first_audio.py [--model base] [--first-phonemes 12 16 24] [--json FILE]`.
Speech comes chunk by chunk, but only when a sentence's passes are over: a text whose first sentence
is cut short (`prepare`'s `first_phonemes`, `bench say --soon`) begins sooner. Native runner; whole
and cut texts take turns. And no seam: the codec's chunks are compared with all codes decoded at
once.
"""

import argparse
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
from goals import Goal, Report, at_least, at_most
from model_under_test import ModelUnderTest, choice_of, core_counts, finish, lowered, parser_of

from bench.say import request_for
from devices.base import Repeat
from devices.schedule import Schedule
from lowering.runtime import LoadedProgram, set_threads
from model.config import SAMPLE_RATE_HZ
from model.generate import Call, Limits, decode_chunk
from model.utterance import Utterance, find_prompt

# Of about ten seconds: several sentences, and one that has no pause for a while.
TEXTS = {
    "two sentences": "On the third of May the museum opened its doors at half past nine, and most"
    " visitors stayed until closing time. They walked through eleven rooms of maps and clocks, and"
    " of old telescopes.",
    "one sentence": "The old captain watched the harbour lights fade slowly into the evening mist,"
    " and nobody on deck said a word, until the morning bell rang twice and the first boats came"
    " back from the islands.",
}
GOAL_SHARE = 15.0
SEAM_DB = 90.0  # far below what can be heard, and below 16 bits


def seam_db(call: Call, limits: Limits, codes: np.ndarray) -> float:
    """Compare codes decoded chunk by chunk with the same decoded at once: a ratio in decibels."""
    starts = range(0, codes.shape[1], limits.chunk_frames)
    chunks = np.concatenate([decode_chunk(call, limits, codes, start) for start in starts])
    whole = np.array(call("codec_decoder", [codes[None]])[0][0])
    noise = float(np.mean((chunks - whole) ** 2))
    return 10 * float(np.log10(np.mean(whole**2) / max(noise, 1e-30)))


def row_of(text: str, scheme: str, cut: str, repeats: Sequence[Repeat]) -> dict[str, Any]:
    """Summarise medians over all trials."""
    trials = [trial for repeat in repeats for trial in repeat.trials]
    whole_ms = median(trial.wall_ms for trial in trials)
    first_ms = median(trial.first_audio_ms for trial in trials)
    audio_s = len(repeats[0].waveform) / SAMPLE_RATE_HZ
    return {
        "text": text,
        "scheme": scheme,
        "first phonemes": cut,
        "speech, s": audio_s,
        "first audio, ms": first_ms,
        "whole, ms": whole_ms,
        "first of whole, %": 100 * first_ms / whole_ms,
        "RTF": whole_ms / 1e3 / audio_s,
    }


def measure(subject: ModelUnderTest, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Say every text whole and cut, in turns."""
    requests = {
        (name, str(cut or "whole")): request_for(
            subject.choice,
            Utterance(name, text, find_prompt("heart"), "en"),
            subject.plan.options,
            first_phonemes=cut,
        )
        for name, text in TEXTS.items()
        for cut in (None, *arguments.first_phonemes)
    }
    cases = [(scheme, *key) for scheme in subject.artifacts for key in requests]
    found: dict[tuple[str, str, str], list[Repeat]] = {case: [] for case in cases}
    schedule = Schedule(warmup=1, iterations=arguments.iterations, threads=arguments.threads)
    for _ in range(arguments.repeats):
        for scheme, *key in cases:
            name, cut = key
            found[scheme, name, cut].append(subject.measure(scheme, requests[name, cut], schedule))
    return [row_of(name, scheme, cut, repeats) for (scheme, name, cut), repeats in found.items()]


def goals_of(rows: Sequence[dict[str, Any]], seams: dict[str, float]) -> list[Goal]:
    goals = []
    for text in TEXTS:
        cut = [row for row in rows if row["text"] == text and row["first phonemes"] != "whole"]
        whole = [row for row in rows if row["text"] == text and row["first phonemes"] == "whole"]
        best = min(cut, key=lambda row: float(row["first of whole, %"]))
        longer = median(row["whole, ms"] for row in cut) / median(row["whole, ms"] for row in whole)
        remark = (
            f"{best['scheme']}, first part of at most {best['first phonemes']} phonemes; uncut"
            f" {min(row['first of whole, %'] for row in whole):.0f} %; cut, all of it takes"
            f" {longer:.2f} x as long"
        )
        goal = f"{text}: first audio within {GOAL_SHARE:.0f} % of the whole"
        goals.append(at_most(goal, best["first of whole, %"], GOAL_SHARE, "%", remark))
    goals += [
        at_least(
            f"{scheme}: no seam between chunks of waveform ({SEAM_DB:.0f} dB or more)",
            decibels,
            SEAM_DB,
            "dB",
            "chunks against all codes decoded at once",
        )
        for scheme, decibels in seams.items()
    ]
    return goals


def main() -> None:
    parser = parser_of(__doc__, schemes=("fp32", "8da8w"))
    parser.add_argument("--first-phonemes", type=int, nargs="+", default=[12, 16, 24])
    parser.add_argument("--threads", type=int, default=core_counts()[-1])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--iterations", type=int, default=2)
    arguments = parser.parse_args()
    subject = lowered(choice_of(arguments), arguments.schemes)
    rows = measure(subject, arguments)
    set_threads(arguments.threads)
    random = np.random.default_rng(0)
    seams = {}
    for scheme, artifact in subject.artifacts.items():
        codes = random.integers(0, 1024, (8, 750))
        call = LoadedProgram(artifact.pte).call
        seams[scheme] = seam_db(call, artifact.manifest.limits, codes)
    finish(Report("First audio", rows, goals_of(rows, seams)), arguments)


if __name__ == "__main__":
    main()
