"""Speech is written as it comes, to files and to streams that cannot seek."""

import contextlib
import io

import numpy as np
import pytest
import soundfile

from bench.audio_out import StreamSink, open_audio
from model.errors import InputError, ResultError

TONE = (0.5 * np.sin(np.arange(4_800) / 20)).astype(np.float32)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_sentences_end_up_one_after_the_other_in_a_file(tmp_path, name):
    with open_audio(str(tmp_path / name)) as audio:
        audio.write(TONE)
        audio.write(2 * TONE)
    samples, rate_hz = soundfile.read(tmp_path / name)
    assert rate_hz == 24_000
    np.testing.assert_allclose(samples, np.clip(np.r_[TONE, 2 * TONE], -1, 1), atol=1e-4)


def test_a_stream_is_a_wav_that_can_be_read_while_it_grows():
    stream = io.BytesIO()
    StreamSink(stream).write(TONE)
    samples, rate_hz = soundfile.read(io.BytesIO(stream.getvalue()))
    assert rate_hz == 24_000
    np.testing.assert_allclose(samples, TONE, atol=1e-4)


@pytest.mark.parametrize(("name", "error"), [("a.mp3", InputError), ("nowhere/a.wav", ResultError)])
def test_what_cannot_be_written_is_one_clear_line(tmp_path, name, error):
    with pytest.raises(error, match=r"\.wav"), open_audio(str(tmp_path / name)):
        pass


def test_what_was_said_before_an_interrupt_is_kept(tmp_path):
    path = tmp_path / "a.wav"
    with contextlib.suppress(KeyboardInterrupt), open_audio(str(path)) as audio:
        audio.write(TONE)
        raise KeyboardInterrupt
    assert len(soundfile.read(path)[0]) == len(TONE)
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_before_anything_is_said_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    with contextlib.suppress(KeyboardInterrupt), open_audio(str(path)):
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_disk_that_fills_leaves_the_old_file_and_is_one_line(tmp_path, name, monkeypatch):
    path = tmp_path / name
    path.write_bytes(b"old")

    def full(*_):
        raise soundfile.LibsndfileError(2)  # SF_ERR_SYSTEM of sndfile.h

    monkeypatch.setattr(soundfile.SoundFile, "write", full)
    with pytest.raises(ResultError, match="cannot be written"), open_audio(str(path)) as audio:
        audio.write(TONE)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
