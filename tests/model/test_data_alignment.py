# ruff: noqa: RUF001 - phonetic letters are meant
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.config import HOP_LENGTH, SAMPLE_RATE_HZ
from model.data.alignment import LAG_S, SYMBOL_FRAME_S, Script, align, write_script
from model.errors import InputError

FRAME = round(SYMBOL_FRAME_S * SAMPLE_RATE_HZ)


def spoken(frames, *, quiet=(0, -1)):
    """Noise of Kokoro's length, silent during the padding at both ends."""
    rng = np.random.default_rng(0)
    audio = rng.standard_normal(sum(frames) * FRAME).astype(np.float32) * 0.1
    audio[: frames[quiet[0]] * FRAME] = 0.0
    audio[audio.size - frames[quiet[1]] * FRAME :] = 0.0
    return audio


def test_a_space_goes_before_each_word_but_the_first_and_belongs_to_the_token_before():
    script = write_script(("sil", "h", "ˈaɪ", "d", "ˈæ", "d", ".", "sil"), (1, 3))
    assert script.symbols == "hˈI dˈæd."
    # padding, h, stress and diphthong, space after them, d, stress and vowel, d, period, padding
    assert script.owners == (0, 1, 2, 2, 2, 3, 4, 4, 5, 6, 7)


def test_a_sentence_without_silences_cannot_be_read():
    with pytest.raises(InputError, match="silence"):
        write_script(("h", "ˈaɪ"), (0,))


@given(
    st.lists(st.integers(1, 14), min_size=4, max_size=40),
    st.integers(8, 20),
    st.integers(0, 12),
)
def test_durations_fill_the_trimmed_audio_exactly_and_leave_no_phoneme_out(inner, first, last):
    frames = np.array([first, *inner, last])
    n_phonemes = len(frames)
    script = Script("x" * len(inner), tuple(range(n_phonemes)))
    audio, durations = align(spoken(frames), frames, script)
    assert len(durations) == n_phonemes
    assert min(durations) >= 1
    assert sum(durations) * HOP_LENGTH == audio.shape[0]


def test_boundaries_come_a_constant_time_before_kokoros():
    frames = np.array([20, 40, 40, 40, 12, 10])
    script = Script("abc.", (0, 1, 2, 3, 4, 5))
    # speech goes on until the final pause
    audio = spoken(frames)
    trimmed, durations = align(audio, frames, script)
    start_s = (audio.nonzero()[0][0] - trimmed.nonzero()[0][0]) / SAMPLE_RATE_HZ
    second_s = start_s + sum(durations[:2]) / 75
    assert second_s == pytest.approx(60 * SYMBOL_FRAME_S - LAG_S, abs=1 / 75)
    assert durations[2] == durations[3] == pytest.approx(75, abs=1)


def test_symbols_of_one_phoneme_are_summed():
    frames = np.array([20, 20, 20, 20, 30, 12, 10])
    script = Script("abcd.", (0, 1, 2, 2, 3, 4, 5))
    _, durations = align(spoken(frames), frames, script)
    assert durations[2] == pytest.approx(75, abs=1)


def test_silence_before_the_final_pause_is_not_counted_to_the_last_phoneme():
    frames = np.array([20, 20, 80, 12, 10])
    audio = spoken(frames)
    audio[(20 + 20 + 20) * FRAME :] = 0.0  # the last phoneme is over after a quarter
    _, durations = align(audio, frames, Script("ab.", (0, 1, 2, 3, 4)))
    assert durations[2] == pytest.approx(20 * SYMBOL_FRAME_S * 75 + LAG_S * 75, abs=2)


def test_silence_instead_of_speech_is_an_error():
    frames = np.array([5, 5, 5, 5])
    with pytest.raises(InputError, match="silence"):
        align(np.zeros(20 * FRAME, np.float32), frames, Script("ab", (0, 1, 2, 3)))


def test_more_phonemes_than_frames_is_an_error():
    frames = np.ones(60, dtype=np.int64)
    audio = np.full(10 * FRAME, 0.1, np.float32)
    with pytest.raises(InputError, match="do not fit"):
        align(audio, frames, Script("x" * 58, tuple(range(60))))
