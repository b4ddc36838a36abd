"""Prompts of real people are joined from short clips, and no clip is in two of them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.config import SAMPLE_RATE_HZ
from model.data import people as module
from model.data.people import CLIP_S, GAP_S, OTHER_CLIPS, READERS, person_of
from model.errors import InputError


def clips(folder: Path, count: int, rate_hz: int = 44_100) -> list[Path]:
    """Clips of a second of sound, each of another pitch, between silences."""
    paths = []
    for number in range(count):
        time_s = np.arange(rate_hz) / rate_hz
        tone = 0.2 * np.sin(2 * np.pi * (100 + 20 * number) * time_s)
        silence = np.zeros(rate_hz // 2)
        paths.append(folder / f"{number:02d}.wav")
        soundfile.write(paths[-1], np.concatenate((silence, tone, silence)), rate_hz)
    return paths


def pitch_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples[:SAMPLE_RATE_HZ]))
    return float(np.fft.rfftfreq(SAMPLE_RATE_HZ, 1 / SAMPLE_RATE_HZ)[spectrum.argmax()])


def test_clips_are_joined_without_their_silences(tmp_path: Path) -> None:
    person = person_of("somebody", "en", clips(tmp_path, 12))
    for samples in (person.prompt, *person.others):
        seconds = len(samples) / SAMPLE_RATE_HZ
        assert CLIP_S <= seconds <= CLIP_S + 1 + GAP_S
        assert np.abs(samples).max() / 32768 == pytest.approx(0.7, abs=0.02)
    assert pitch_hz(person.prompt) == pytest.approx(100, abs=2)
    # Four clips and their gaps make a prompt.
    assert pitch_hz(person.others[0]) == pytest.approx(180, abs=2)
    assert len(person.others) == OTHER_CLIPS


def test_a_reader_with_too_little_speech_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="somebody has less than 12 s of speech"):
        person_of("somebody", "en", clips(tmp_path, 6))


def test_telephone_clips_are_left_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="less than"):
        person_of("somebody", "en", clips(tmp_path, 12, rate_hz=8000))


def test_enough_readers_are_known_and_each_has_a_name_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "clips_of", lambda package, lang: clips(tmp_path, 12))
    reader = person_of(module.LIBRIVOX, "en", clips(tmp_path, 12))
    monkeypatch.setattr(module, "librivox_reader", lambda: reader)
    found = module.people()
    assert len(found) == sum(map(len, READERS.values())) + 1 >= 12
    assert len({person.name for person in found}) == len(found)
