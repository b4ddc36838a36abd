"""Passes against quality: which decoding schedule says what how well, on held-out sentences.

`python benchmarks/schedules.py --tokens DIR --count 40` synthesises sentences of unseen speakers
under each schedule and counts the words that whisper base hears wrong. Times are of eager fp32 with
one thread, relative to each other; what a phone needs, `bench run` measures.
"""

import argparse
import json
from pathlib import Path

import torch

from model.codec.providers import load_codec
from model.decoding import DecodingOptions, decoding_plan
from model.loading import load_model
from model.training.listening import Listener
from model.training.speech_validation import rehearsals, rehearse
from model.training.tokens import read_tokens

SCHEDULES = {
    "16+7x1": (16, *[1] * 7),
    "8+7x1": (8, *[1] * 7),
    "4+7x1": (4, *[1] * 7),
    "2+7x1": (2, *[1] * 7),
    "1+7x1": (1, *[1] * 7),
    "8+4+2+5x1": (8, 4, 2, *[1] * 5),
    "16 joint": (16,),
    "8 joint": (8,),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--config", default="base")
    parser.add_argument("--checkpoint", type=Path, help="by default the shipped one")
    parser.add_argument("--codec", type=Path, help="by default the shipped one")
    parser.add_argument("--schedules", nargs="*", default=list(SCHEDULES), choices=SCHEDULES)
    parser.add_argument("--count", type=int, default=20, help="sentences")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--out", type=Path, required=True, help="folder of audio and figures")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, info = load_model(arguments.config, arguments.checkpoint)
    codec = load_codec("own", arguments.codec)
    held_out = [u for u in read_tokens(arguments.tokens) if u.split in ("test", "prompt")]
    chosen = rehearsals(held_out, arguments.count)
    listener = Listener()
    rows = []
    print(f"{len(chosen)} sentences, {'trained' if info.trained else 'UNTRAINED'} {info.name}")
    for name in arguments.schedules:
        plan = decoding_plan(SCHEDULES[name])
        options = DecodingOptions(plan=plan, temperature=arguments.temperature)
        folder = arguments.out / name.replace(" ", "-")
        figures = rehearse(model, codec, chosen, folder, listener=listener, options=options)
        rows.append({"schedule": name, "passes": len(plan), **figures})
        wer, wall_s = figures["wer_percent"], figures["synthesis_s"]
        print(f"{name:>12} {len(plan):3d} passes {wall_s:7.1f} s  WER {wer:5.1f} %", flush=True)
    (arguments.out / "schedules.json").write_text(json.dumps(rows, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
