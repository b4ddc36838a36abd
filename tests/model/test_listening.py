"""Errors are counted as Whisper's authors count them: the writing of a word is not its sound."""

from types import SimpleNamespace

import numpy as np
import pytest

from model.training.listening import Listener, can_listen, count_errors

pytestmark = pytest.mark.skipif(not can_listen(), reason="needs the extra `quality`")


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("The colour of the harbour.", "the color of the harbor"),
        ("It's 4.5 million dollars, isn't it?", "it is $4.5 million is not it"),
        ("Twenty-one ships came.", "21 ships came"),
    ],
)
def test_spellings_contractions_and_numbers_are_no_errors(text, heard):
    assert count_errors(text, heard, "en").word_errors == 0


def test_words_and_characters_heard_otherwise_are_counted():
    errors = count_errors("The cat sat.", "the bat sat down", "en")
    assert (errors.word_errors, errors.words) == (2, 3)
    assert (errors.char_errors, errors.chars) == (6, 11)


def test_mandarin_has_characters_and_digits_are_read_as_such():
    errors = count_errors("下午三点，请参加。", "下午3点 请参家", "zh")  # noqa: RUF001
    assert (errors.word_errors, errors.words) == (0, 0)
    assert (errors.char_errors, errors.chars) == (1, 7)


def test_silence_misses_every_word():
    errors = count_errors("Old ships.", "", "en")
    assert (errors.word_errors, errors.words) == (2, 2)


def test_a_text_without_letters_has_nothing_to_hear():
    assert count_errors("…", "hm", "en").chars == 0


@pytest.mark.parametrize(("compression", "times"), [(1.0, 1), (5.0, 2)])
def test_a_recogniser_that_repeats_itself_listens_again_without(compression, times):
    asked = []

    def transcribe(audio, *, no_repeat_ngram_size, temperature, **others):
        asked.append(no_repeat_ngram_size)
        assert temperature == 0.0
        said = "re-issued." if no_repeat_ngram_size else "re" + "-e" * 100
        return iter([SimpleNamespace(text=said, compression_ratio=compression)]), None

    listener = Listener()
    listener.__dict__["model"] = SimpleNamespace(transcribe=transcribe)
    heard = listener.transcribe(np.zeros(2400, np.float32), "en")
    assert len(asked) == times
    assert asked[0] == 0
    assert (heard == "re-issued.") == (times == 2)
