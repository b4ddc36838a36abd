"""What is said to be scored is fixed, balanced, and held out."""

import numpy as np
import pytest
import soundfile

from bench.quality.suite import built_in_suite, held_out, real_people, relatives
from model.data.corpus import Utterance, digest, write_shard
from model.data.people import Person
from model.data.speakers import Speaker
from model.data.synthetic import synthetic_folder
from model.errors import InputError
from model.utterance import built_in_prompts, built_in_utterances


def test_the_built_in_suite_says_new_sentences_each_with_a_seed_of_its_own():
    suite = built_in_suite()
    assert len({u.name for u in suite}) == len({u.seed for u in suite}) == len(suite) == 24
    known = {u.text for u in built_in_utterances().values()}
    known |= {prompt.text for prompt in built_in_prompts().values()}
    assert not known & {u.text for u in suite}
    assert {u.use for u in suite} == {"score"}


@pytest.mark.parametrize("count", [5, 10, 20])
def test_any_first_part_of_the_built_in_suite_is_balanced_over_english_prompts(count):
    english = [u.prompt.name for u in built_in_suite()[:count] if u.lang == "en"]
    counts = [english.count(name) for name in set(english)]
    assert len(counts) == 4
    assert max(counts) - min(counts) <= 1


def test_prompt_and_text_are_of_one_language():
    assert all(u.prompt.lang == u.lang for u in built_in_suite())


@pytest.fixture
def corpus(monkeypatch, tmp_path):
    """Two speakers with prompts, one without, and training speech that is none of a test."""
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path))

    def said(number, split, speaker, lang="en"):
        samples = np.full(3200, number, np.int16)
        name = f"{split}-{number}"
        item = Utterance(
            name, speaker, lang, split, f"text {number}", "", "", len(samples), digest(samples)
        )
        return item, samples

    write_shard(
        synthetic_folder(),
        0,
        [
            said(1, "test", "anna"), said(2, "test", "ben"), said(3, "test", "cleo"),
            said(4, "prompt", "ben"), said(5, "prompt", "anna"), said(6, "prompt", "anna"),
            said(7, "train", "dora"), said(8, "test", "mei", "zh"), said(9, "prompt", "mei", "zh"),
        ],
    )  # fmt: skip
    return tmp_path


def test_each_held_out_sentence_has_one_prompt_of_its_own_speaker(corpus):
    found = held_out("en")
    assert [(one.utterance.name, one.utterance.prompt.name) for one in found] == [
        ("test-1", "prompt-5"),
        ("test-2", "prompt-4"),
    ]
    assert all(one.utterance.prompt.speaker == one.speaker for one in found)
    samples, rate_hz = soundfile.read(found[0].utterance.prompt.path, dtype="int16")
    assert (rate_hz, list(samples)) == (24_000, list(found[0].prompt))


def test_a_blend_is_related_to_its_voices_and_to_blends_of_them(monkeypatch):
    recipes = {"x": ("x",), "y": ("y",), "blend-1": ("x", "z"), "blend-2": ("z", "y")}
    monkeypatch.setattr(
        "bench.quality.suite.speaker_named",
        lambda name: Speaker(name, "en", True, tuple((voice, 0.5) for voice in recipes[name])),
    )
    found = relatives(set(recipes))
    assert found["x"] == {"blend-1"}
    assert found["y"] == {"blend-2"}
    assert found["blend-1"] == {"x", "blend-2"}


def test_without_a_corpus_the_way_to_one_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="bench data build"):
        held_out("en")


def test_every_real_person_says_one_sentence_before_any_says_two(monkeypatch, tmp_path):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path))
    tones = [np.full(3200, level, np.int16) for level in range(1, 10)]
    known = [
        Person(name, "de", tones[3 * i], (tones[3 * i + 1], tones[3 * i + 2]))
        for i, name in enumerate(("anna", "ben", "cleo"))
    ]
    monkeypatch.setattr("bench.quality.suite.people", lambda: known)
    found = real_people()
    assert [one.speaker for one in found] == ["anna", "ben", "cleo"] * 2
    assert len({one.utterance.name for one in found}) == len({one.utterance.seed for one in found})
    assert len({one.utterance.text for one in found}) == 6
    assert {one.utterance.lang for one in found} == {"en"}
    assert {one.recorded_text for one in found} == {""}
    for one in found:
        person = next(person for person in known if person.name == one.speaker)
        assert one.prompt is person.prompt
        assert any(one.recording is other for other in person.others)
        samples, _ = soundfile.read(one.utterance.prompt.path, dtype="int16")
        assert list(samples) == list(person.prompt)
