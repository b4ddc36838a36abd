"""What a corpus holds: hours, speakers, licences and the hashes that tell it from any other."""

import dataclasses
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.data.corpus import AudioShards, Utterance, digest, read_items
from model.files import write_whole

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """Sums over the finished shards of one corpus.

    Attributes:
        utterances: How many there are.
        hours: Of all of them.
        sha256: Of the utterances' hashes in order: the identity of the audio.
        hours_by_split: Rounded to a thousandth, like all that follow.
        hours_by_lang: By ISO 639-1.
        hours_by_source: By package.
        hours_by_licence: By SPDX name.
        hours_by_speaker: Most first.
        unheard_speakers: Those that are in no training utterance.
    """

    utterances: int
    hours: float
    sha256: str
    hours_by_split: dict[str, float]
    hours_by_lang: dict[str, float]
    hours_by_source: dict[str, float]
    hours_by_licence: dict[str, float]
    hours_by_speaker: dict[str, float]
    unheard_speakers: tuple[str, ...]


def summarize(folder: Path) -> Manifest:
    """Return the manifest of the shards that are finished, without reading their audio."""
    items = list(read_items(folder))
    heard = {item.speaker for item in items if item.split == "train"}
    hashes = "".join(item.sha256 for item in items)
    return Manifest(
        utterances=len(items),
        hours=round(sum(item.seconds for item in items) / 3600, 3),
        sha256=hashlib.sha256(hashes.encode()).hexdigest(),
        hours_by_split=_hours(items, lambda item: item.split),
        hours_by_lang=_hours(items, lambda item: item.lang),
        hours_by_source=_hours(items, lambda item: item.source),
        hours_by_licence=_hours(items, lambda item: item.licence),
        hours_by_speaker=_hours(items, lambda item: item.speaker),
        unheard_speakers=tuple(sorted({item.speaker for item in items} - heard)),
    )


def write_manifest(folder: Path) -> Manifest:
    """Write the manifest into the corpus and return it."""
    manifest = summarize(folder)
    text = json.dumps(dataclasses.asdict(manifest), indent=2, ensure_ascii=False)
    write_whole(folder / MANIFEST_NAME, text + "\n")
    return manifest


def damaged(folder: Path) -> tuple[str, ...]:
    """Return the names of utterances whose samples are not those that were written.

    Raises:
        InputError: There is no corpus, or a file is too short.
    """
    shards = AudioShards.open(folder)
    return tuple(
        item.name
        for index, item in enumerate(shards.items)
        if digest(shards.audio(index)) != item.sha256
    )


def _hours(items: list[Utterance], key: Callable[[Utterance], str]) -> dict[str, float]:
    seconds: defaultdict[str, float] = defaultdict(float)
    for item in items:
        seconds[key(item)] += item.seconds
    ranked = sorted(seconds.items(), key=lambda pair: (-pair[1], pair[0]))
    return {name: round(total / 3600, 3) for name, total in ranked}
