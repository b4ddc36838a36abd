import numpy as np
import pytest
from click.testing import CliRunner

from bench.commands.data import data
from model.config import HOP_LENGTH
from model.data.corpus import Utterance, digest, write_shard
from model.errors import HarnessError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path))
    samples = np.arange(75 * HOP_LENGTH, dtype=np.int16)
    item = Utterance("u", "a", "en", "train", "A.", "p", "CC0-1.0", samples.size, digest(samples))
    write_shard(tmp_path / "recordings", 0, [(item, samples)])
    return tmp_path


def test_status_says_what_is_missing_and_what_is_built(cache):
    done = CliRunner().invoke(data, ["status", "--verify"])
    assert done.exit_code == 0
    assert "kokoro-js 1.2.1" in done.output
    assert "by licence: CC0-1.0 0.00 h" in done.output
    assert "every hash is right" in done.output
    assert "synthetic: 0.00 h" in done.output


def test_verifying_damaged_audio_is_an_error_that_names_it(cache):
    audio = cache / "recordings" / "audio-00000.i16"
    audio.write_bytes(bytes([1]) + audio.read_bytes()[1:])
    with pytest.raises(HarnessError, match="u first"):
        CliRunner().invoke(data, ["status", "--verify"], catch_exceptions=False)


def test_building_without_the_packages_says_how_to_fetch_them(cache):
    with pytest.raises(HarnessError, match="bench data fetch"):
        CliRunner().invoke(data, ["build"], catch_exceptions=False)


def test_no_hours_at_all_are_refused(cache):
    done = CliRunner().invoke(data, ["build", "--hours", "0"])
    assert done.exit_code == 2
    assert "--hours" in done.output
