# ruff: noqa: RUF001 - the typographic characters are what is tested
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.errors import ConfigError, InputError
from model.text.cleaning import normalize_characters, split_sentences, strip_markup
from model.text.frontend import Sentence, detect_language, phonemize
from model.text.inventory import PAUSES, SILENCE, phoneme_ids
from model.text.languages import LANGUAGES

STORY = (
    "The old captain watched the harbour lights fade slowly into the evening mist, and nobody on "
    "the deck said a word until the morning bell rang. "
)
FRAGMENTS = st.sampled_from(
    [
        *("3", "0", "12", "1,000", "3/4", "$", "£", "5.", "km", " ", "-", "–", ":", "'s", "NASA"),
        *("Dr.", "p.m.", "the ", "U.S.", "你", "不", "一", "三", "儿", "。", "!", "(", ")", "@"),
        *("www.", "a.b", "https://", "\n\n", "é", "½", "²", "°C", "%", "I", "st", "1st", "'"),
        *(
            "\u200d",
            "🙂",
            "\ud800",
            "٣",
            "Ж",
            "⁻³",
            "IV",
            "World War ",
            "May ",
            "may ",
            "Oct ",
            "x",
        ),
        *(
            "<b>",
            "<break/>",
            "&amp;",
            "₹",
            "≥",
            "¢",
            "lbs",
            "/mo",
            "C++",
            "#",
            "--",
            "_",
            "\\",
            "10 ",
        ),
        *(
            "Elm St ",
            "NY 12207",
            "911",
            "Call ",
            "‰",
            "00",
            "2小时",
            "年",
            "月",
            "[[",
            "]]",
            "/kg",
            "m²",
        ),
    ]
)


def words(sentence: Sentence) -> list[str]:
    ends = (*sentence.word_starts[1:], len(sentence.phonemes))
    return [
        "".join(p for p in sentence.phonemes[start:end] if p not in {*PAUSES, SILENCE})
        for start, end in zip(sentence.word_starts, ends, strict=True)
    ]


def test_a_sentence_is_its_phonemes_between_two_silences():
    (sentence,) = phonemize("Hello, world!")
    assert sentence.text == "Hello, world!"
    assert sentence.lang == "en"
    assert sentence.phonemes == (
        *("sil", "h", "ɛ", "l", "ˈoʊ", ",", "w", "ˈɚ", "l", "d", "!", "sil"),
    )
    assert sentence.word_starts == (1, 6)
    assert sentence.dropped == ()


def test_importing_the_front_end_imports_no_engine():
    code = (
        "import sys, model.text.frontend, model.text.kokoro; "
        "print([m for m in ('gruut', 'pypinyin', 'cn2an', 'rjieba', 'num2words', 'torch') "
        "if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three? Four", 4),
        ("Dr. Smith met J. K. Rowling at 3 p.m. Then he left.", 2),
        ("No. I live at No. 5 in the U.S. Army base.", 2),
        ('"Really?" she said. Wait... What?', 3),
        ("It costs 3.14. Fine.", 2),
        ("First line\nsame sentence\n\nNext paragraph", 2),
        ("你好！我很好。你呢？“走吧。”他说。", 5),
    ],
)
def test_a_text_is_split_where_its_sentences_end(text, count):
    assert len(phonemize(text)) == count


@pytest.mark.parametrize(
    ("text", "mark"),
    [("Is it?", "?"), ("It is!", "!"), ("It is", "."), ("It is,", "."), ("真的？", "?")],
)
def test_every_sentence_ends_with_its_mark_or_a_full_stop(text, mark):
    assert phonemize(text)[-1].phonemes[-2:] == (mark, SILENCE)


@pytest.mark.parametrize(
    "text", ["", "  \n ", "🙂🙂", "...!?", "\x00\x07\u200b", "Привет", "٣٤", "'"]
)
def test_a_text_in_which_nothing_can_be_said_is_one_clear_error(text):
    with pytest.raises(InputError, match="can be said") as error:
        phonemize(text)
    assert "\n" not in str(error.value)


def test_what_cannot_be_said_is_dropped_and_reported_once():
    first, second = phonemize("Hi 🙂🙂 there Ж. Bye. ☃")
    assert first.dropped == ("🙂", "Ж")
    assert second.dropped == ("☃",)
    assert words(first) == words(phonemize("Hi there.")[0])


def test_a_lone_surrogate_is_reported_as_printable_text():
    assert phonemize("Hi \ud800")[0].dropped == ("\\ud800",)


def test_invisible_characters_neither_split_a_word_nor_count_as_dropped():
    assert phonemize("cap\u00adtain\u200b")[0].phonemes == phonemize("captain")[0].phonemes
    assert phonemize("cap\u00adtain")[0].dropped == ()


def test_unicode_forms_of_a_text_sound_alike():
    plain = phonemize('It\'s 5 km - "naive"')[0].phonemes
    assert phonemize("Ｉｔ’ｓ ５ ㎞ — “naïve”")[0].phonemes == plain


def test_an_unknown_language_is_an_error_that_names_the_known():
    with pytest.raises(ConfigError, match="Known: en, zh"):
        phonemize("bonjour", "fr")


def test_a_limit_too_short_to_speak_in_is_an_error():
    with pytest.raises(ConfigError, match="max_phonemes"):
        phonemize("hello", max_phonemes=3)


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Hello there", "en"),
        ("你好", "zh"),
        ("我有一个 iPhone 手机", "zh"),
        ("He moved to 北京 last year", "en"),
        ("1984", "en"),
    ],
)
def test_the_language_of_a_text_is_told_by_its_words(text, lang):
    assert detect_language(text) == lang
    assert phonemize(text)[0].lang == lang


def test_words_of_the_other_script_are_read_in_their_own_language():
    assert words(phonemize("我喜欢 apple pie 和 AT&T。")[0])[2:4] == ["ˈæpəl", "pˈaɪ"]
    assert "zh:bzh:ei3zh:jzh:ing1" in words(phonemize("He moved to 北京 in 2001.")[0])


def test_digits_are_read_in_the_language_of_the_sentence():
    assert "zh:szh:an1" in words(phonemize("我有 3 apple。")[0])
    assert "θɹˈi" in words(phonemize("I have 3 苹果 here.")[0])


def test_a_long_sentence_is_cut_at_its_pauses():
    parts = phonemize(STORY, max_phonemes=60)
    assert len(parts) > 1
    assert parts[0].phonemes[-2:] == (",", SILENCE)
    assert [w for p in parts for w in words(p)] == words(phonemize(STORY)[0])


def test_a_sentence_without_pauses_is_cut_between_words_and_a_word_within():
    parts = phonemize("one " * 100, max_phonemes=50)
    assert [w for p in parts for w in words(p)] == ["wˈʌn"] * 100
    assert all(len(p.phonemes) <= 50 for p in parts)
    assert all(len(p.phonemes) <= 20 for p in phonemize("ha" * 100, max_phonemes=20))


def test_a_first_part_is_short_where_asked_for_and_nothing_is_lost():
    whole = phonemize(STORY + STORY, "en")
    first, *others = phonemize(STORY + STORY, "en", first_phonemes=20)
    assert len(first.phonemes) <= 20
    spoken = [part.phonemes[1:-1] for part in (first, others[0])]
    assert sum(spoken, ()) == whole[0].phonemes[1:-1]
    assert others[1:] == list(whole[1:])


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Well, the ship had sailed before anybody saw it leave the harbour.", "Well"),
        ("The ships, all of them, had sailed before anybody came to the harbour.", "The ships"),
        ("The harbour of the town lay still all the afternoon.", "The harbour"),
    ],
)
def test_a_first_part_ends_at_a_pause_or_else_between_words(text, first):
    opening = phonemize(text, "en", first_phonemes=11)[0]
    assert opening.text.rstrip(" ,") == first


def test_a_sentence_that_is_soon_spoken_stays_whole():
    assert len(phonemize("The ships had sailed.", "en", first_phonemes=12)) == 1


@pytest.mark.parametrize(
    "text", [STORY * 70, STORY.replace(".", ",") * 70, "今天天气很好，" * 1400]
)
def test_ten_thousand_characters_are_spoken_whole_in_parts_that_fit(text):
    parts = phonemize(text)
    assert all(len(part.phonemes) <= 256 for part in parts)
    once = phonemize(text[: len(text) // 70])
    ratio = sum(len(p.word_starts) for p in parts) / sum(len(p.word_starts) for p in once)
    assert ratio == pytest.approx(70, rel=0.01)


PIECES = (
    *(
        "…",
        "1-",
        "3",
        "'s",
        "a.",
        "a@",
        "www.",
        "aB",
        "! ",
        "(",
        "$1",
        "1/",
        "2^",
        "a_",
        "I ",
        "1x",
    ),
    *(
        "King V ",
        "Jan 1 ",
        "1 km/",
        '12" ',
        "<b ",
        "&amp;",
        "1:",
        "0-",
        "1 000 ",
        "A 1 ",
        "-$",
        "%-1",
    ),
)


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_time_to_write_a_text_out_grows_no_faster_than_the_text(piece, lang):
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        start = time.process_time()
        for sentence in split_sentences(normalize_characters(strip_markup(text))):
            LANGUAGES[lang].normalize(sentence)
        return time.process_time() - start

    seconds(100)
    assert seconds(8000) < 30 * max(seconds(1000), 0.002)  # 8 times is linear, 64 quadratic


def test_threads_may_share_the_front_end():
    texts = [f"Number {n} read {n} books in {1900 + n}. 第{n}名" for n in range(24)]
    alone = [phonemize(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(phonemize, texts)) == alone


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(FRAGMENTS, max_size=14).map("".join), st.sampled_from(list(LANGUAGES)))
def test_no_digit_is_left_to_the_engines(text, lang):
    known = text.replace("٣", "")  # dropped as unknown before
    for sentence in split_sentences(normalize_characters(strip_markup(known))):
        assert not re.search(r"[0-9]", LANGUAGES[lang].normalize(sentence))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(st.text(max_size=60), st.lists(FRAGMENTS, max_size=14).map("".join)),
    st.sampled_from([None, *LANGUAGES]),
)
def test_any_string_gives_known_phonemes_or_an_input_error(text, lang):
    try:
        sentences = phonemize(text, lang, max_phonemes=40)
    except InputError:
        return
    for sentence in sentences:
        assert len(phoneme_ids(sentence.phonemes)) <= 40
        assert sentence.phonemes[0] == sentence.phonemes[-1] == SILENCE
        assert SILENCE not in sentence.phonemes[1:-1]
        assert sentence.word_starts
        starts = [sentence.phonemes[start] for start in sentence.word_starts]
        assert not {*PAUSES, SILENCE} & set(starts)
    assert phonemize(text, lang, max_phonemes=40) == sentences


def test_only_tags_are_dropped_as_markup():
    assert strip_markup('<p class="x">One <br/>two</p>').split() == ["One", "two"]
    assert strip_markup("if p <s and q> r") == "if p <s and q> r"
