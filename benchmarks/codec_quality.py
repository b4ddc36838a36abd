"""How much a codec costs in quality: resynthesis of the twenty real test recordings.

Run: `python benchmarks/codec_quality.py [--codec NAME] [--weights FILE] [--out DIR] [--json FILE]`.
Needs the recordings (`bench data build --only recordings`). A metric whose package is missing is
left out, with a line that says what to install. `docs/quality.md` says what the metrics mean; those
that compare do so with the recording, and the recording with itself.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile
import torch

from bench.metrics import METRICS
from bench.quality.clips import Clip, Score, to_samples
from bench.quality.engine import scoring_workers
from bench.quality.judging import judge
from bench.results import Measurement
from bench.stats import summarize
from model.codec.base import Codec
from model.codec.providers import load_codec
from model.config import SAMPLE_RATE_HZ
from model.data.corpus import AudioShards
from model.data.recordings import recordings_folder
from reports.units import scale_for

MEASURED = ("stoi", "pesq_wb", "visqol", "distillmos", "wer", "similarity")


def resynthesise(codec: Codec, samples: np.ndarray) -> np.ndarray:
    waveform = torch.from_numpy(samples.astype(np.float32) / 32768)[None]
    return codec.decode(codec.encode(waveform))[0].clamp(-1, 1).numpy()


def mean(scores: Sequence[Mapping[str, Score]], name: str) -> Measurement:
    found = [one[name] for one in scores if name in one]
    values, weights = [one.value for one in found], [one.weight for one in found]
    return summarize(values, METRICS[name].unit, weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--codec", default="own")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--metrics", nargs="*", default=list(MEASURED), choices=list(MEASURED))
    parser.add_argument("--out", type=Path, help="folder for the resynthesised recordings")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--workers", default="1", help="processes that score, or tcp://...")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    codec = load_codec(arguments.codec, arguments.weights)
    tests = AudioShards.open(recordings_folder()).select(lambda item: item.split == "test")
    originals, resyntheses = [], []
    for index, item in enumerate(tests.items):
        recording = tests.audio(index)
        audio = to_samples(resynthesise(codec, recording))
        if arguments.out:
            arguments.out.mkdir(parents=True, exist_ok=True)
            path = arguments.out / f"{item.name.replace('/', '-')}.wav"
            soundfile.write(path, audio, SAMPLE_RATE_HZ)
        for speech, clips in ((recording, originals), (audio, resyntheses)):
            told = (item.name, speech, item.text, item.lang)
            clips.append(Clip(*told, prompt=recording, reference=recording))

    judges = {name: METRICS[name].judge for name in arguments.metrics}
    with scoring_workers(arguments.workers) as executor:
        said = judge([*originals, *resyntheses], judges, executor, lambda done, total: None)
    for name, reason in said.reasons.items():
        print(f"{METRICS[name].label} left out: {reason}", file=sys.stderr)
    halves = {
        "original": said.scores[: len(originals)],
        "resynthesis": said.scores[len(originals) :],
    }
    figures = {
        name: {label: mean(scores, name) for label, scores in halves.items()}
        for name in arguments.metrics
        if name not in said.reasons
    }
    trained = "" if codec.trained else " (untrained)"
    print(f"{codec.name}{trained}: {len(originals)} recordings, {tests.seconds:.0f} s")
    for name, row in figures.items():
        scale = scale_for([row["original"].median], METRICS[name].unit)
        numbers = [f"{label} {scale.text(found.median):>8}" for label, found in row.items()]
        print(f"{METRICS[name].label:11s} {'   '.join(numbers)}")
    if arguments.json:
        found = {
            name: {label: asdict(one) for label, one in row.items()}
            for name, row in figures.items()
        }
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
