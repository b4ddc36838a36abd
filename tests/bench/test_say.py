"""Tests of speaking on this machine."""

import soundfile
from click.testing import CliRunner

from bench.cli import bench
from model.config import SAMPLE_RATE_HZ


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
