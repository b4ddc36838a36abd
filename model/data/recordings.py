"""Real speech out of Debian's sound packages: telephone prompts, a game's actors, audiobooks.

Twenty recordings are for tests alone and are named here; the rest trains the codec. The fifteen
studio prompts among them are the first, in the order of their names' SHA-256, of those that are
one to three whole sentences of 10 to 24 words, letters and sentence marks only.
"""

import gzip
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.config import SAMPLE_RATE_HZ
from model.data.assets import assets, unpacked
from model.data.corpus import (
    Samples,
    Utterance,
    digest,
    finished_shards,
    to_int16,
    write_shard,
)
from model.folders import cache_folder

PROMPT_LANGUAGES = ("en", "es", "fr", "it", "ru")
GAME_LANGUAGES = ("cs", "nl")

TEST_PROMPTS = (
    "vm-tmpexists",
    "priv-introsaved",
    "pbx-invalid",
    "agent-incorrect",
    "vm-newpassword",
    "vm-rec-busy",
    "vm-invalid-password",
    "tt-allbusy",
    "pbx-invalidpark",
    "conf-getchannel",
    "privacy-prompt",
    "demo-thanks",
    "conf-getconfno",
    "entr-num-rmv-blklist",
    "vm-record-prepend",
)
TEST_SENTENCES = tuple(
    f"sense_and_sensibility_01_austen_64kb-0{number}" for number in (870, 880, 890, 920, 930)
)
_TESTS = frozenset(
    [*(f"asterisk-en/{n}" for n in TEST_PROMPTS), *(f"librivox/{n}" for n in TEST_SENTENCES)]
)

_G722_RATE_HZ = 16_000
_SHARD_SIZE = 512
_SHORTEST_S = 0.3
_QUIETEST = 0.003  # root mean square; silence and noise prompts are below
_NO_SPEECH = re.compile(r"(?:^|/)(?:silence|beep|ascending-2tone|descending-2tone|tt-monkeys)")
_DIALOGUE = re.compile(
    r'dialogId\("([^"]+)",\s*"([^"]*)",\s*"(?:[^"\\]|\\.)*"\)\s*dialogStr\("((?:[^"\\]|\\.)*)"\)'
)


@dataclass(frozen=True)
class Recording:
    """A recording where its package left it.

    Attributes:
        path: The audio file.
        name: Unique over all packages.
        speaker: As in `Utterance`.
        lang: ISO 639-1.
        text: What is said, or nothing.
        package: Where it comes from.
        rate_hz: Sample rate of headerless audio, which is G.722 where the file says so and
            little-endian int16 elsewhere; 0 where the file's header tells.
    """

    path: Path
    name: str
    speaker: str
    lang: str
    text: str
    package: str
    rate_hz: int = 0


def recordings_folder() -> Path:
    """Return the folder of the corpus of real speech."""
    return cache_folder() / "recordings"


def build_recordings(*, progress: Callable[[str], None] = lambda line: None) -> None:
    """Decode every recording to 24 kHz and write the shards that are not there yet."""
    found = sorted(without_repeats_of_tests(list(list_recordings())), key=_order)
    folder = recordings_folder()
    finished = finished_shards(folder)
    shards = [found[start : start + _SHARD_SIZE] for start in range(0, len(found), _SHARD_SIZE)]
    for shard, members in enumerate(shards):
        if shard not in finished:
            progress(f"recordings: shard {shard + 1} of {len(shards)}")
            write_shard(folder, shard, [made for one in members if (made := _utterance(one))])


def list_recordings() -> Iterator[Recording]:
    """Yield every recording of the fetched packages."""
    for lang in PROMPT_LANGUAGES:
        yield from _studio_prompts(lang)
    for lang in GAME_LANGUAGES:
        yield from _game_dialogues(lang)
    yield from _read_sentences()


def split_of(recording: Recording) -> str:
    """Return `test` for the twenty named recordings, else `train`."""
    return "test" if recording.name in _TESTS else "train"


def without_repeats_of_tests(recordings: Sequence[Recording]) -> list[Recording]:
    """Leave out what says the same as a test, which may be the same take under another name."""
    said = {_plain(r.text) for r in recordings if split_of(r) == "test"}
    return [r for r in recordings if split_of(r) == "test" or _plain(r.text) not in said]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _studio_prompts(lang: str) -> Iterator[Recording]:
    package = f"asterisk-core-sounds-{lang}-g722"
    documents = unpacked(f"asterisk-core-sounds-{lang}") / "usr/share/doc"
    texts: dict[str, str] = {}
    for listing in documents.rglob("core-sounds-*.txt.gz"):
        for line in gzip.decompress(listing.read_bytes()).decode("utf-8", "replace").splitlines():
            name, colon, text = line.partition(":")
            if colon and not line.startswith(";"):
                texts[name.strip()] = text.strip()
    for path in sorted((unpacked(package) / "usr/share/asterisk/sounds").rglob("*.g722")):
        speaker_folder = next(p for p in path.parents if p.parent.name == "sounds")
        name = path.relative_to(speaker_folder).with_suffix("").as_posix()
        if not _NO_SPEECH.search(name):
            yield Recording(
                path, f"asterisk-{lang}/{name}", f"asterisk-{lang}", lang, texts.get(name, ""),
                package, _G722_RATE_HZ,
            )  # fmt: skip


def _game_dialogues(lang: str) -> Iterator[Recording]:
    package = f"fillets-ng-data-{lang}"
    lines: dict[str, tuple[str, str]] = {}
    scripts = unpacked("fillets-ng-data") / "usr/share/games/fillets-ng/script"
    for script in sorted(scripts.rglob(f"dialogs_{lang}.lua")):
        for name, font, text in _DIALOGUE.findall(script.read_text(encoding="utf-8")):
            lines[name] = (font.removeprefix("font_") or "unknown", text.replace('\\"', '"'))
    sounds = unpacked(package) / "usr/share/games/fillets-ng/sound"
    for path in sorted(sounds.rglob("*.ogg")):
        actor, text = lines.get(path.stem, ("unknown", ""))
        name = path.relative_to(sounds).with_suffix("").as_posix()
        yield Recording(
            path, f"fillets-{lang}/{name}", f"fillets-{lang}-{actor}", lang, text, package
        )


def _read_sentences() -> Iterator[Recording]:
    package = "pocketsphinx-testdata"
    data = unpacked(package) / "usr/share/pocketsphinx/test/data"
    for folder, speaker, transcript in (
        ("librivox", "librivox-austen", "transcription"),
        ("cards", "cmu-cards", "cards.transcription"),
    ):
        texts = {}
        for line in (data / folder / transcript).read_text(encoding="utf-8").splitlines():
            if match := re.fullmatch(r"(?:<s>)?(.*?)(?:</s>)?\s*\((\S+)\)\s*", line.strip()):
                texts[match.group(2)] = match.group(1).strip().lower()
        for path in sorted((data / folder).glob("*.wav")):
            yield Recording(
                path, f"{folder}/{path.stem}", speaker, "en", texts.get(path.stem, ""), package
            )


def _order(recording: Recording) -> tuple[bool, str]:
    """Tests first, then all packages mixed, so that a part of the corpus is like the whole."""
    mixed = hashlib.sha256(recording.name.encode()).hexdigest()
    return split_of(recording) != "test", mixed


def _utterance(recording: Recording) -> tuple[Utterance, Samples] | None:
    """Return the decoded recording, or None where there is hardly anything to hear in it."""
    audio = _decode(recording)
    if audio.size < _SHORTEST_S * SAMPLE_RATE_HZ or np.sqrt(np.mean(audio**2)) < _QUIETEST:
        return None
    samples = to_int16(audio)
    return Utterance(
        name=recording.name,
        speaker=recording.speaker,
        lang=recording.lang,
        split=split_of(recording),
        text=recording.text,
        source=recording.package,
        licence=assets()[recording.package].licence,
        n_samples=samples.size,
        sha256=digest(samples),
    ), samples


def _decode(recording: Recording) -> npt.NDArray[np.float32]:
    """Return a recording as float samples (N,) at 24 kHz."""
    import soundfile
    import soxr

    rate_hz: int = recording.rate_hz
    audio: npt.NDArray[Any]
    if rate_hz:
        from G722 import G722

        decoded = G722(rate_hz, 64_000).decode(recording.path.read_bytes())
        audio = np.asarray(decoded, dtype=np.float32) / 32768.0
    else:
        audio, rate_hz = soundfile.read(recording.path, dtype="float32", always_2d=True)
        audio = audio.mean(axis=1)
    resampled = soxr.resample(audio, rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
    return np.asarray(resampled, dtype=np.float32)
