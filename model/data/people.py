"""Real people for testing: prompts out of packages that no training has heard.

KLettres and KTuberling are games that teach letters and words, each language read by a volunteer.
A reader's short clips are joined to prompts. No text goes with them: what a test asks for is
English sentences in these voices. The LibriVox reader is the one that `model/data/recordings.py`
keeps for tests.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.config import SAMPLE_RATE_HZ
from model.data.assets import unpacked
from model.data.corpus import Samples, to_int16
from model.errors import InputError

KLETTRES, KTUBERLING = "klettres-data", "ktuberling-data"
# Languages whose clips are one person's and last 30 s or more: by CAM++ the two halves of one
# reader's clips have a cosine of at least 0.81, those of two readers one of at most 0.60.
READERS = {
    KLETTRES: (
        *("ar", "cs", "de", "en", "en_GB", "es", "fr", "it", "lt", "ml", "nds", "pt_BR", "ru"),
    ),
    KTUBERLING: ("ca", "da", "de", "el", "en", "gl", "ru", "sl"),
}
LIBRIVOX = "librivox-austen"
CLIP_S = 4.0  # of a prompt, and of each of the other clips
OTHER_CLIPS = 2
GAP_S = 0.1  # between joined clips
LOWEST_RATE_HZ = 22_050
EDGE = 0.02  # of a clip's peak: what is quieter before and after is cut
PEAK = 0.7


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody real whom no training has heard.

    Attributes:
        name: Package and language, or the reader's name.
        lang: Language of the prompt.
        prompt: (N,) samples.
        others: More speech of the same person, none of it in the prompt.
    """

    name: str
    lang: str
    prompt: Samples
    others: tuple[Samples, ...]


def people() -> list[Person]:
    """Make prompts of all readers, always the same ones.

    Raises:
        HarnessError: A package is not in the cache; the message says how to fetch it.
        InputError: A reader has too little speech: the package is another one than was pinned.
    """
    found = [
        person_of(f"{package.removesuffix('-data')}-{lang}", lang, clips_of(package, lang))
        for package, languages in READERS.items()
        for lang in languages
    ]
    return [*found, librivox_reader()]


def clips_of(package: str, lang: str) -> list[Path]:
    """List a reader's clips, in the order of their names' hashes."""
    if package == KLETTRES:
        folders = [unpacked(package) / "usr/share/klettres" / lang]
    else:
        folders = [unpacked(package) / "usr/share/ktuberling/sounds" / lang]
    paths = [
        path for folder in folders for path in folder.rglob("*") if path.suffix in (".ogg", ".wav")
    ]
    return sorted(paths, key=lambda path: hashlib.sha256(path.name.encode()).hexdigest())


def librivox_reader() -> Person:
    """Take the reader whose five sentences are kept for tests, one of them as the prompt."""
    folder = unpacked("pocketsphinx-testdata") / "usr/share/pocketsphinx/test/data/librivox"
    return person_of(LIBRIVOX, "en", sorted(folder.glob("*.wav")), lowest_rate_hz=16_000)


def person_of(
    name: str, lang: str, clips: list[Path], *, lowest_rate_hz: int = LOWEST_RATE_HZ
) -> Person:
    """Join a reader's clips to a prompt and to others, each of at least `CLIP_S` seconds.

    Raises:
        InputError: There are too few.
    """
    usable = spoken(clips, lowest_rate_hz)
    joined = [joined_clips(usable) for _ in range(1 + OTHER_CLIPS)]
    if any(clip is None for clip in joined):
        raise InputError(f"{name} has less than {(1 + OTHER_CLIPS) * CLIP_S:.0f} s of speech")
    prompt, *others = (clip for clip in joined if clip is not None)
    return Person(name, lang, prompt, tuple(others))


def joined_clips(clips: Iterator[npt.NDArray[np.float32]]) -> Samples | None:
    """Join the next clips until there are `CLIP_S` seconds; None where there is not enough."""
    gap = np.zeros(round(GAP_S * SAMPLE_RATE_HZ), np.float32)
    parts: list[npt.NDArray[np.float32]] = []
    for clip in clips:
        parts += [clip, gap]
        if sum(map(len, parts)) >= CLIP_S * SAMPLE_RATE_HZ:
            return to_int16(np.concatenate(parts[:-1]))
    return None


def spoken(clips: list[Path], lowest_rate_hz: int) -> Iterator[npt.NDArray[np.float32]]:
    """Read clips at 24 kHz, without the silence around them and all of one peak."""
    import soundfile
    import soxr

    for path in clips:
        audio, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        loudness = np.abs(audio.mean(axis=1))
        if rate_hz < lowest_rate_hz or not loudness.any():
            continue
        heard = np.flatnonzero(loudness > EDGE * loudness.max())
        cut = audio[heard[0] : heard[-1] + 1].mean(axis=1)
        cut = soxr.resample(cut, rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
        yield np.asarray(cut * (PEAK / np.abs(cut).max()), np.float32)
