"""Speech is played as it comes, by whatever player there is; without one, the way out is said."""

import numpy as np
import pytest
import soundfile

from bench import audio_out
from bench.audio_out import check_outputs, open_outputs
from model.errors import HarnessError, InputError

TONE = (0.5 * np.sin(np.arange(4_800) / 20)).astype(np.float32)


@pytest.fixture
def players(monkeypatch, tmp_path):
    """An empty folder of programs; returns a function that puts a player there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(name, script):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return add


def play(waveform, times):
    with open_outputs("", play=True) as audio:
        for _ in range(times):
            audio.write(waveform)


def test_a_player_gets_all_sentences_as_one_stream(players, tmp_path):
    players("aplay", f'/bin/cat > {tmp_path}/heard.wav; echo "$@" > {tmp_path}/flags')
    play(TONE, 2)
    samples, rate_hz = soundfile.read(tmp_path / "heard.wav")
    assert rate_hz == 24_000
    np.testing.assert_allclose(samples, np.r_[TONE, TONE], atol=1e-4)
    assert (tmp_path / "flags").read_text().split() == ["-q", "-"]


def test_a_player_of_bare_samples_gets_no_header(players, tmp_path):
    players("paplay", f"/bin/cat > {tmp_path}/heard.raw")
    play(TONE, 1)
    samples = np.fromfile(tmp_path / "heard.raw", "<i2")
    np.testing.assert_allclose(samples / 32767, TONE, atol=1e-4)


def test_a_player_of_files_gets_one_after_the_other(players, tmp_path):
    players("afplay", f'/bin/cat "$1" >> {tmp_path}/heard; echo x >> {tmp_path}/count')
    play(TONE, 2)
    assert (tmp_path / "count").read_text() == "x\nx\n"
    assert (tmp_path / "heard").read_bytes().count(b"RIFF") == 2


def test_a_file_is_written_beside_playing(players, tmp_path):
    players("aplay", "/bin/cat > /dev/null")
    with open_outputs(str(tmp_path / "a.wav"), play=True) as audio:
        audio.write(TONE)
    assert soundfile.info(tmp_path / "a.wav").frames == len(TONE)


@pytest.mark.parametrize("name", ["aplay", "afplay"])
def test_a_player_that_fails_says_why(players, name):
    players(name, "echo 'no such device' >&2; exit 1")
    with pytest.raises(HarnessError, match="last it said: no such device"):
        play(TONE, 100)  # more than a pipe holds


def test_without_a_player_the_way_out_is_said_before_anything_slow(players):
    with pytest.raises(InputError, match=r"install aplay .* -o"):
        check_outputs("", play=True)


def test_sound_is_not_poured_into_a_terminal(monkeypatch):
    monkeypatch.setattr(audio_out.sys.stdout, "isatty", lambda: True, raising=False)
    with pytest.raises(InputError, match="-o FILE"):
        check_outputs("-", play=False)
    check_outputs("a.wav", play=False)
