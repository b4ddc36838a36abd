import pytest

from model.text import mandarin
from model.text.inventory import PHONEMES
from model.text.mandarin_written import normalize


def syllables(text):
    """Return the syllables of a text as pinyin with tones: ni2 hao3."""
    tokens = [p for word in mandarin.pronounce(normalize(text), {}) for p in word.phonemes]
    joined = "".join(token.removeprefix("zh:") for token in tokens)
    for digit in "12345":
        joined = joined.replace(digit, f"{digit} ")
    return joined.strip()


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("100元", "一百元"),
        ("3.14", "三点一四"),
        ("50%", "百分之五十"),
        ("1/2", "二分之一"),
        ("-3和-5°C", "负三和零下五摄氏度"),
        ("1,234人", "一千二百三十四人"),
        ("2023年5月1日", "二零二三年五月一日"),
        ("2020-2021年", "二零二零到二零二一年"),
        ("2023-05-01", "二零二三年五月一日"),
        ("1990年代和90年代", "一九九零年代和九十年代"),
        ("10:05", "十点零五分"),
        ("2:00", "两点"),
        ("¥5.5, $3亿", "五点五元, 三亿美元"),
        ("10km, 3m^2", "十公里, 三平方米"),
        ("13800138000", "一三八零零一三八零零零"),
        ("5-10个", "五到十个"),
        ("3:2", "三比二"),
        ("2个, 12个, 第2次", "两个, 十二个, 第二次"),
        ("007", "零零七"),
        ("12345678901234567", "一二三四五六七八九零一二三四五六七"),
    ],
)
def test_numbers_are_written_in_characters(written, spoken):
    assert normalize(written) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("中国", "zhong1 guo2"),
        ("银行行长重新长大", "in2 hang2 hang2 zhang3 chong2 xin1 zhang3 da4"),
        ("知识", "zhiii1 shiii2"),
        ("自己", "zii4 ji3"),
        ("绿色", "lv4 se4"),
        ("月圆", "ve4 van2"),
        ("嗯", "en2"),
    ],
)
def test_characters_are_read_as_initials_and_finals(text, spoken):
    assert syllables(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("你好", "ni2 hao3"),
        ("我很好", "uo2 hen2 hao3"),
        ("展览馆", "zhan2 lan2 guan3"),
        ("不对", "bu2 duei4"),
        ("不好", "bu4 hao3"),
        ("一天", "i4 tian1"),
        ("一个", "i2 ge4"),
        ("第一", "di4 i1"),
        ("十一", "shiii2 i1"),
        ("统一", "tong3 i1"),
        ("看一看", "kan4 i5 kan4"),
        ("女儿", "nv3 er2"),
        ("花儿", "hua1 er5"),
    ],
)
def test_tones_change_in_running_speech(text, spoken):
    assert syllables(text) == spoken


def test_every_reading_that_pypinyin_knows_is_in_the_inventory():
    from pypinyin.constants import PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_tone3

    readings = {r for entry in PINYIN_DICT.values() for r in entry.split(",")}
    assert len(readings) > 1000
    for reading in readings:
        tokens = mandarin.pinyin_tokens(
            to_tone3(reading, neutral_tone_with_five=True, v_to_u=False)
        )
        assert set(tokens) <= set(PHONEMES), reading


def test_a_pause_is_read_from_either_script_of_punctuation():
    marks = [word.phonemes for word in mandarin.pronounce("好,好。好!好?", {}) if word.is_pause]
    assert marks == [(",",), (".",), ("!",), ("?",)]
