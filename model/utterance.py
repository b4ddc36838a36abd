"""What is said, in whose voice: the nouns in front of everything, and the built-in ones."""

import codecs
import sys
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from model.errors import ConfigError, InputError, reason_of
from model.files import read_regular
from model.registry import Registry
from model.text.lexicon import NO_LEXICON, Lexicon

BUILT_IN_PROMPTS = Path(__file__).parent / "prompts" / "prompts.toml"
BUILT_IN_UTTERANCES = Path(__file__).parent / "utterances.toml"
STANDARD_INPUT = Path("-")
LARGEST_TEXT_BYTES = 2**24


@dataclass(frozen=True)
class Prompt:
    """A few seconds of somebody's speech.

    Attributes:
        name: Of a built-in prompt, or the file's.
        path: The audio.
        text: What is said in it, where that is known.
        lang: Its language, where that is known.
        speaker: Who says it, where that is known.
    """

    name: str
    path: Path
    text: str = ""
    lang: str = ""
    speaker: str = ""


@dataclass(frozen=True)
class Utterance:
    """Text and prompt.

    Attributes:
        name: Of a built-in utterance, or one made up for the user's text.
        text: What to say.
        prompt: In whose voice.
        lang: Language of the text; None to tell by its script.
        seed: Of all random numbers in decoding.
        use: What it is for: "measure", "calibrate", "verify" or, of suites of `bench.quality`,
            "score".
        lexicon: Pronunciations of the user's own.
    """

    name: str
    text: str
    prompt: Prompt = field(repr=False)
    lang: str | None = None
    seed: int = 0
    use: str = "measure"
    lexicon: Lexicon = NO_LEXICON


@cache
def built_in_prompts() -> Registry[Prompt]:
    """Read the prompts that ship with the project."""
    prompts: Registry[Prompt] = Registry("prompt")
    for table in tomllib.loads(BUILT_IN_PROMPTS.read_text(encoding="utf-8"))["prompt"]:
        fields = {key: table[key] for key in ("name", "text", "lang", "speaker")}
        path = BUILT_IN_PROMPTS.parent / table["file"]
        prompts.register(table["name"])(Prompt(path=path, **fields))
    return prompts


@cache
def built_in_utterances() -> Registry[Utterance]:
    """Read the utterances that ship with the project."""
    utterances: Registry[Utterance] = Registry("utterance")
    for table in tomllib.loads(BUILT_IN_UTTERANCES.read_text(encoding="utf-8"))["utterance"]:
        fields = {**table, "prompt": built_in_prompts()[table["prompt"]]}
        utterances.register(table["name"])(Utterance(**fields))
    return utterances


def used_for(use: str) -> tuple[Utterance, ...]:
    """Return the built-in utterances for one use: "measure", "calibrate" or "verify"."""
    return tuple(u for u in built_in_utterances().values() if u.use == use)


def read_text(path: Path) -> str:
    """Read the user's text file; `-` is standard input.

    Raises:
        InputError: It cannot be read, or is neither UTF-8 nor marked as UTF-16.
    """
    if path == STANDARD_INPUT:
        content = sys.stdin.buffer.read() if sys.stdin else b""
    else:
        try:
            content = read_regular(path, LARGEST_TEXT_BYTES)
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read: {reason_of(error)}") from error
    try:
        # A byte order mark is what Windows' editors put in front of either.
        marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeError as error:
        raise InputError(
            f"{path} is not UTF-8 ({error}): save it as UTF-8, or convert it with"
            " `iconv -f ENCODING -t UTF-8`"
        ) from error


def find_prompt(name_or_path: str) -> Prompt:
    """Return a built-in prompt by name, or the user's own by path.

    Raises:
        ConfigError: Neither a built-in prompt nor a file.
    """
    path = Path(name_or_path)
    if path.is_file():
        return Prompt(path.stem, path)
    if path.suffix or len(path.parts) > 1:
        raise ConfigError(f"no file {path}; built-in prompts: {', '.join(built_in_prompts())}.")
    return built_in_prompts()[name_or_path]
