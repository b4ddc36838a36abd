# ruff: noqa: RUF001 - Chinese punctuation is meant
"""Make the built-in prompts, from voices that training never hears: `python -m model.data.prompts`.

They lie in `model/prompts` as FLAC beside `prompts.toml`, which says for each what is said, by
whom, from where and on what terms, and how many codec frames each phoneme has.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from model.config import SAMPLE_RATE_HZ
from model.data.kokoro import Kokoro
from model.data.plan import Request
from model.data.synthetic import make_utterance
from model.files import write_whole
from model.text.frontend import phonemize

PROMPTS_FOLDER = Path(__file__).parent.parent / "prompts"


@dataclass(frozen=True)
class BuiltInPrompt:
    """A prompt to be made: a name that people type, a voice and what it says."""

    name: str
    speaker: str
    lang: str
    text: str


BUILT_IN_PROMPTS = (
    BuiltInPrompt(
        "heart",
        "af_heart",
        "en",
        "The ferry leaves at seven, so we have time for a quiet breakfast.",
    ),
    BuiltInPrompt(
        "michael",
        "am_michael",
        "en",
        "Nobody expected rain today, but the garden certainly needs it.",
    ),
    BuiltInPrompt(
        "emma", "bf_emma", "en", "My brother keeps his old guitar in the room above the kitchen."
    ),
    BuiltInPrompt(
        "george",
        "bm_george",
        "en",
        "We should probably take the path around the lake and come back by noon.",
    ),
    BuiltInPrompt("xiaoxiao", "zf_xiaoxiao", "zh", "今天天气不错，我们下午一起去公园散步吧。"),
    BuiltInPrompt("yunxi", "zm_yunxi", "zh", "我刚从学校回来，晚饭以后给你打电话。"),
)


def make_prompts(folder: Path = PROMPTS_FOLDER) -> None:
    """Synthesise every built-in prompt and write the listing."""
    folder.mkdir(parents=True, exist_ok=True)
    engine = Kokoro()
    tables = [_make(engine, prompt, folder) for prompt in BUILT_IN_PROMPTS]
    header = (
        "# Made by `python -m model.data.prompts`; durations are in codec frames, 75 a second.\n"
    )
    write_whole(folder / "prompts.toml", header + "".join(tables))


def _make(engine: Kokoro, prompt: BuiltInPrompt, folder: Path) -> str:
    """Write one FLAC file and return its table of the listing."""
    import soundfile

    (sentence,) = phonemize(prompt.text, prompt.lang)
    item, samples = make_utterance(
        engine,
        Request(
            name=prompt.name,
            speaker=prompt.speaker,
            speed=1.0,
            split="prompt",
            lang=prompt.lang,
            text=prompt.text,
            phonemes=sentence.phonemes,
            word_starts=sentence.word_starts,
        ),
    )
    path = folder / f"{prompt.name}.flac"
    soundfile.write(path, samples, SAMPLE_RATE_HZ, subtype="PCM_16")
    values: dict[str, object] = {
        "name": item.name,
        "file": path.name,
        "text": item.text,
        "lang": item.lang,
        "speaker": item.speaker,
        "seconds": round(item.seconds, 3),
        "source": item.source,
        "licence": item.licence,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "phonemes": " ".join(item.phonemes),
        "durations": list(item.durations),
    }
    # JSON's strings, numbers and lists of numbers are TOML's too
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
    return "\n[[prompt]]\n" + "".join(lines)


if __name__ == "__main__":
    make_prompts()
