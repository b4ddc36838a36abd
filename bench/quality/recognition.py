"""Words: what a recogniser hears, counted against what should have been said."""

from bench.quality.clips import Look, Score, Seen
from bench.quality.scorers import Observe
from bench.quality.sound import at_24_khz
from model.training.listening import Listener, count_errors

BEAM_SIZE = 5


def load_whisper() -> Observe:
    """Load whisper base; what it returns transcribes."""
    listener = Listener(BEAM_SIZE)
    _ = listener.model  # loaded now, not with the first clip

    def observe(look: Look) -> str:
        return listener.transcribe(at_24_khz(look.speech), look.lang)

    return observe


def word_error_rate(seen: Seen) -> Score | None:
    """Word errors over words; none in languages that do not put spaces between words."""
    errors = count_errors(seen.clip.text, str(seen.speech), seen.clip.lang)
    return Score(errors.word_errors / errors.words, errors.words) if errors.words else None


def char_error_rate(seen: Seen) -> Score | None:
    """Character errors over characters; none where the text has no letter."""
    errors = count_errors(seen.clip.text, str(seen.speech), seen.clip.lang)
    return Score(errors.char_errors / errors.chars, errors.chars) if errors.chars else None
