"""What `speech_quality.py` tells: systems summarised over sentences, as markdown and JSON."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from speech_systems import EAGER, System, Systems

from bench.metrics import METRICS
from bench.quality.clips import Look, Score, Unscored
from bench.quality.engine import observe
from bench.quality.packages import not_installed
from bench.quality.scorers import SCORERS
from bench.quality.suite import Recorded
from bench.quality.verification import EqualError, equal_error, recognised
from bench.results import Measurement
from bench.stats import summarize
from model.data.corpus import Samples
from reports.markdown import table
from reports.units import interval, scale_for

VERIFIER = "campplus"
DAMAGED = ("wer", "similarity", "distillmos")  # whose difference to fp32 eager is told

Scores = dict[str, dict[str, Mapping[str, Score]]]  # by system, sentence and metric
Voices = dict[str, dict[str, np.ndarray]]  # by system and sentence


@dataclass(frozen=True)
class Verification:
    """What a verifier needs: where it draws the line, and the voices that it knows.

    Attributes:
        error: Over all recordings of the test speakers.
        enrolled: (D,) per speaker, of the prompt.
        resynthesised: The same of the prompt through the codec.
        relatives: Per speaker those that share a voice with it, see `relatives`.
    """

    error: EqualError
    enrolled: Mapping[str, np.ndarray]
    resynthesised: Mapping[str, np.ndarray]
    relatives: Mapping[str, frozenset[str]]


def embed(looks: Sequence[Look], executor: Executor) -> list[np.ndarray | None]:
    """Embed voices; none where the verifier is not installed or finds no voice."""
    if not_installed(SCORERS[VERIFIER].packages):
        return [None] * len(looks)
    answers = observe(looks, executor, lambda done, total: None)
    return [None if isinstance(one, Unscored) else np.asarray(one) for one in answers]


def verify(
    items: Sequence[Recorded],
    executor: Executor,
    resynthesise: Callable[[Samples], Samples],
    relatives: Mapping[str, frozenset[str]],
) -> Verification | None:
    """Set the verifier up with the recordings and prompts of all test speakers.

    Args:
        items: The whole test set.
        executor: Where scorers run.
        resynthesise: Takes speech through the codec.
        relatives: Per speaker those that share a voice with it.
    """
    prompts = {item.speaker: item.prompt for item in items}
    said = [item.recording for item in items] + list(prompts.values())
    said += [resynthesise(prompt) for prompt in prompts.values()]
    voices = embed([Look(VERIFIER, samples) for samples in said], executor)
    known = [voice for voice in voices if voice is not None]
    if len(known) < len(said):
        return None
    recorded = len(items) + len(prompts)
    speakers = [*(item.speaker for item in items), *prompts]
    return Verification(
        equal_error(np.stack(known[:recorded]), speakers, relatives),
        dict(zip(prompts, known[len(items) : recorded], strict=True)),
        dict(zip(prompts, known[recorded:], strict=True)),
        relatives,
    )


@dataclass(frozen=True, eq=False)
class Result:
    """Everything there is to tell so far.

    Attributes:
        items: Sentences.
        systems: What was compared.
        schedules: Other decoding schedules of fp32 eager.
        scores: Of all of them.
        voices: Embeddings by system and sentence.
        verification: None without a verifier.
    """

    items: Sequence[Recorded]
    systems: Sequence[System]
    schedules: Sequence[System]
    scores: Scores
    voices: Mapping[str, Mapping[str, np.ndarray]]
    verification: Verification | None

    def measure(self, system: System) -> dict[str, Measurement]:
        """Summarise a system over the sentences that it said."""
        of_system = self.scores.get(system.name, {})
        found = {}
        for name, metric in METRICS.items():
            scores = [one[name] for one in of_system.values() if name in one]
            if metric.judge and scores:
                values, weights = zip(*((s.value, s.weight) for s in scores), strict=True)
                found[name] = summarize(values, metric.unit, weights)
        for name, values in self.verified(system).items():
            if values:
                unit = "cosine" if name == "similarity_r" else "share"
                found[name] = summarize(values, unit, [1.0] * len(values))
        return found

    def verified(self, system: System) -> dict[str, list[float]]:
        """Tell per sentence what the verifier says of the voice; `COLUMNS` has the words for it."""
        known = self.verification
        if known is None:
            return {}
        voices = self.voices.get(system.name, {})
        found: defaultdict[str, list[float]] = defaultdict(list)
        for item in self.items:
            voice = voices.get(item.utterance.name)
            if voice is None:
                continue
            who = item.speaker
            cosine = float(voice @ known.enrolled[who])
            others = known.enrolled, known.relatives
            found["nearest"].append(recognised(voice, who, known.enrolled))
            found["nearest_stranger"].append(recognised(voice, who, *others))
            found["accepted"].append(cosine >= known.error.threshold)
            found["similarity_r"].append(float(voice @ known.resynthesised[who]))
            found["nearest_r"].append(recognised(voice, who, known.resynthesised, known.relatives))
        return dict(found)

    def damage(self, system: System) -> dict[str, Measurement]:
        """Compare a system with fp32 eager, sentence by sentence."""
        own, eager = self.scores.get(system.name, {}), self.scores.get(EAGER, {})
        found = {}
        for name in DAMAGED:
            pairs = [
                (own[sentence][name], eager[sentence][name])
                for sentence in own
                if name in own[sentence] and name in eager.get(sentence, {})
            ]
            if pairs:
                differences = [one.value - other.value for one, other in pairs]
                weights = [one.weight for one, _ in pairs]
                found[name] = summarize(differences, METRICS[name].unit, weights)
        return found

    def speaking(self, system: System) -> dict[str, Any]:
        """Tell how many sentences it could not say, and what speaking costs."""
        facts = [
            system.facts(item)
            for item in self.items
            if system.path(item).with_suffix(".json").is_file()
        ]
        spoken = [item for item in self.items if system.path(item).is_file()]
        seconds = sum(
            len(samples) for item in spoken if (samples := system.spoken(item)) is not None
        )
        cpu_s = sum(fact.get("cpu_s", 0.0) for fact in facts)
        return {
            "sentences": len(spoken),
            "problems": [fact["problem"] for fact in facts if fact["problem"]],
            "cpu_s_per_s": cpu_s / (seconds / 24_000) if seconds else None,
        }


COLUMNS = {
    "wer": "WER %",
    "cer": "CER %",
    "similarity": "similarity",
    "accepted": "accepted %",
    "nearest": "nearest %",
    "nearest_stranger": "nearest of strangers %",
    "similarity_r": "SIM-R",
    "nearest_r": "nearest by SIM-R %",
    "distillmos": "DistillMOS",
    "dnsmos_ovrl": "DNSMOS",
    "pesq_wb": "PESQ-WB",
    "stoi": "STOI %",
}


LEGEND = """In brackets 95 % bootstrap intervals over sentences. Nearest: nearer to its speaker's
prompt than to every other speaker's; of strangers: than to those that share no voice with it, since
some speakers are blends of others. SIM-R and nearest by SIM-R (of strangers): the same against the
prompts after the codec. PESQ-WB and STOI: codec against recording, a .pte against fp32 eager where
both are as long."""


def write(folder: Path, made: Systems, result: Result, reasons: Mapping[str, str]) -> None:
    """Write the tables as markdown and as JSON, with every sentence's scores."""
    everything = [*result.systems, *result.schedules]
    document = {
        "model": made.identity,
        "trained": made.trained,
        "temperature": made.temperature,
        "sentences": [
            {"name": item.utterance.name, "text": item.utterance.text, "speaker": item.speaker}
            for item in result.items
        ],
        "speakers": len({item.speaker for item in result.items}),
        "equal_error": asdict(result.verification.error) if result.verification else None,
        "not_scored": dict(reasons),
        "systems": {
            system.name: {
                "passes": system.passes,
                **result.speaking(system),
                "metrics": {name: asdict(m) for name, m in result.measure(system).items()},
                "damage": {name: asdict(m) for name, m in result.damage(system).items()},
            }
            for system in everything
        },
    }
    (folder / "speech_quality.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / "speech_quality.md").write_text(markdown(document, result), encoding="utf-8")


def markdown(document: Mapping[str, Any], result: Result) -> str:
    """Write the tables."""
    untrained = "" if document["trained"] else " **The model is untrained: this is noise.**"
    error = document["equal_error"]
    lines = [
        f"{len(result.items)} held-out sentences, {document['speakers']} unseen speakers; model "
        f"{document['model']['name']} {document['model']['weights'][:12]}.{untrained}",
        quality_table(result, result.systems, ()),
        LEGEND,
    ]
    if error:
        lines.append(
            f"Accepted: cosine of at least {error['threshold']:.3f}, where CAM++ has its equal "
            f"error rate of {100 * error['rate']:.1f} % on the test speakers' own recordings "
            f"({error['same']} pairs of one speaker, {error['different']} of strangers)."
        )
    lines += damage_section(result)
    if any(system.name in result.scores for system in result.schedules):
        lines += ["## Passes", quality_table(result, result.schedules, ("passes", "CPU s per s"))]
    lines += [f"- {name}: {reason}" for name, reason in document["not_scored"].items()]
    return "\n\n".join(lines) + "\n"


def quality_table(result: Result, systems: Sequence[System], more: Sequence[str]) -> str:
    """Put one system on each line."""
    measured = [(system, result.measure(system), result.speaking(system)) for system in systems]
    shown = [name for name in COLUMNS if any(name in found for _, found, _ in measured)]
    lines = []
    for system, found, speaking in measured:
        cost = speaking["cpu_s_per_s"]
        facts = [str(system.passes), f"{cost:.3f}" if cost else ""] if more else []
        said = f"{speaking['sentences']}" + (
            f" ({len(speaking['problems'])} failed)" if speaking["problems"] else ""
        )
        cells = [cell(found[name]) if name in found else "" for name in shown]
        lines.append([system.name, *facts, said, *cells])
    titles = ["system", *more, "sentences", *(COLUMNS[name] for name in shown)]
    return table(titles, 1, lines)


def damage_section(result: Result) -> list[str]:
    """Put the difference of every .pte to fp32 eager on one line."""
    lines = []
    for system in result.systems:
        found = result.damage(system) if system.beside == EAGER else {}
        if found:
            cells = [cell(found[name]) if name in found else "" for name in DAMAGED]
            lines.append([system.name, *cells])
    titles = ["against fp32 eager", *(f"Δ {COLUMNS[name]}" for name in DAMAGED)]
    return ["## Damage", table(titles, 1, lines)] if lines else []


def cell(found: Measurement) -> str:
    """Write a mean with its interval."""
    scale = scale_for([found.median], found.unit)
    spread = interval(found, scale)
    return f"{scale.number(found.median)} ({spread})" if spread else scale.number(found.median)
