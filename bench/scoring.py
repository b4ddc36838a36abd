"""Speech quality: every scheme says the quality suite on the device, and its speech is scored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.metrics import METRICS
from bench.progress import Progress, Show
from bench.quality.clips import Clip, Score, read_samples, to_samples
from bench.quality.engine import scoring_workers
from bench.quality.judging import judge
from bench.stores.journal import Journal
from devices.base import Device, Job
from devices.schedule import Schedule
from lowering.artifact import Artifact
from lowering.build import build_references
from lowering.reference import ReferenceSpec, read_reference
from model.audio import load_prompt, write_audio
from model.errors import DeviceUnavailableError, HarnessError

ONCE = Schedule(repeats=1, warmup=0, iterations=1)  # what it says is the same every time
REFERENCES_AT_ONCE = 8  # few enough that a run which is cut short has kept most

Pair = tuple[str, str]


@dataclass(frozen=True)
class Spoken:
    """A sentence that a scheme has said.

    Attributes:
        pair: Scheme and backend.
        sentence: Name of the sentence.
        path: The speech.
    """

    pair: Pair
    sentence: str
    path: Path


def score_speech(
    sentences: Sequence[ReferenceSpec],
    device: Device,
    artifacts: Mapping[Pair, Artifact],
    journal: Journal,
    show: Show,
    *,
    where: str,
) -> None:
    """Have every artifact say every sentence once, score what it says, and write that down.

    Args:
        sentences: The quality suite, as fp32 eager says it.
        device: Speaks.
        artifacts: By scheme and backend.
        journal: Where to; what it has already is not done again.
        show: Is told of progress.
        where: Scorers run, as `scoring_workers` takes it.
    """
    for start in range(0, len(sentences), REFERENCES_AT_ONCE):
        show(Progress("reference", start, len(sentences)))
        build_references(sentences[start : start + REFERENCES_AT_ONCE])
    show(Progress("reference", len(sentences), len(sentences)))
    spoken = list(speak(sentences, device, artifacts, journal, show))
    clips = [fp32_clip(sentence) for sentence in sentences]
    of_fp32 = {clip.sentence: clip for clip in clips}
    clips += [clip_of(one, of_fp32[one.sentence]) for one in spoken]
    judges = {name: metric.judge for name, metric in METRICS.items() if metric.judge is not None}
    with scoring_workers(where) as executor:
        said = judge(
            clips, judges, executor, lambda done, total: show(Progress("score", done, total))
        )
    fp32 = dict(zip(of_fp32, said.scores[: len(of_fp32)], strict=True))
    for one, scores in zip(spoken, said.scores[len(of_fp32) :], strict=True):
        entry = {
            "pair": pair_fields(one.pair),
            "sentence": one.sentence,
            "scores": as_lists(scores),
            "fp32": as_lists(fp32[one.sentence]),
        }
        journal.append("scored", entry)
    for name, reason in said.reasons.items():
        journal.append("unscored", {"metric": name, "reason": reason})


def speak(
    sentences: Sequence[ReferenceSpec],
    device: Device,
    artifacts: Mapping[Pair, Artifact],
    journal: Journal,
    show: Show,
) -> Iterator[Spoken]:
    """Say every sentence that the journal does not have yet, and yield all that were said."""
    kept = {
        (*entry["pair"].values(), entry["sentence"]): entry["audio"]
        for entry in journal.entries()
        if entry["kind"] == "spoken"
    }
    total = len(artifacts) * len(sentences)
    for number, (pair, artifact) in enumerate(artifacts.items()):
        for place, sentence in enumerate(sentences, 1):
            name = sentence.utterance.name
            audio = kept.get((*pair, name), "")
            if not (audio and (journal.files.parent / audio).is_file()):
                audio = say(pair, sentence, artifact, device, journal)
            if audio:
                yield Spoken(pair, name, journal.files.parent / audio)
            done = number * len(sentences) + place
            show(Progress("speak", done, total, f"{' x '.join(pair)} · {name}"))


def say(
    pair: Pair, sentence: ReferenceSpec, artifact: Artifact, device: Device, journal: Journal
) -> str:
    """Have one artifact say one sentence; returns its file, or nothing where that failed."""
    job = Job(artifact.pte, artifact.manifest.limits, read_reference(sentence).request)
    try:
        artifact.check()
        repeat = device.measure(job, ONCE)
    except DeviceUnavailableError:
        raise
    except HarnessError as error:
        reason = f"{sentence.utterance.name} could not be said: {error}"
        journal.append(
            "unscored", {"pair": pair_fields(pair), "metric": "speech", "reason": reason}
        )
        return ""
    path = journal.files / "quality" / f"{'-'.join(pair)}-{sentence.utterance.name}.flac"
    write_audio(path, repeat.waveform)
    audio = path.relative_to(journal.files.parent).as_posix()
    journal.append(
        "spoken",
        {"pair": pair_fields(pair), "sentence": sentence.utterance.name, "audio": audio},
    )
    return audio


def fp32_clip(sentence: ReferenceSpec) -> Clip:
    """Take what fp32 eager says of a sentence."""
    utterance = sentence.utterance
    return Clip(
        utterance.name,
        to_samples(read_reference(sentence).waveform),
        utterance.text,
        utterance.lang or "",
        to_samples(load_prompt(utterance.prompt.path)),
    )


def clip_of(one: Spoken, fp32: Clip) -> Clip:
    """Put what a scheme says of a sentence beside what fp32 says."""
    speech = read_samples(one.path)
    return Clip(one.sentence, speech, fp32.text, fp32.lang, fp32.prompt, reference=fp32.speech)


def pair_fields(pair: Pair) -> dict[str, str]:
    """Name the parts of a pair for the journal."""
    scheme, backend = pair
    return {"scheme": scheme, "backend": backend}


def as_lists(scores: Mapping[str, Score]) -> dict[str, list[float]]:
    """Write scores down for the journal."""
    return {name: [score.value, score.weight] for name, score in scores.items()}
