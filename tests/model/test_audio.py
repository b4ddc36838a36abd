"""Any audio the user has is read, or refused in one clear line."""

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
