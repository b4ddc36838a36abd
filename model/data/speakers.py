"""The voices of the synthetic corpus, blends of them, and strangers made of them.

A Kokoro voice is 510 style vectors of 256 numbers, one for each length of input in symbols. They
are close to linear, so a weighted mean of some voices is a voice too, and none of them. The voices
it has for other languages speak English as clearly as the English ones. However voices are mixed,
mixtures lie between them; a stranger's style is moved away at random as well, and Kokoro still
speaks it plainly, in a voice that a verifier takes for nobody's it was made of. Voices that are
held out are blended only among themselves: nothing of an unseen speaker is in training.
"""

import dataclasses
import functools
import hashlib
import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.data.assets import unpacked
from model.errors import ConfigError

_SEED = 82
N_TRAINING_BLENDS = 60
N_UNSEEN_BLENDS = 10
N_STRANGERS = 2500
_SCATTER = (0.8, 2.0)  # of strangers; from 1 on they are less alike than two voices often are
_PROSODY = 0.5  # share of the scatter that how somebody speaks gets, beside how they sound
_TIMBRE_WIDTH = 128  # numbers of a style vector that the decoder reads; prosody reads the others

# Kokoro's names: language or accent, sex, name.
_US_FEMALE = "alloy aoede bella heart jessica kore nicole nova river sarah sky"
_US_MALE = "adam echo eric fenrir liam michael onyx puck santa"
_UK_FEMALE = "alice emma isabella lily"
_UK_MALE = "daniel fable george lewis"
_OTHER_FEMALE = (
    "ef_dora ff_siwis hf_alpha hf_beta if_sara jf_alpha jf_gongitsune jf_nezumi jf_tebukuro pf_dora"
)
_OTHER_MALE = "em_alex em_santa hm_omega hm_psi im_nicola jm_kumo pm_alex pm_santa"
_MANDARIN_FEMALE = "xiaobei xiaoni xiaoxiao xiaoyi"
_MANDARIN_MALE = "yunjian yunxi yunxia yunyang"

UNSEEN_VOICES = frozenset(
    ("af_heart", "af_nova", "am_michael", "am_liam", "bf_emma", "bf_alice", "bm_george",
     "bm_daniel", "zf_xiaoxiao", "zm_yunxi")
)  # fmt: skip
"""Never in training, in no blend that is."""


@dataclass(frozen=True)
class Speaker:
    """A voice of Kokoro, a blend, or a stranger.

    Attributes:
        name: Unique; a voice's own, with `-en` where a Mandarin one speaks English, or `blend-` or
            `stranger-` and a number.
        lang: ISO 639-1 of what it speaks.
        unseen: Whether it is kept out of training.
        recipe: Voices and their weights, which sum to one.
        scatter: How far its style is moved at random, in standard deviations over voices.
    """

    name: str
    lang: str
    unseen: bool
    recipe: tuple[tuple[str, float], ...]
    scatter: float = 0.0


@functools.cache
def speakers() -> tuple[Speaker, ...]:
    """Return every speaker of both languages: voices, blends and strangers."""
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
    other = [
        Speaker(voice, "en", False, ((voice, 1.0),))
        for voice in (*_OTHER_FEMALE.split(), *_OTHER_MALE.split())
    ]
    mandarin = [
        dataclasses.replace(speaker, name=f"{speaker.name}-en", lang="en")
        for speaker in single
        if speaker.lang == "zh" and not speaker.unseen
    ]
    generator = random.Random(_SEED + 2)
    parents = [*english, *other, *mandarin]
    strangers = [_stranger(f"stranger-{n:04d}", parents, generator) for n in range(N_STRANGERS)]
    return (*single, *other, *mandarin, *blends, *strangers)


def _blend(name: str, voices: list[Speaker], unseen: bool, generator: random.Random) -> Speaker:
    """Mix two or three voices of one sex: across the sexes most blends sound like neither."""
    sex = generator.choice("fm")
    pool = [v.recipe[0][0] for v in voices if v.unseen == unseen and v.name[1] == sex]
    chosen = generator.sample(pool, generator.choice((2, 3)))
    raw = [generator.gammavariate(2.0, 1.0) for _ in chosen]
    weights = [round(weight / sum(raw), 6) for weight in raw]
    return Speaker(name, "en", unseen, tuple(zip(chosen, weights, strict=True)))


def _stranger(name: str, voices: list[Speaker], generator: random.Random) -> Speaker:
    """Blend voices of training, to be moved away from all of them."""
    blend = _blend(name, voices, False, generator)
    return dataclasses.replace(blend, scatter=round(generator.uniform(*_SCATTER), 3))


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
    mixed = sum(weight * _voice(name) for name, weight in speaker.recipe)
    if speaker.scatter:
        seed = int(hashlib.sha256(speaker.name.encode()).hexdigest()[:16], 16)
        direction = np.random.default_rng(seed).standard_normal(2 * _TIMBRE_WIDTH)
        direction[_TIMBRE_WIDTH:] *= _PROSODY
        mixed = mixed + speaker.scatter * _spread_of_voices() * direction
    return np.asarray(mixed, dtype=np.float32)


@functools.cache
def _spread_of_voices() -> npt.NDArray[np.float32]:
    """Return the standard deviations (256,) of style vectors over the voices of training."""
    names = sorted({name for s in speakers() if not s.unseen for name, _ in s.recipe})
    spread = np.stack([_voice(name) for name in names]).std(0).mean(0)
    return np.asarray(spread, dtype=np.float32)


def _voice(name: str) -> npt.NDArray[np.float32]:
    """Read a voice of Kokoro."""
    path = unpacked("kokoro-js") / "package/voices" / f"{name}.bin"
    return np.fromfile(path, dtype="<f4").reshape(-1, 2 * _TIMBRE_WIDTH)
