"""What is said to be scored: a short built-in suite, and zero-shot test sets.

One of these is the corpus's, of synthetic voices, the other is of real people. All are held out by
text and by voice, and all are fixed: sentences, prompts and seeds.
"""

import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from lowering.cache import cache_root
from model.audio import write_audio
from model.data.corpus import AudioShards, Samples
from model.data.people import OTHER_CLIPS, people
from model.data.speakers import speaker_named
from model.data.synthetic import synthetic_folder
from model.registry import Registry
from model.utterance import Prompt, Utterance, built_in_prompts

BUILT_IN = Path(__file__).with_name("sentences.toml")
FIRST_SEED = 1000


@dataclass(frozen=True, eq=False)
class Recorded:
    """A sentence of the corpus's test set, with what else is known of it.

    Attributes:
        utterance: Text, and a prompt of the same speaker.
        speaker: Who says it; in no training speech.
        recording: (N,) the speaker's own reading, or other speech of the speaker's.
        prompt: (P,) the prompt's samples.
        recorded_text: What is said in the recording; "" where nobody knows.
    """

    utterance: Utterance
    speaker: str
    recording: Samples
    prompt: Samples
    recorded_text: str


def built_in_suite() -> tuple[Utterance, ...]:
    """24 sentences, 4 of them Mandarin, in the voices of the 6 built-in prompts."""
    tables = tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))["sentence"]
    return tuple(
        Utterance(
            table["name"],
            table["text"],
            built_in_prompts()[table["prompt"]],
            table.get("lang", "en"),
            FIRST_SEED + number,
            use="score",
        )
        for number, table in enumerate(tables)
    )


def held_out_suite() -> tuple[Utterance, ...]:
    """The corpus's 100 English test sentences, in the voices of 18 speakers of no training."""
    return tuple(one.utterance for one in held_out("en"))


def real_people_suite() -> tuple[Utterance, ...]:
    """English sentences in the voices of 22 real people of no training."""
    return tuple(one.utterance for one in real_people())


SUITES: Registry[Callable[[], tuple[Utterance, ...]]] = Registry("quality suite")
SUITES.register("built-in")(built_in_suite)
SUITES.register("held-out")(held_out_suite)
SUITES.register("people")(real_people_suite)


def held_out(lang: str) -> list[Recorded]:
    """Read the corpus's test sentences of a language, speakers in turn, each with a prompt.

    The prompt is other speech of the sentence's own speaker, one prompt per speaker.

    Raises:
        InputError: The corpus is not built; the message says how.
    """
    shards = AudioShards.open(synthetic_folder())
    prompts = first_of_each_speaker(shards.select(lambda i: (i.split, i.lang) == ("prompt", lang)))
    tests = shards.select(lambda i: (i.split, i.lang) == ("test", lang) and i.speaker in prompts)
    found = []
    for number, item in enumerate(tests.items):
        name, samples = prompts[item.speaker]
        prompt = Prompt(name, prompt_file(name, samples), lang=lang, speaker=item.speaker)
        utterance = Utterance(item.name, item.text, prompt, lang, FIRST_SEED + number, use="score")
        found.append(Recorded(utterance, item.speaker, tests.audio(number), samples, item.text))
    return found


def real_people() -> list[Recorded]:
    """English sentences in the voices of real people, none of whom any training has heard.

    Everybody says two sentences of the built-in suite, in turn, and all say one before any says
    another. The recordings are other speech of the same person, of which no text is known.

    Raises:
        HarnessError: A package of theirs is not fetched; the message says how.
    """
    texts = [utterance.text for utterance in built_in_suite() if utterance.lang == "en"]
    found: list[Recorded] = []
    known = people()
    for turn in range(OTHER_CLIPS):
        for person in known:
            number = len(found)
            name = f"{person.name}-{turn}"
            prompt = Prompt(
                person.name,
                prompt_file(f"people-{person.name}", person.prompt),
                lang=person.lang,
                speaker=person.name,
            )
            text = texts[number % len(texts)]
            utterance = Utterance(name, text, prompt, "en", FIRST_SEED + number, use="score")
            other = person.others[turn]
            found.append(Recorded(utterance, person.name, other, person.prompt, ""))
    return found


def relatives(names: Collection[str]) -> dict[str, frozenset[str]]:
    """Name for each speaker of the corpus the others that share a voice with it.

    A blend is no other voice than those it is made of, in part: no verifier could say so.
    """
    voices = {name: {voice for voice, _ in speaker_named(name).recipe} for name in names}
    return {
        name: frozenset(other for other in names if other != name and voices[name] & voices[other])
        for name in names
    }


def first_of_each_speaker(shards: AudioShards) -> Mapping[str, tuple[str, Samples]]:
    """Take the name and the samples of each speaker's first utterance."""
    first: dict[str, tuple[str, Samples]] = {}
    for number, item in enumerate(shards.items):
        first.setdefault(item.speaker, (item.name, shards.audio(number)))
    return first


def prompt_file(name: str, samples: Samples) -> Path:
    """Put a prompt of the corpus into the cache as a file, which is what prompts are."""
    path = cache_root() / "quality" / "prompts" / f"{name}.flac"
    if not path.is_file():
        write_audio(path, samples)
    return path
