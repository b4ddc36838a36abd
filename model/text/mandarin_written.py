"""Written Mandarin to characters and the marks , . ? ! only; cn2an says the numbers."""

import re
from collections.abc import Callable

_UNITS = {
    "km/h": "公里每小时", "km": "公里", "cm": "厘米", "mm": "毫米", "kg": "公斤", "mg": "毫克",
    "ml": "毫升", "mL": "毫升", "g": "克", "m": "米", "h": "小时", "min": "分钟", "GB": "吉字节",
    "MB": "兆字节", "°C": "摄氏度", "°F": "华氏度", "°": "度", "Hz": "赫兹", "kHz": "千赫兹",
    "GHz": "吉赫兹", "W": "瓦", "kW": "千瓦", "V": "伏", "L": "升", "m^2": "平方米", "m^3": "立方米",
}  # fmt: skip
_CURRENCIES = {"¥": "元", "$": "美元", "£": "英镑", "€": "欧元"}
_SIGNS = {
    "+": "加",
    "=": "等于",
    "×": "乘",
    "÷": "除以",
    "<": "小于",
    ">": "大于",
    "&": "和",
    "@": "艾特",
}
_LONGEST_COUNT = 16  # digits; cn2an counts no further, and longer numbers are read digit by digit
_NUMBER = r"\d+(?:\.\d+)?"


def _count(number: str) -> str:
    """Say a quantity: 120 -> 一百二十."""
    import cn2an

    if len(number.partition(".")[0]) > _LONGEST_COUNT or re.match(r"0\d", number):
        return _spell(number)
    spoken: str = cn2an.an2cn(number)
    return spoken


def _spell(number: str) -> str:
    """Say a number digit by digit, as years, telephone numbers and codes are: 2023 -> 二零二三."""
    return number.translate(str.maketrans("0123456789.", "零一二三四五六七八九点"))


def _date(match: re.Match[str]) -> str:
    year, month, day = match.groups()
    return f"{_spell(year)}年{_count(str(int(month)))}月{_count(str(int(day)))}日"


def _clock(match: re.Match[str]) -> str:
    hour, minute, second = match.groups()
    spoken = f"{_count(str(int(hour)))}点"
    if int(minute) or second:
        spoken += ("零" if minute[0] == "0" else "") + _count(str(int(minute))) + "分"
    return spoken + (f"{_count(str(int(second)))}秒" if second else "")


_RULES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"(?<=\d),(?=\d{3})", ""),
    (r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?![\d.])", _date),
    (r"(?<!\d)(\d{1,2}):(\d{2})(?::(\d{2}))?(?!\d)", _clock),
    (r"(\d+):(\d+)", r"\1比\2"),
    (r"(?<!\d)(\d{4})(?=年(?!级))", lambda m: _spell(m[1])),
    (r"(?<!\d)(\d\d)(?=年代)", lambda m: _count(m[1])),
    (rf"(?<![\d\w])-(?={_NUMBER}\s?°)", "零下"),
    (rf"(?<![\d\w])-(?={_NUMBER})", "负"),
    (rf"(?<=\d)\s?[-~–—]\s?(?={_NUMBER})", "到"),  # noqa: RUF001
    (rf"([¥$£€])\s?({_NUMBER})([万亿]?)", lambda m: m[2] + m[3] + _CURRENCIES[m[1]]),
    (rf"({_NUMBER})\s?%", r"百分之\1"),
    (r"(?<![\d/])(\d+)/(\d+)(?![\d/])", r"\2分之\1"),
    (rf"(?<=\d)\s?({'|'.join(sorted(map(re.escape, _UNITS), key=len, reverse=True))})(?![A-Za-z])",
     lambda m: _UNITS[m[1]]),
    (r"(?<![\d.])2(?=[个位次天年只条张本件块名家岁点])", "两"),
    (r"(?<![\d.])(?:1\d{10}|0\d+|\d{7,}(?![万亿元个人次]))(?![\d.])", lambda m: _spell(m[0])),
    (r"\d+(?:\.\d+){2,}", lambda m: _spell(m[0])),
    (_NUMBER, lambda m: _count(m[0])),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), replacement) for pattern, replacement in _RULES)


def normalize(text: str) -> str:
    """Return one sentence in which every number is written in characters."""
    for pattern, replacement in _COMPILED:
        text = pattern.sub(replacement, text)
    text = re.sub(r"\.{2,}|[—–~(\[)\]]", ",", text)  # noqa: RUF001
    return "".join(_SIGNS.get(c, c) for c in text)
