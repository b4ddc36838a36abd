"""Zero-shot speech quality: words, voices and sound of every scheme, beside recording and codec.

`python benchmarks/speech_quality.py --out DIR` says the corpus's held-out sentences (`bench data
build`) with prompts of unseen speakers: fp32 eager, every .pte, other decoding schedules. With
`--people` it takes English sentences in the voices of real people instead (`bench data fetch`). It
scores them with the packages of `bench quality install`, and writes `speech_quality.md` and `.json`
there, anew after every few sentences. Everything said and scored is kept in the cache: run it
again, with more sentences, minutes or schemes, and it goes on. Nothing is timed but CPU seconds of
speaking.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

import torch
from speech_systems import System, Systems
from speech_tables import VERIFIER, Result, Scores, Voices, embed, verify, write

from bench.metrics import METRICS
from bench.quality.clips import Look, to_samples
from bench.quality.engine import scoring_workers
from bench.quality.judges import Judge
from bench.quality.judging import judge
from bench.quality.suite import Recorded, held_out, real_people, relatives
from model.choice import ModelChoice
from model.decoding import DEFAULT_PASSES
from quantization.schemes import SCHEMES

JUDGES = {name: metric.judge for name, metric in METRICS.items() if metric.judge is not None}
SENTENCES_AT_ONCE = 3
SCHEDULES: Mapping[str, tuple[int, ...]] = {
    "16+7x1": (16, *[1] * 7),
    "8+7x1": (8, *[1] * 7),
    "4+7x1": (4, *[1] * 7),
    "2+7x1": (2, *[1] * 7),
    "1+7x1": (1, *[1] * 7),
    "8+4+2+5x1": (8, 4, 2, *[1] * 5),
    "4+4+2+5x1": (4, 4, 2, *[1] * 5),
    "2+2+2+5x1": (2, 2, 2, *[1] * 5),
    "1x2": (1,) * 2,
    "1x3": (1,) * 3,
    "1x4": (1,) * 4,
    "1x5": (1,) * 5,
    "16 joint": (16,),
    "8 joint": (8,),
}


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    started_s = time.monotonic()
    everything = real_people() if arguments.people else held_out(arguments.lang)
    # Nobody real shares a voice with anybody.
    related = {} if arguments.people else relatives({item.speaker for item in everything})
    items = everything[: arguments.sentences]
    choice = ModelChoice(
        arguments.model, arguments.checkpoint, arguments.codec, arguments.codec_checkpoint
    )
    made = Systems(choice, DEFAULT_PASSES, arguments.temperature)
    coarse = [made.coarse(n_channel) for n_channel in arguments.channels]
    systems = [made.recording(), made.resynthesis(), *coarse, made.eager()]
    systems += made.lowered(arguments.schemes, arguments.backend)
    schedules = [made.eager(name, SCHEDULES[name]) for name in arguments.schedules]
    arguments.out.mkdir(parents=True, exist_ok=True)

    judges = {name: JUDGES[name] for name in arguments.metrics}
    scores: Scores = {}
    voices: Voices = {}
    with scoring_workers(arguments.workers) as executor:
        verification = verify(
            everything,
            executor,
            lambda samples: to_samples(made.through_codec(samples)),
            related,
        )
        for start in range(0, len(items), SENTENCES_AT_ONCE):
            block = items[start : start + SENTENCES_AT_ONCE]
            swept = schedules if start < arguments.schedule_sentences else []
            reasons = say_and_score(
                [*systems, *swept], block, judges, executor, scores=scores, voices=voices
            )
            done = start + len(block)
            result = Result(items[:done], systems, schedules, scores, voices, verification)
            write(arguments.out, made, result, reasons)
            minutes = (time.monotonic() - started_s) / 60
            print(
                f"[{minutes:5.1f} min] {done}/{len(items)} sentences", file=sys.stderr, flush=True
            )
            if arguments.minutes and minutes >= arguments.minutes:
                print("time is up: run it again to go on", file=sys.stderr)
                break
    print((arguments.out / "speech_quality.md").read_text())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--model", default="base")
    parser.add_argument("--checkpoint", type=Path, help="by default the shipped one")
    parser.add_argument("--codec", default="own")
    parser.add_argument("--codec-checkpoint", type=Path, help="by default the shipped one")
    parser.add_argument("--sentences", type=int, default=100)
    parser.add_argument("--minutes", type=float, help="begin no more sentences after as many")
    parser.add_argument("--lang", default="en", choices=("en", "zh"))
    parser.add_argument(
        "--people", action="store_true", help="in the voices of real people, in English"
    )
    parser.add_argument("--schemes", nargs="*", default=list(SCHEMES), choices=list(SCHEMES))
    parser.add_argument("--backend", default="xnnpack")
    parser.add_argument("--schedules", nargs="*", default=list(SCHEDULES), choices=list(SCHEDULES))
    parser.add_argument(
        "--channels", type=int, nargs="*", default=[], help="also resynthesis of so many, 1 to 8"
    )
    parser.add_argument("--schedule-sentences", type=int, default=20)
    parser.add_argument("--metrics", nargs="*", default=list(JUDGES), choices=list(JUDGES))
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--workers", default="1", help="processes that score, or tcp://...")
    return parser.parse_args()


def say_and_score(
    systems: Sequence[System],
    block: Sequence[Recorded],
    judges: Mapping[str, Judge],
    executor: Executor,
    *,
    scores: Scores,
    voices: Voices,
) -> Mapping[str, str]:
    """Have every system say some sentences, score them, and add the scores to `scores`."""
    for system in systems:
        for item in block:
            system.speak(item)
    others = {system.name: system for system in systems}
    clips = [
        (system.name, clip)
        for system in systems
        for item in block
        if (clip := system.clip(item, others)) is not None
    ]
    said = judge([clip for _, clip in clips], judges, executor, lambda done, total: None)
    for (name, clip), found in zip(clips, said.scores, strict=True):
        scores.setdefault(name, {})[clip.sentence] = found
    looks = [Look(VERIFIER, clip.speech) for _, clip in clips]
    for (name, clip), voice in zip(clips, embed(looks, executor), strict=True):
        if voice is not None:
            voices.setdefault(name, {})[clip.sentence] = voice
    return said.reasons


if __name__ == "__main__":
    main()
