"""Tests of speaking on this machine."""

import os

import pytest
import soundfile
from click.testing import CliRunner

from bench.cli import bench
from model.config import SAMPLE_RATE_HZ
from model.utterance import read_text


def test_text_is_said_at_once_without_lowering_anything(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "said.wav"
    text = "A short sentence. Another one."
    found = CliRunner().invoke(bench, ["say", text, "--model", "tiny", "-o", str(out)])
    assert found.exit_code == 0, found.output
    assert "sentence 2/2" in found.output
    assert "untrained" in found.output
    waveform, rate = soundfile.read(out)
    assert rate == SAMPLE_RATE_HZ
    assert len(waveform) > 0
    assert not (tmp_path / "cache" / "artifacts").exists()


def test_the_same_seed_says_the_same(tmp_path):
    spoken = []
    for name in ("first.wav", "second.wav"):
        path = tmp_path / name
        said = ["say", "Twice.", "--model", "tiny", "--seed", "3", "-q", "-o", str(path)]
        assert CliRunner().invoke(bench, said).exit_code == 0
        spoken.append(path.read_bytes())
    assert spoken[0] == spoken[1]


def say(*arguments, **how):
    return CliRunner().invoke(bench, ["say", *map(str, arguments), "--model", "tiny"], **how)


def assert_refused(result, said):
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert said in line


WORDS = "Café at noon."


@pytest.mark.parametrize(
    "encoded",
    [
        WORDS.encode(), b"\xef\xbb\xbf" + WORDS.encode(), WORDS.encode("utf-16"),
        b"\xfe\xff" + WORDS.encode("utf-16-be"),
    ],
    ids=["UTF-8", "UTF-8 with a mark", "UTF-16", "big-endian UTF-16"],
)  # fmt: skip
def test_a_text_file_of_unicode_is_read(tmp_path, encoded):
    (tmp_path / "text.txt").write_bytes(encoded)
    assert read_text(tmp_path / "text.txt") == WORDS


def test_a_text_file_of_another_encoding_is_named(tmp_path):
    (tmp_path / "text.txt").write_bytes(WORDS.encode("latin-1"))
    assert_refused(say("--text-file", tmp_path / "text.txt"), "text.txt is not UTF-8")
    (tmp_path / "text.txt").write_bytes(b"\xff\xfeabc")
    assert_refused(say("--text-file", tmp_path / "text.txt"), "text.txt is not UTF-8")


def test_standard_input_of_another_encoding_is_named():
    assert_refused(say("--text-file", "-", input=WORDS.encode("latin-1")), "- is not UTF-8")


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_a_text_file_that_is_none_is_named(tmp_path, kind):
    path = tmp_path / "text.txt"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    assert_refused(say("--text-file", path), "text.txt cannot be read")


def test_bare_samples_as_a_prompt_are_named(tmp_path):
    (tmp_path / "raw.raw").write_bytes(bytes(96_000))
    assert_refused(say("Hello.", "--prompt", tmp_path / "raw.raw"), "raw.raw cannot be read as")


@pytest.mark.parametrize("threads", ["-1", "100000", "many"])
def test_a_number_of_threads_that_cannot_be_is_refused(threads):
    result = say("Hello.", "--threads", threads)
    assert result.exit_code == 2
    assert "--threads" in result.stderr
    assert "Traceback" not in result.stderr


def test_characters_that_are_left_out_are_listed(tmp_path):
    result = say("Say こ, Ж and こ again.", "-q", "-o", tmp_path / "said.wav")
    assert result.exit_code == 0, result.output
    assert "Left out, as there is no way to say it: こ (U+3053), Ж (U+0416)\n" in result.stderr
    assert "Left out" not in say("Say it.", "-q", "-o", tmp_path / "said.wav").stderr


def test_a_long_list_of_characters_is_cut():
    from bench.commands.say import listed

    assert listed([chr(0x3041 + number) for number in range(25)]).endswith("(U+3054) and 5 more")
