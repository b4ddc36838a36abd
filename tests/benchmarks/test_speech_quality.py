"""The zero-shot comparison says a sentence once, counts what failed, and pairs by sentence."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench.quality import engine
from bench.quality.packages import PACKAGES, Package
from bench.quality.scorers import SCORERS, Scorer
from bench.quality.suite import Recorded
from model.errors import InputError
from model.utterance import Prompt, Utterance

SPEAKERS = ("anna", "ben")


def tone(level, count=3200):
    return np.full(count, level, np.float32)


@pytest.fixture
def modules(monkeypatch, tmp_path):
    """The scripts, with a verifier and an opinion in place of the real ones."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path))
    engine.loaded.cache_clear()

    def voice():  # louder speech is of another voice
        def embed(look):
            angle = float(np.mean(look.speech)) / 32768 * np.pi
            return [float(np.cos(angle)), float(np.sin(angle))]

        return embed

    def opinion():
        return lambda look: round(float(np.mean(look.speech)) / 32768, 3)

    for name in SCORERS:
        monkeypatch.setitem(SCORERS._entries, name, Scorer(("ears",), opinion))
    monkeypatch.setitem(PACKAGES._entries, "ears", Package("ears==2", "no_such_module"))
    monkeypatch.setitem(SCORERS._entries, "campplus", Scorer((), voice))
    monkeypatch.setitem(SCORERS._entries, "distillmos", Scorer((), opinion))
    import speech_quality
    import speech_systems
    import speech_tables

    yield speech_quality, speech_systems, speech_tables
    engine.loaded.cache_clear()


@pytest.fixture
def items():
    """Two sentences of each of two speakers, whose voices are told apart by level."""
    found = []
    for number in range(4):
        speaker = number % 2
        samples = (tone(0.1 + 0.3 * speaker + 0.01 * number) * 32768).astype(np.int16)
        prompt = (tone(0.1 + 0.3 * speaker) * 32768).astype(np.int16)
        name = SPEAKERS[speaker]
        utterance = Utterance(
            f"s{number}", f"text {number}", Prompt(name, Path(name)), "en", number
        )
        found.append(Recorded(utterance, name, samples, prompt, utterance.text))
    return found


class Speaker:
    """Says the recording a little louder; one sentence is too long for it."""

    def __init__(self, louder, fails=""):
        self.louder = louder
        self.fails = fails
        self.asked = 0

    def __call__(self, item):
        self.asked += 1
        if item.utterance.name == self.fails:
            raise InputError("too long")
        return item.recording.astype(np.float32) / 32768 + np.float32(self.louder)


def compare(modules, items, speakers):
    quality, systems, tables = modules
    made = [
        systems.System(name, {"system": name}, speaker, beside=beside)
        for name, (speaker, beside) in speakers.items()
    ]
    scores, voices = {}, {}
    with ThreadPoolExecutor(1) as executor:
        verification = tables.verify(items, executor, lambda samples: samples, {})
        reasons = quality.say_and_score(
            made, items, quality.JUDGES, executor, scores=scores, voices=voices
        )
    return tables.Result(items, made, [], scores, voices, verification), reasons


def test_a_sentence_is_said_once_ever_and_failures_are_counted(modules, items):
    speaker = Speaker(0.0, fails="s3")
    for _ in range(2):
        result, _ = compare(modules, items, {"fp32 eager": (speaker, "")})
    assert speaker.asked == 4
    facts = result.speaking(result.systems[0])
    assert (facts["sentences"], facts["problems"]) == (3, ["too long"])
    assert facts["cpu_s_per_s"] >= 0
    assert len(result.measure(result.systems[0])["distillmos"].samples) == 3


def test_damage_is_paired_with_fp32_eager_over_the_sentences_of_both(modules, items):
    said = {
        "fp32 eager": (Speaker(0.0, fails="s0"), ""),
        "8da8w .pte": (Speaker(0.02), "fp32 eager"),
    }
    result, reasons = compare(modules, items, said)
    damage = result.damage(result.systems[1])["distillmos"]
    assert damage.samples == pytest.approx([0.02] * 3, abs=1e-3)
    assert "ears==2" in reasons["wer"]


def test_voices_are_verified_against_every_speaker_s_prompt(modules, items):
    said = {"right": (Speaker(0.0), ""), "other": (Speaker(0.3), "")}
    result, _ = compare(modules, items, said)
    assert result.verification.error.rate == 0
    right, other = (result.measure(system) for system in result.systems)
    assert (right["nearest"].median, right["accepted"].median) == (1, 1)
    assert right["similarity_r"].median > 0.99
    assert other["nearest"].median == 0.5  # the louder speaker is still the nearest to itself
    assert other["accepted"].median == 0


def test_the_tables_tell_what_failed_and_what_is_not_installed(modules, items, tmp_path):
    said = {"fp32 eager": (Speaker(0.0, fails="s3"), ""), "x .pte": (Speaker(0.1), "fp32 eager")}
    result, reasons = compare(modules, items, said)

    identity = {"name": "tiny", "weights": "random, seeded"}
    made = SimpleNamespace(identity=identity, trained=False, temperature=1.0)
    _, _, tables = modules
    tables.write(tmp_path, made, result, reasons)
    text = (tmp_path / "speech_quality.md").read_text(encoding="utf-8")
    for words in ("untrained", "3 (1 failed)", "Damage", "ears==2", "2 unseen speakers"):
        assert words in text
    assert (tmp_path / "speech_quality.json").is_file()
