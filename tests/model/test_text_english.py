# ruff: noqa: RUF001 - the typographic characters and IPA letters are what is tested
import warnings

import pytest

from model.text import english, english_written, mandarin_written
from model.text.english_written import normalize

RULES = [rule for rules in (*english_written.RULES, mandarin_written.rewrite) for rule in rules]


def said(text):
    return " ".join("".join(word.phonemes) for word in english.pronounce(normalize(text), {}))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("7", "seven"),
        ("1,234.5", "one thousand two hundred and thirty four point five"),
        ("0.05", "zero point zero five"),
        (".5", "zero point five"),
        ("007", "zero zero seven"),
        ("-5 and +5", "minus five and plus five"),
        ("1984, 2000 and 2010", "nineteen eighty four, two thousand and twenty ten"),
        ("1st, 2nd, 21st", "first, second, twenty first"),
        ("the 1990s and '80s", "the nineteen nineties and eighties"),
        ("50% of 3/4", "fifty percent of three quarters"),
        ("2 1/2 cups, 16/9", "two and a half cups, sixteen over nine"),
        ("$1, $5.20, $0.99", "one dollar, five dollars and twenty cents, ninety nine cents"),
        ("£3m and €2.5 billion", "three million pounds and two point five billion euros"),
        ("$5-$10", "five dollars to ten dollars"),
        ("1 km, 10km, 60 mph", "one kilometer, ten kilometers, sixty miles per hour"),
        ("37°C, 5 m^2", "thirty seven degrees celsius, five square meters"),
        ("10:00, 7:05 p.m., 14:30", "ten o'clock, seven oh five PM, fourteen thirty"),
        ("3pm", "three PM"),
        ("3/4/2020", "march fourth, twenty twenty"),
        ("25/12/2020", "december twenty fifth, twenty twenty"),
        ("2020-03-04", "march fourth, twenty twenty"),
        ("Dec. 25, 1999", "december twenty fifth, nineteen ninety nine"),
        ("4 July 1776", "july fourth, seventeen seventy six"),
        ("13/13/2020", "thirteen thirteen twenty twenty"),
        ("(555) 123-4567", "five five five, one two three, four five six seven"),
        ("10-20, 1914–1918", "ten to twenty, nineteen fourteen to nineteen eighteen"),
        ("2:1", "two to one"),
        ("v1.2.3", "v one point two point three"),
        ("MP3, B2B, COVID-19", "MP three, B two B, COVID nineteen"),
        ("12345678901234567890", "one two three four five six seven eight nine zero " * 2),
    ],
)
def test_numbers_are_written_out(written, spoken):
    assert normalize(written) == spoken.strip()


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Dr. Smith, Prof. Lee", "doctor Smith, professor Lee"),
        ("St. James St. 5", "saint James street five"),
        ("e.g. this, i.e. that, etc.", "for example this, that is that, et cetera."),
        ("No. 5 and no. That", "number five and no. That"),
        ("the U.S. and J. K. Lee", "the US and J K Lee"),
        ("made in the U.S.", "made in the US."),
        ("bob@example.com", "bob at example dot com"),
        (
            "https://www.a-b.org/c?d=1.",
            "WWW dot a dash b dot org slash c question mark d equals one.",
        ),
        ("see github.com/me.", "see github dot com slash me."),
        ("R&D + x", "R and D plus x"),
        ("a — b (c) \"d\" 'e'", "a, b, c, d e"),
        ("Well... yes...", "Well, yes."),
        ("café, naïve, Łódź", "cafe, naive, Lodz"),
        ("don't stop", "don't stop"),
        ("End.Start", "End. Start"),
    ],
)
def test_abbreviations_addresses_and_signs_are_written_out(written, spoken):
    assert normalize(written) == spoken


@pytest.mark.parametrize(("pattern", "handler"), RULES, ids=[h.__name__ for _, h in RULES])
def test_every_rule_does_what_its_docstring_shows(pattern, handler):
    examples = [e.split(" -> ") for e in handler.__doc__.removesuffix(".").split("; ")]
    for written, spoken in examples:
        assert " ".join(pattern.sub(handler, written).split()) == spoken


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("FBI", "ˈɛfbˈiˈaɪ"),
        ("NASA", "nˈæsə"),
        ("CEOs", "sˈiˈiˈoʊz"),
        ("the US", "ðə jˈuˈɛs"),
        ("programmes were organised", "pɹˈoʊɡɹˌæmz wɚ ˈɔɹɡənˌaɪzd"),
        ("the uk", "ðə jˈukˈeɪ"),
        ("WE ARE HERE", "wi ɑɹ hˈɪɹ"),
        ("do NOT go", "du nˈɑt ɡˈoʊ"),
        ("qzk", "kjˈuzˈikˈeɪ"),
        ("O'Neil's", "oʊnˈilz"),
        ("Zyxquov", "zˈɪkskwˈoʊv"),
        ("Zyxquov's", "zˈɪkskwˈoʊvz"),
        ("MobileSpeech", "mˈoʊbəl spˈit͡ʃ"),
    ],
)
def test_words_outside_the_lexicon_are_spelled_split_or_guessed(text, phonemes):
    assert said(text) == phonemes


def test_a_word_of_two_readings_is_read_by_its_part_of_speech():
    assert "ɹˈɛd" in said("I read it yesterday")
    assert "ɹˈid" in said("I will read it tomorrow")


def test_function_words_are_stressed_only_before_a_pause():
    assert said("Yes, it is, as is this one") == "jˈɛs , ɪt ˈɪz , æz ɪz ðɪs wˈʌn"


def test_a_fresh_engine_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        english._Engine().words("Hello brave zyxquov")
