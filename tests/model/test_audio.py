"""Any audio the user has is read, or refused in one clear line."""

import gzip
import io

import numpy as np
import pytest
import soundfile

from model.audio import load_prompt
from model.config import SAMPLE_RATE_HZ
from model.errors import InputError


def tone(seconds, rate_hz, level=0.3):
    return level * np.sin(2 * np.pi * 220 * np.arange(int(seconds * rate_hz)) / rate_hz)


@pytest.fixture
def write(tmp_path):
    def write(samples, rate_hz, name="prompt.wav"):
        soundfile.write(tmp_path / name, samples, rate_hz)
        return tmp_path / name

    return write


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_any_rate_becomes_24_khz(write, rate_hz, name):
    samples = load_prompt(write(tone(2, rate_hz), rate_hz, name))
    assert len(samples) == pytest.approx(2 * SAMPLE_RATE_HZ, abs=2)
    spectrum = np.abs(np.fft.rfft(samples[: 2 * SAMPLE_RATE_HZ]))
    assert spectrum.argmax() / 2 == pytest.approx(220, abs=1)


@pytest.mark.parametrize("channels", [2, 8])
def test_channels_are_averaged(write, channels):
    samples = load_prompt(write(np.tile(tone(2, 24_000)[:, None], (1, channels)), 24_000))
    assert np.abs(samples).max() == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (tone(0.2, 24_000), "lasts 0.20 s"),
        (tone(600, 24_000), "lasts 600 s"),
        (np.zeros(48_000), "silent"),
        (np.clip(tone(2, 24_000, level=9.0), -1, 1), "clipped"),
    ],
    ids=["short", "long", "silent", "clipped"],
)
def test_audio_that_cannot_be_a_prompt_is_refused(write, samples, said):
    with pytest.raises(InputError, match=said):
        load_prompt(write(samples, 24_000))


SPEECH = tone(3, 24_000)


def silence(seconds):
    return 1e-5 * np.random.default_rng(0).standard_normal(int(seconds * 24_000))


@pytest.mark.parametrize("click", [False, True])
def test_what_is_used_of_a_prompt_begins_and_ends_with_its_speech(write, click):
    before = silence(12)
    if click:
        before[24_000:24_100] = 0.9  # somebody switches the microphone on
    path = write(np.concatenate([before, SPEECH, silence(12)]), 24_000)
    samples = load_prompt(path, 10)
    assert len(samples) / SAMPLE_RATE_HZ == pytest.approx(3.5, abs=0.1)
    assert np.abs(samples[12_000:-12_000]).max() == pytest.approx(0.3, abs=0.01)


def test_a_short_sound_before_a_long_pause_is_too_little_to_use(write):
    path = write(np.concatenate([tone(0.3, 24_000), silence(12), SPEECH]), 24_000)
    with pytest.raises(InputError, match=r"0\.\d s of sound in the 10\.0 s that are used"):
        load_prompt(path, 10)


def test_a_prompt_is_judged_clipped_by_what_is_used_of_it(write):
    loud = np.clip(tone(5, 24_000, level=9.0), -1, 1)
    path = write(np.concatenate([SPEECH, SPEECH, loud]), 24_000)
    assert len(load_prompt(path, 5)) == 5 * SAMPLE_RATE_HZ
    with pytest.raises(InputError, match="clipped"):
        load_prompt(path, 10)


def test_an_offset_is_removed_before_the_level_is_judged(write):
    assert load_prompt(write(SPEECH + 0.4, 24_000)).mean() == pytest.approx(0, abs=1e-3)
    with pytest.raises(InputError, match="silent"):
        load_prompt(write(silence(3) + 0.4, 24_000))


def test_channels_that_cancel_each_other_are_not_silent(write):
    path = write(np.stack([SPEECH, -SPEECH], 1), 24_000)
    assert np.abs(load_prompt(path)).max() == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("scale", [2.0**15, 2.0**23, 2.0**31])
def test_floating_samples_at_the_scale_of_integers_are_brought_back(tmp_path, scale):
    soundfile.write(tmp_path / "a.wav", (SPEECH * scale).astype(np.float32), 24_000, "FLOAT")
    assert np.abs(load_prompt(tmp_path / "a.wav")).max() == pytest.approx(0.3, abs=0.01)


def test_a_mix_louder_than_full_scale_is_not_clipped(tmp_path):
    soundfile.write(tmp_path / "a.wav", (SPEECH * 5).astype(np.float32), 24_000, "FLOAT")
    assert np.abs(load_prompt(tmp_path / "a.wav")).max() == pytest.approx(0.95, abs=0.01)


def test_samples_beyond_every_scale_are_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", (SPEECH * 1e30).astype(np.float32), 24_000, "FLOAT")
    with pytest.raises(InputError, match=r"samples up to 3e\+29"):
        load_prompt(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["a.raw", "a.wav", "a"])
def test_bare_samples_are_no_audio_file(tmp_path, name):
    (tmp_path / name).write_bytes(SPEECH.astype("<i2").tobytes())
    with pytest.raises(InputError, match="cannot be read as audio"):
        load_prompt(tmp_path / name)


def test_a_rate_below_speech_is_refused(write):
    with pytest.raises(InputError, match="100 samples per second"):
        load_prompt(write(tone(20, 100), 100))


def test_a_packed_file_is_named(tmp_path):
    (tmp_path / "a.wav").write_bytes(gzip.compress(b"RIFF"))
    with pytest.raises(InputError, match="packed by gzip"):
        load_prompt(tmp_path / "a.wav")


def test_samples_that_are_not_numbers_are_refused(tmp_path):
    samples = tone(2, 24_000)
    samples[100] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, 24_000, "FLOAT")
    with pytest.raises(InputError, match="not numbers"):
        load_prompt(tmp_path / "a.wav")


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\x24\0\0\0WAVEfmt ", b"\0" * 4096])
def test_a_corrupt_file_is_refused(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as audio"):
        load_prompt(tmp_path / "a.wav")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no file .*nowhere\.wav"):
        load_prompt(tmp_path / "nowhere.wav")


def test_a_header_that_leads_outside_the_file_is_no_error_within_libsndfile():
    """cffi would print it, with a traceback."""
    from model.audio import Content

    content = Content(b"RIFF")
    assert content.seek(-5) == 0
    assert content.seek(1) == 1
    assert content.seek(-9, 1) in (0, 1)
    assert content.seek(1 << 70) in (0, 1)


def encoded(samples, rate_hz, subtype="PCM_16"):
    content = io.BytesIO()
    soundfile.write(content, samples, rate_hz, subtype, format="WAV")
    return content.getvalue()


def test_telephone_speech_in_gsm_is_read(tmp_path):
    """libsndfile cannot seek in GSM 6.10."""
    (tmp_path / "call.wav").write_bytes(encoded(tone(2.0, 8000), 8000, "GSM610"))
    assert len(load_prompt(tmp_path / "call.wav")) == pytest.approx(2 * SAMPLE_RATE_HZ, rel=0.05)


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0xFFFFFFFF])
def test_a_stream_whose_header_was_never_completed_is_read_to_its_end(tmp_path, size):
    """What ffmpeg writes into a pipe, and what speech services send."""
    content = bytearray(encoded(tone(2.0, SAMPLE_RATE_HZ), SAMPLE_RATE_HZ))
    content[4:8] = content[40:44] = size.to_bytes(4, "little")
    (tmp_path / "stream.wav").write_bytes(content)
    assert len(load_prompt(tmp_path / "stream.wav")) == pytest.approx(2 * SAMPLE_RATE_HZ, rel=0.05)


def test_a_recording_whose_header_says_that_it_is_empty_is_told_from_a_short_one(tmp_path):
    content = bytearray(encoded(tone(2.0, SAMPLE_RATE_HZ), SAMPLE_RATE_HZ))
    content[40:44] = bytes(4)
    (tmp_path / "cut.wav").write_bytes(content)
    with pytest.raises(InputError, match=r"cut\.wav is empty by its header"):
        load_prompt(tmp_path / "cut.wav")


def test_what_libsndfile_says_is_given_without_addresses_in_memory(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"<!DOCTYPE html>" * 99)
    with pytest.raises(InputError, match=r"read as audio \(Format not recognised\.\)"):
        load_prompt(tmp_path / "a.wav")
