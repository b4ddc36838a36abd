"""What the languages hand to the front end: words and pauses, one after the other."""

from dataclasses import dataclass


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
