"""The built-in prompts and utterances are whole, and found by name."""

import pytest

from model.audio import load_prompt
from model.config import SAMPLE_RATE_HZ
from model.errors import ConfigError
from model.text.frontend import phonemize
from model.utterance import built_in_prompts, built_in_utterances, find_prompt, used_for


@pytest.mark.parametrize("name", [*built_in_prompts()])
def test_every_prompt_is_a_few_seconds_of_speech_with_its_words(name):
    prompt = built_in_prompts()[name]
    assert 2.5 < len(load_prompt(prompt.path)) / SAMPLE_RATE_HZ < 6
    assert prompt.text
    assert prompt.speaker


@pytest.mark.parametrize("name", [*built_in_utterances()])
def test_every_utterance_can_be_said(name):
    utterance = built_in_utterances()[name]
    sentences = phonemize(utterance.text, utterance.lang)
    assert all(sentence.dropped == () for sentence in sentences)


def test_each_use_has_its_utterances_and_no_text_serves_two():
    assert len(used_for("measure")) >= 3
    assert len(used_for("calibrate")) >= 2
    (verification,) = used_for("verify")
    assert len(phonemize(verification.text, verification.lang)) == 1
    texts = [utterance.text for utterance in built_in_utterances().values()]
    assert len(set(texts)) == len(texts)


def test_a_prompt_is_found_by_name_and_by_path(tmp_path):
    built_in = built_in_prompts()["heart"]
    assert find_prompt("heart") == built_in
    assert find_prompt(str(built_in.path)).path == built_in.path
    with pytest.raises(ConfigError, match="built-in prompts: heart"):
        find_prompt(str(tmp_path / "nobody.wav"))
