"""Everyday Mandarin sentences, put together from parts: no package carries a free collection."""

import random
import tomllib
from collections.abc import Iterator
from pathlib import Path

_SEED = 20240214
_ROUNDS = 600


def mandarin_sentences() -> Iterator[str]:
    """Yield several thousand sentences, always the same ones, each once."""
    listing = Path(__file__).with_name("mandarin.toml").read_text(encoding="utf-8")
    grammar = tomllib.loads(listing)
    parts: dict[str, list[str]] = grammar["parts"]
    generator = random.Random(_SEED)
    seen: set[str] = set()
    for _ in range(_ROUNDS):
        for pattern in grammar["patterns"]:
            words = {name: generator.choice(choices) for name, choices in parts.items()}
            words["wish2"] = generator.choice([w for w in parts["wish"] if w != words["wish"]])
            sentence = pattern.format(**words)
            if sentence not in seen:
                seen.add(sentence)
                yield sentence
