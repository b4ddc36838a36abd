# ruff: noqa: RUF001, SIM905 - IPA letters are what is tested
from pathlib import Path

import pytest

from model.errors import ConfigError, InputError
from model.text.frontend import phonemize
from model.text.lexicon import read_lexicon, read_phonemes

LEXICON = """
[en]
Nguyen = "win"
pixel = "/ˈpɪksəl/"
"GPT-4o" = "G P T four oh"
"C++" = "see plus plus"
[zh]
"重庆" = "/chong2 qing4/"
"""


@pytest.fixture
def lexicon(tmp_path):
    path = tmp_path / "words.toml"
    path.write_text(LEXICON, "utf-8")
    return read_lexicon(path)


def spoken(text, **options):
    return [p for sentence in phonemize(text, **options) for p in sentence.phonemes[1:-2]]


def test_a_word_of_the_lexicon_is_said_as_it_tells(lexicon):
    assert spoken("pixel", lexicon=lexicon) == "p ˈɪ k s ə l".split()
    assert spoken("Nguyen", lexicon=lexicon) == spoken("win")
    assert spoken("GPT-4o and C++", lexicon=lexicon) == spoken("G P T four oh and see plus plus")
    assert spoken("我去重庆", lexicon=lexicon)[-4:] == ["zh:ch", "zh:ong2", "zh:q", "zh:ing4"]


def test_a_word_of_the_lexicon_takes_a_possessive_and_any_case(lexicon):
    assert spoken("PIXEL's", lexicon=lexicon) == "p ˈɪ k s ə l z".split()


def test_a_word_that_only_contains_one_of_the_lexicon_is_left_alone(lexicon):
    assert spoken("pixelate", lexicon=lexicon) == spoken("pixelate")


def test_the_text_of_a_sentence_stays_as_it_was_written(lexicon):
    (sentence,) = phonemize("A pixel [[ˈʃaɪnz]].", lexicon=lexicon)
    assert sentence.text == "A pixel [[ˈʃaɪnz]] ."
    assert sentence.dropped == ()


def test_phonemes_within_a_text_are_said_as_they_are():
    assert spoken("[[tʃəˈmeɪtoʊ]]") == "t͡ʃ ə m ˈeɪ t oʊ".split()
    assert spoken("你好[[ni3 hao3]]")[-4:] == ["zh:n", "zh:i3", "zh:h", "zh:ao3"]


def test_a_word_before_phonemes_of_the_user_keeps_its_weak_form():
    assert spoken("the [[ˈpɪksəl]]")[:2] == ["ð", "ə"]


@pytest.mark.parametrize(
    ("ipa", "phonemes"),
    [
        ("ˈpɪksəl", "p ˈɪ k s ə l"),
        ("pˈɪksəl", "p ˈɪ k s ə l"),
        ("ɡɜːɹl", "ɡ ɚ l"),
        ("ˌɪntɚˈnɛt", "ˌɪ n t ɚ n ˈɛ t"),
        ("dʒʌdʒ", "d͡ʒ ʌ d͡ʒ"),
        ("d͡ʒʌd͡ʒ", "d͡ʒ ʌ d͡ʒ"),
        ("həˈləʊ", "h ə l ˈoʊ"),
    ],
)
def test_ipa_is_read_as_dictionaries_write_it(ipa, phonemes):
    assert list(read_phonemes(ipa)) == phonemes.split()


@pytest.mark.parametrize("text", ["[[ʘ]]", "[[xyz9]]", "[[ ]]", "[[zhang9]]", "[[bxx3]]"])
def test_what_is_no_pronunciation_is_one_line_that_names_it(text):
    with pytest.raises(InputError) as error:
        phonemize(f"a {text} b")
    assert "\n" not in str(error.value)
    assert text.strip("[]")[:4].strip() in str(error.value)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("[fr]\na = 'b'", "'fr' is no table of en, zh"),
        ("a = 'b'", "'a' is no table"),
        ("[en]\npixel = '/ʘ/'", "'pixel': 'ʘ' in 'ʘ' is no phoneme"),
        ("[en]\npixel = 3", "'pixel' = 3 is no pronunciation"),
        ("[en", "words.toml"),
        ("[en]\nHello = 'one'\nhello = 'two'", "'hello' has two pronunciations"),
        (f"[en]\nx = {'[' * 3000}{']' * 3000}", "maximum recursion depth"),
        (f"[en]\nx = 1{'0' * 9999}", "4300 digits"),
    ],
)
def test_a_file_that_is_no_lexicon_is_one_line_that_names_it(tmp_path, content, match):
    path = tmp_path / "words.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(ConfigError, match=match):
        read_lexicon(path)


def test_a_missing_file_is_one_line():
    with pytest.raises(ConfigError, match=r"lexicon nowhere\.toml"):
        read_lexicon(Path("nowhere.toml"))


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/stdin", "."])
def test_what_is_no_regular_file_is_refused_unread(tmp_path, target):
    """Such as a device or a pipe that never ends."""
    (tmp_path / "words.toml").symlink_to(target)
    with pytest.raises(ConfigError, match=r"words\.toml cannot be read: it is .*, not a regular"):
        read_lexicon(tmp_path / "words.toml")


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("diyarbakir", "diyarbakır"), ("istanbul", "İSTANBUL"), ("σας", "ΣΑΣ"),
        ("café", "CAFE\u0301"),
        ("cafe\u0301", "café"), ("ＡＢＣ", "abc"), ("O’Brien", "o'brien"),
    ],
)  # fmt: skip
def test_a_word_is_found_however_its_letters_are_encoded_and_cased(tmp_path, word, text):
    (tmp_path / "words.toml").write_text(f'\ufeff[en]\r\n"{word}" = "/ˈpɪk/"\r\n', "utf-8")
    lexicon = read_lexicon(tmp_path / "words.toml")
    assert spoken(f"{text} x", lexicon=lexicon)[:3] == "p ˈɪ k".split()


def test_a_foreign_word_of_a_chinese_lexicon_is_found_whole(tmp_path):
    (tmp_path / "words.toml").write_text('[zh]\nGPU = "/chong2 qing4/"\n', "utf-8")
    lexicon = read_lexicon(tmp_path / "words.toml")
    assert "zh:ong2" in spoken("用GPU计算", lexicon=lexicon)
    assert spoken("GPUs", lexicon=lexicon) == spoken("GPUs")
