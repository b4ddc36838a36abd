"""Words: what a recogniser hears."""

from bench.quality.clips import Look
from bench.quality.scorers import Observe
from bench.quality.sound import at_24_khz
from model.training.listening import Listener

BEAM_SIZE = 5


def load_whisper() -> Observe:
    """Load whisper base; what it returns transcribes."""
    listener = Listener(BEAM_SIZE)
    _ = listener.model  # loaded now, not with the first clip

    def observe(look: Look) -> str:
        return listener.transcribe(at_24_khz(look.speech), look.lang)

    return observe
