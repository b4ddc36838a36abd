"""Every metric, by name, with all that is known of it. A new metric goes here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from bench.evidence import Evidence, RepeatFacts
from bench.quality import judges
from bench.quality.clips import SentenceScores
from bench.quality.judges import Judge
from devices.base import Trial
from lowering.artifact import Manifest
from model.config import N_CODEBOOK
from model.generate import STAGES
from model.registry import Registry

Better = Literal["lower", "higher", "neither"]


@dataclass(frozen=True)
class Metric:
    """One entry of `METRICS`.

    Attributes:
        label: Column title.
        unit: "ratio", "share", "ms", "s", "bytes", "dB", "frames", "cosine", "points" (of an
            opinion scale) or "cents" (of a semitone).
        better: Which way is better; "neither" only informs.
        read: Takes the samples from the evidence: one per repeat, or one in all; none where the
            metric does not apply.
        summary: One line for people.
        tolerance: Changes up to this size do not matter: relative, or in the metric's own unit
            where `absolute`.
        gates: Whether a comparison's overall verdict depends on it by default.
        exact: Whether the same program gives the same value every time, so that any two values can
            be compared without statistics.
        once: Whether a run has one sample, however many repeats: it is measured of the artifact.
        length_bound: Whether it grows with the length of the speech, and so says nothing between
            speeches of different lengths.
        weigh: Of a metric whose samples are sentences: their weights in its mean. Of all others,
            whose samples are repeats, the median is taken.
        judge: Of a metric of speech quality: how a sentence's sample comes about.
    """

    label: str
    unit: str
    better: Better
    read: Callable[[Evidence], Sequence[float]]
    summary: str
    tolerance: float = 0.02
    gates: bool = False
    exact: bool = False
    once: bool = False
    length_bound: bool = False
    weigh: Callable[[Evidence], Sequence[float]] | None = None
    judge: Judge | None = None

    @property
    def timed(self) -> bool:
        """Whether it is a time, or made of one."""
        return self.unit in ("ratio", "ms", "s")

    @property
    def absolute(self) -> bool:
        """Whether it changes by differences: shares and decibels are ratios already."""
        return self.unit in ("share", "dB", "cosine", "points", "cents")


METRICS: Registry[Metric] = Registry("metric")
STAGE_LABELS = {"smd": "SMD"}


def per_repeat(read: Callable[[RepeatFacts], float]) -> Callable[[Evidence], list[float]]:
    """Read one number off each repeat."""
    return lambda evidence: [read(repeat) for repeat in evidence.repeats]


def per_trial(read: Callable[[Trial], float]) -> Callable[[Evidence], list[float]]:
    """Read the median over its trials off each repeat."""
    return per_repeat(lambda repeat: median(read(trial) for trial in repeat.trials))


def manifest_value(read: Callable[[Manifest], float | None]) -> Callable[[Evidence], list[float]]:
    """Read one number off the manifest, none where it is None."""

    def values(evidence: Evidence) -> list[float]:
        value = read(evidence.manifest)
        return [] if value is None else [value]

    return values


def delegated_nodes_share(manifest: Manifest) -> float:
    """Operators inside delegates over all operators."""
    inside = sum(facts.delegated_nodes for facts in manifest.methods.values())
    outside = sum(sum(facts.other_operators.values()) for facts in manifest.methods.values())
    return inside / (inside + outside)


def delegated_time_share(evidence: Evidence) -> list[float]:
    """Profiled time inside delegates over all profiled time."""
    total = sum(operator.total_ms for operator in evidence.operators)
    inside = sum(operator.total_ms for operator in evidence.operators if operator.delegate)
    return [inside / total] if total else []


def quantized_macs_share(manifest: Manifest) -> float:
    """Multiply-adds on quantized weights over all multiply-adds."""
    methods = manifest.methods.values()
    return sum(m.quantized_macs for m in methods) / sum(m.total_macs for m in methods)


def quantized_params_share(manifest: Manifest) -> float:
    """Parameters held in integers over all parameters."""
    methods = manifest.methods.values()
    return sum(m.quantized_params for m in methods) / sum(m.total_params for m in methods)


def where_known(
    read: Callable[[RepeatFacts], float | None],
) -> Callable[[Evidence], list[float]]:
    """Read one number off each repeat that has it."""

    def values(evidence: Evidence) -> list[float]:
        found = map(read, evidence.repeats)
        return [value for value in found if value is not None]

    return values


METRICS.register("rtf")(
    Metric(
        "RTF", "ratio", "lower",
        per_repeat(lambda r: r.rtf),
        "real-time factor: wall seconds per second of speech",
        gates=True,
    )
)  # fmt: skip
METRICS.register("first_audio_ms")(
    Metric(
        "First audio", "ms", "lower", per_trial(lambda t: t.first_audio_ms),
        "from phonemes and prompt codes to the first chunk of waveform",
        tolerance=0.03, length_bound=True,
    )
)  # fmt: skip
METRICS.register("load_ms")(
    Metric(
        "Load", "ms", "lower", per_repeat(lambda r: r.load_ms),
        "opening the .pte and loading every method, first thing in a fresh process",
        tolerance=0.10,
    )
)  # fmt: skip
METRICS.register("warm_load_ms")(
    Metric(
        "Warm load", "ms", "lower", per_repeat(lambda r: r.warm_load_ms),
        "the same once more in the same process",
        tolerance=0.10,
    )
)  # fmt: skip
METRICS.register("peak_rss_bytes")(
    Metric(
        "Peak memory", "bytes", "lower", per_repeat(lambda r: r.peak_rss_bytes),
        "largest resident memory of the process during the syntheses, interpreter included",
        gates=True,
    )
)  # fmt: skip
METRICS.register("model_rss_bytes")(
    Metric(
        "Model memory", "bytes", "lower",
        per_repeat(lambda r: r.peak_rss_bytes - r.base_rss_bytes),
        "peak memory less what was resident before the model was loaded",
        tolerance=0.03,
    )
)  # fmt: skip
METRICS.register("pte_bytes")(
    Metric(
        "Size", "bytes", "lower", manifest_value(lambda m: m.pte_bytes), "size of the .pte",
        tolerance=0.001, gates=True, exact=True,
    )
)  # fmt: skip
METRICS.register("compile_s")(
    Metric(
        "Compile", "s", "lower", manifest_value(lambda m: sum(m.stage_s.values())),
        "wall seconds of quantizing, exporting, lowering and checking, when it was made",
        tolerance=0.25, once=True,
    )
)  # fmt: skip
METRICS.register("audio_frames")(
    Metric(
        "Frames", "frames", "neither", per_repeat(lambda r: r.audio_frames),
        "codec frames of the speech; quantization may change durations",
        tolerance=0.0, exact=True,
    )
)  # fmt: skip
METRICS.register("lsd_db")(
    Metric(
        "LSD", "dB", "lower", manifest_value(lambda m: m.lsd_db),
        "log-spectral distance from fp32's speech, made with fp32's grids and noise",
        tolerance=0.05, exact=True,
    )
)  # fmt: skip
METRICS.register("mcd_db")(
    Metric(
        "MCD", "dB", "lower", manifest_value(lambda m: m.mcd_db),
        "mel-cepstral distortion against fp32's speech, made with fp32's grids and noise",
        tolerance=0.05, exact=True,
    )
)  # fmt: skip
METRICS.register("token_agreement")(
    Metric(
        "Tokens", "share", "higher",
        manifest_value(
            lambda m: sum(m.token_agreement) / N_CODEBOOK if m.token_agreement else None
        ),
        "codes chosen as fp32 does on fp32's grids and noise, mean over codebooks",
        tolerance=0.005, gates=True, exact=True,
    )
)  # fmt: skip
METRICS.register("code_agreement")(
    Metric(
        "Codes", "share", "higher", where_known(lambda r: r.code_agreement),
        "codes of the whole utterance equal to fp32's, left to themselves",
        tolerance=0.0, exact=True,
    )
)  # fmt: skip
METRICS.register("host_agreement")(
    Metric(
        "Codes vs host", "share", "higher", where_known(lambda r: r.host_agreement),
        "codes equal to those that the same .pte says on the computer that measures",
        tolerance=0.0, exact=True,
    )
)  # fmt: skip
METRICS.register("host_lsd_db")(
    Metric(
        "LSD vs host", "dB", "lower", where_known(lambda r: r.host_lsd_db),
        "log-spectral distance from the same codes' speech on the computer that measures",
        tolerance=0.1, exact=True,
    )
)  # fmt: skip
METRICS.register("delegated_nodes_share")(
    Metric(
        "Delegated", "share", "higher", manifest_value(delegated_nodes_share),
        "operators inside delegates",
        tolerance=0.0, gates=True, exact=True,
    )
)  # fmt: skip
METRICS.register("delegated_time_share")(
    Metric(
        "Delegated time", "share", "higher", delegated_time_share,
        "profiled time inside delegates",
        tolerance=0.05, once=True,
    )
)  # fmt: skip
METRICS.register("quantized_macs_share")(
    Metric(
        "Quantized MACs", "share", "neither", manifest_value(quantized_macs_share),
        "multiply-adds on quantized weights",
        tolerance=0.0, exact=True,
    )
)  # fmt: skip
METRICS.register("quantized_params_share")(
    Metric(
        "Quantized parameters", "share", "neither", manifest_value(quantized_params_share),
        "parameters held in the scheme's integers",
        tolerance=0.0, exact=True,
    )
)  # fmt: skip


def token_agreement_of(channel: int) -> Callable[[Manifest], float | None]:
    """Read one codebook's token agreement."""
    return lambda manifest: manifest.token_agreement[channel] if manifest.token_agreement else None


def stage_ms_of(stage: str) -> Callable[[Evidence], list[float]]:
    """Read the median of one stage's time off each repeat that has the stage."""

    def values(evidence: Evidence) -> list[float]:
        per_repeat = [
            [trial.stage_ms[stage] for trial in repeat.trials if stage in trial.stage_ms]
            for repeat in evidence.repeats
        ]
        return [median(times_ms) for times_ms in per_repeat if times_ms]

    return values


for _channel in range(N_CODEBOOK):
    METRICS.register(f"token_agreement_{_channel}")(
        Metric(
            f"Tokens {_channel}", "share", "higher", manifest_value(token_agreement_of(_channel)),
            f"token agreement of codebook {_channel}", tolerance=0.01, exact=True,
        )
    )  # fmt: skip
for _stage in STAGES:
    METRICS.register(f"{_stage}_ms")(
        Metric(
            STAGE_LABELS.get(_stage, _stage.replace("_", " ").capitalize()), "ms", "lower",
            stage_ms_of(_stage),
            f"milliseconds of the stage {_stage}, all passes and sentences",
            tolerance=0.05, length_bound=True,
        )
    )  # fmt: skip


def quality(
    name: str, label: str, unit: str, better: Better, judge: Judge, *, summary: str
) -> None:
    """Register a metric of speech quality and, unless it compares with fp32 already, its damage.

    The damage, `NAME_delta`, is the difference to what the fp32 eager model says, sentence by
    sentence.
    """

    def scored(read: Callable[[SentenceScores], float]) -> Callable[[Evidence], list[float]]:
        return lambda e: [read(one) for one in e.sentences if name in one.scores]

    def both(read: Callable[[SentenceScores], float]) -> Callable[[Evidence], list[float]]:
        return lambda e: [
            read(one) for one in e.sentences if name in one.scores and name in one.fp32
        ]

    METRICS.register(name)(
        Metric(
            label, unit, better, scored(lambda one: one.scores[name].value), summary,
            weigh=scored(lambda one: one.scores[name].weight), judge=judge,
        )
    )  # fmt: skip
    if "reference" in judge.needs:
        return
    METRICS.register(f"{name}_delta")(
        Metric(
            f"Δ {label}", unit, better,
            both(lambda one: one.scores[name].value - one.fp32[name].value),
            f"{label}: difference to what fp32 says, paired by sentence",
            weigh=both(lambda one: one.scores[name].weight),
        )
    )  # fmt: skip


quality(
    "wer", "WER", "share", "lower",
    Judge("whisper-base", judges.word_error_rate, ("text",)),
    summary="words that whisper base hears otherwise than they are written",
)  # fmt: skip
quality(
    "cer", "CER", "share", "lower",
    Judge("whisper-base", judges.char_error_rate, ("text",)),
    summary="characters that whisper base hears otherwise than they are written",
)  # fmt: skip
quality(
    "similarity", "Similarity", "cosine", "higher",
    Judge("campplus", judges.similarity, ("prompt",)),
    summary="likeness of the voice to the prompt's, cosine of CAM++ embeddings",
)  # fmt: skip
quality(
    "similarity_ge2e", "Similarity (GE2E)", "cosine", "higher",
    Judge("resemblyzer", judges.similarity, ("prompt",)),
    summary="likeness of the voice to the prompt's, cosine of Resemblyzer's embeddings",
)  # fmt: skip
quality(
    "distillmos", "DistillMOS", "points", "higher",
    Judge("distillmos", judges.the_number),
    summary="DistillMOS, a network's guess at listeners' opinion from 1 to 5: a proxy, no opinion",
)  # fmt: skip
quality(
    "dnsmos_ovrl", "DNSMOS OVRL", "points", "higher",
    Judge("dnsmos", judges.named("ovrl")),
    summary="DNSMOS P.835 overall, a network's guess at opinions of noisy speech: a proxy",
)  # fmt: skip
quality(
    "dnsmos_p808", "DNSMOS P.808", "points", "higher",
    Judge("dnsmos", judges.named("p808")),
    summary="DNSMOS P.808, an older guess of the same kind: a proxy",
)  # fmt: skip
quality(
    "pesq_wb", "PESQ-WB", "points", "higher",
    Judge("pesq-wb", judges.the_number, ("reference",)),
    summary="wideband PESQ against fp32's speech, where that is as long",
)  # fmt: skip
quality(
    "stoi", "STOI", "share", "higher",
    Judge("stoi", judges.the_number, ("reference",)),
    summary="intelligibility by STOI against fp32's speech, where that is as long",
)  # fmt: skip
quality(
    "visqol", "ViSQOL", "points", "higher",
    Judge("visqol", judges.the_number, ("reference",)),
    summary="ViSQOL for speech against fp32's speech, where that is as long",
)  # fmt: skip
quality(
    "f0_rmse_cents", "F0 error", "cents", "lower",
    Judge("pitch", judges.named("rmse_cents"), ("reference",)),
    summary="root mean square distance of the melody from fp32's, where that is as long",
)  # fmt: skip
quality(
    "voicing_error", "Voicing error", "share", "lower",
    Judge("pitch", judges.named("voicing_error"), ("reference",)),
    summary="10 ms steps that are voiced here or in fp32's speech alone, where that is as long",
)  # fmt: skip
