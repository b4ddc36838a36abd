"""What the languages hand to the front end: words and pauses, one after the other."""

from dataclasses import dataclass

LETTER_A = "Á"
"""Written for the name of the letter by the rules of English, where A alone is the article."""


@dataclass(frozen=True)
class Word:
    """One spoken word, or one pause.

    Attributes:
        text: The word as it was read, after normalisation.
        phonemes: Tokens of the inventory, at least one.
        is_pause: Whether this is punctuation, whose only token is one of `PAUSES`.
    """

    text: str
    phonemes: tuple[str, ...]
    is_pause: bool = False


def pause(mark: str) -> Word:
    """Return the pause that a mark of `inventory.PAUSES` stands for."""
    return Word(mark, (mark,), is_pause=True)
