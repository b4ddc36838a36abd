"""The voices of the synthetic corpus, and blends of them as further speakers.

A Kokoro voice is 510 style vectors of 256 numbers, one for each length of input in symbols. They
are close to linear, so a weighted mean of some voices is a voice too, and none of them. A mean is
more average than what it is made of, so most speakers of training are mixtures: blends, moved away
from the mean of their sex until they are as far from it as voices are. Voices that are held out are
blended only among themselves: nothing of an unseen speaker is in training.
"""

import functools
import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.data.assets import unpacked
from model.errors import ConfigError

_SEED = 82
N_TRAINING_BLENDS = 60
N_UNSEEN_BLENDS = 10
N_MIXTURES = 500
_SPREAD = (1.0, 1.8)  # of mixtures; 1.5 makes up for blending three voices

# Kokoro's names: language or accent, sex, name.
_US_FEMALE = "alloy aoede bella heart jessica kore nicole nova river sarah sky"
_US_MALE = "adam echo eric fenrir liam michael onyx puck santa"
_UK_FEMALE = "alice emma isabella lily"
_UK_MALE = "daniel fable george lewis"
_MANDARIN_FEMALE = "xiaobei xiaoni xiaoxiao xiaoyi"
_MANDARIN_MALE = "yunjian yunxi yunxia yunyang"

UNSEEN_VOICES = frozenset(
    ("af_heart", "af_nova", "am_michael", "am_liam", "bf_emma", "bf_alice", "bm_george",
     "bm_daniel", "zf_xiaoxiao", "zm_yunxi")
)  # fmt: skip
"""Never in training, in no blend that is."""


@dataclass(frozen=True)
class Speaker:
    """A voice of Kokoro, or a blend.

    Attributes:
        name: Unique; a voice's own, or `blend-` or `mixture-` and a number.
        lang: ISO 639-1 of what it speaks.
        unseen: Whether it is kept out of training.
        recipe: Voices and their weights, which sum to one; those of mixtures may be negative.
    """

    name: str
    lang: str
    unseen: bool
    recipe: tuple[tuple[str, float], ...]


@functools.cache
def speakers() -> tuple[Speaker, ...]:
    """Return every speaker: 28 English and 8 Mandarin voices, 70 English blends, 500 mixtures."""
    groups = {
        "af": _US_FEMALE, "am": _US_MALE, "bf": _UK_FEMALE, "bm": _UK_MALE,
        "zf": _MANDARIN_FEMALE, "zm": _MANDARIN_MALE,
    }  # fmt: skip
    voices = [f"{group}_{name}" for group, names in groups.items() for name in names.split()]
    single = [
        Speaker(voice, "zh" if voice[0] == "z" else "en", voice in UNSEEN_VOICES, ((voice, 1.0),))
        for voice in voices
    ]
    english = [speaker for speaker in single if speaker.lang == "en"]
    generator = random.Random(_SEED)
    blends = [
        _blend(f"blend-{number:02d}", english, number >= N_TRAINING_BLENDS, generator)
        for number in range(N_TRAINING_BLENDS + N_UNSEEN_BLENDS)
    ]
    generator = random.Random(_SEED + 1)
    mixtures = [_mixture(f"mixture-{n:03d}", english, generator) for n in range(N_MIXTURES)]
    return (*single, *blends, *mixtures)


def _blend(name: str, voices: list[Speaker], unseen: bool, generator: random.Random) -> Speaker:
    """Mix two or three voices of one sex: across the sexes most blends sound like neither."""
    sex = generator.choice("fm")
    pool = [v.name for v in voices if v.unseen == unseen and v.name[1] == sex]
    chosen = generator.sample(pool, generator.choice((2, 3)))
    raw = [generator.gammavariate(2.0, 1.0) for _ in chosen]
    weights = [round(weight / sum(raw), 6) for weight in raw]
    return Speaker(name, "en", unseen, tuple(zip(chosen, weights, strict=True)))


def _mixture(name: str, voices: list[Speaker], generator: random.Random) -> Speaker:
    """Blend voices of training, and move the blend away from the mean of their sex."""
    blend = _blend(name, voices, False, generator)
    spread = generator.uniform(*_SPREAD)
    sex = blend.recipe[0][0][1]
    pool = [v.name for v in voices if not v.unseen and v.name[1] == sex]
    weights = dict.fromkeys(pool, (1 - spread) / len(pool))
    for voice, weight in blend.recipe:
        weights[voice] += spread * weight
    recipe = tuple((voice, round(weight, 6)) for voice, weight in weights.items())
    return Speaker(name, "en", False, recipe)


def speaker_named(name: str) -> Speaker:
    """Return the speaker of a name.

    Raises:
        ConfigError: There is none.
    """
    for speaker in speakers():
        if speaker.name == name:
            return speaker
    raise ConfigError(f"there is no speaker {name!r}; model/data/speakers.py lists them.")


def style_vectors(speaker: Speaker) -> npt.NDArray[np.float32]:
    """Return the style vectors (510, 256) of a speaker."""
    voices = unpacked("kokoro-js") / "package/voices"
    mixed = sum(
        weight * np.fromfile(voices / f"{voice}.bin", dtype="<f4").reshape(-1, 256)
        for voice, weight in speaker.recipe
    )
    return np.asarray(mixed, dtype=np.float32)
