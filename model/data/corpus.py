"""Speech in shards that training can read at random: the one format of real and synthetic audio.

A corpus is a folder of pairs of files, one pair per shard:

    audio-00007.i16      mono int16 samples at 24 kHz, little-endian, the utterances end to end
    items-00007.jsonl    one JSON object per utterance, in the same order: `Utterance`'s fields

The items file is written last, so a shard without one does not exist and is made again. Audio is
only ever memory-mapped. Every utterance's length is a whole number of codec frames.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.config import HOP_LENGTH, SAMPLE_RATE_HZ
from model.errors import InputError
from model.files import write_whole

Samples = npt.NDArray[np.int16]

SPLITS = ("train", "valid", "test", "prompt")
"""`test` and `prompt` hold speakers, and `test` and `valid` sentences, that are not in `train`."""

_ITEMS = re.compile(r"items-(\d{5})\.jsonl")


@dataclass(frozen=True)
class Utterance:
    """One stretch of one speaker's speech.

    Attributes:
        name: Unique within the corpus.
        speaker: Unique over all corpora.
        lang: ISO 639-1.
        split: One of `SPLITS`.
        text: What is said; empty where the package does not tell.
        source: The package or packages it comes from.
        licence: SPDX name.
        n_samples: Length N at 24 kHz.
        sha256: Of the samples as they are stored.
        phonemes: Tokens of the inventory; empty for recordings.
        durations: Codec frames of each phoneme; they sum to N / 320.
    """

    name: str
    speaker: str
    lang: str
    split: str
    text: str
    source: str
    licence: str
    n_samples: int
    sha256: str
    phonemes: tuple[str, ...] = ()
    durations: tuple[int, ...] = ()

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.n_samples / SAMPLE_RATE_HZ

    @property
    def n_frames(self) -> int:
        """Length T in codec frames."""
        return self.n_samples // HOP_LENGTH


def digest(audio: Samples) -> str:
    """Return the SHA-256 of samples as they are stored."""
    return hashlib.sha256(audio.astype("<i2", copy=False).tobytes()).hexdigest()


def to_int16(audio: npt.NDArray[np.floating[Any]]) -> Samples:
    """Return float samples (N,) in -1 to 1 as int16, cut to whole codec frames."""
    whole = audio[: audio.shape[0] // HOP_LENGTH * HOP_LENGTH]
    samples: Samples = np.round(np.clip(whole, -1.0, 1.0) * 32767.0).astype(np.int16)
    return samples


def write_shard(folder: Path, shard: int, utterances: Sequence[tuple[Utterance, Samples]]) -> None:
    """Write one shard so that it is there whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    audio_path, items_path = _paths(folder, shard)
    audio = [samples.astype("<i2", copy=False).tobytes() for _, samples in utterances]
    lines = [json.dumps(dataclasses.asdict(item), ensure_ascii=False) for item, _ in utterances]
    write_whole(audio_path, b"".join(audio))
    write_whole(items_path, "".join(line + "\n" for line in lines).encode())


def finished_shards(folder: Path) -> set[int]:
    """Return the numbers of the shards that are complete."""
    names = (path.name for path in folder.glob("items-*.jsonl"))
    return {int(match.group(1)) for name in names if (match := _ITEMS.fullmatch(name))}


@dataclass(frozen=True)
class AudioShards:
    """The utterances of a corpus and their samples, of which none is read before it is asked for.

    Attributes:
        items: In the order of the shards, which is the order to take a prefix in.
    """

    items: tuple[Utterance, ...]
    _audio: tuple[Samples, ...] = field(repr=False)

    @classmethod
    def open(cls, *folders: Path | str) -> "AudioShards":
        """Open one corpus, or several as one.

        Raises:
            InputError: A folder holds no shards, or an audio file is shorter than its items say.
        """
        items: list[Utterance] = []
        audio: list[Samples] = []
        for folder in map(Path, folders):
            shards = sorted(finished_shards(folder))
            if not shards:
                raise InputError(f"{folder} holds no corpus; run `bench data build` first.")
            for shard in shards:
                for item, samples in _read_shard(folder, shard):
                    items.append(item)
                    audio.append(samples)
        return cls(tuple(items), tuple(audio))

    def __len__(self) -> int:
        return len(self.items)

    def audio(self, index: int) -> Samples:
        """Return the samples (N,) int16 of one utterance, a view of the memory map."""
        return self._audio[index]

    def select(self, keep: Callable[[Utterance], bool]) -> "AudioShards":
        """Return the utterances that `keep` is true for, in the same order."""
        kept = [index for index, item in enumerate(self.items) if keep(item)]
        return AudioShards(
            tuple(self.items[index] for index in kept), tuple(self._audio[index] for index in kept)
        )

    @property
    def seconds(self) -> float:
        """Length of all utterances together."""
        return sum(item.seconds for item in self.items)


def read_items(folder: Path) -> Iterator[Utterance]:
    """Yield the utterances of the finished shards without touching their audio."""
    for shard in sorted(finished_shards(folder)):
        yield from _parse(_paths(folder, shard)[1])


def _read_shard(folder: Path, shard: int) -> Iterable[tuple[Utterance, Samples]]:
    audio_path, items_path = _paths(folder, shard)
    items = list(_parse(items_path))
    n_samples = sum(item.n_samples for item in items)
    if not audio_path.is_file() or audio_path.stat().st_size != 2 * n_samples:
        raise InputError(f"{audio_path} is not what {items_path.name} describes; delete both.")
    samples = np.memmap(audio_path, dtype="<i2", mode="r", shape=(n_samples,))
    start = 0
    for item in items:
        yield item, samples[start : start + item.n_samples]
        start += item.n_samples


def _parse(path: Path) -> Iterator[Utterance]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            fields = json.loads(line)
            fields["phonemes"] = tuple(fields["phonemes"])
            fields["durations"] = tuple(fields["durations"])
            yield Utterance(**fields)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}, line {number} is not an utterance: {error}") from None


def _paths(folder: Path, shard: int) -> tuple[Path, Path]:
    return folder / f"audio-{shard:05d}.i16", folder / f"items-{shard:05d}.jsonl"
