"""Speech is written as it comes, to files and to streams that cannot seek."""

import io

import numpy as np
import pytest
import soundfile

from bench.audio_out import StreamSink, open_audio
from model.errors import InputError

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


@pytest.mark.parametrize("name", ["a.mp3", "nowhere/a.wav"])
def test_what_cannot_be_written_is_one_clear_line(tmp_path, name):
    with pytest.raises(InputError, match=r"\.wav"), open_audio(str(tmp_path / name)):
        pass
