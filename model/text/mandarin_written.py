# ruff: noqa: RUF001 - the signs are meant
"""Written Mandarin to characters and marks; cn2an says the numbers themselves."""

import re

from model.text.rewriting import Rules, alternatives

_UNITS = {
    "km/h": "公里每小时", "km": "公里", "cm": "厘米", "mm": "毫米", "m": "米", "m^2": "平方米",
    "m^3": "立方米", "kg": "公斤", "g": "克", "mg": "毫克", "L": "升", "ml": "毫升", "mL": "毫升",
    "h": "小时", "min": "分钟", "s": "秒", "ms": "毫秒", "GB": "吉字节", "MB": "兆字节",
    "°C": "摄氏度", "°F": "华氏度", "°": "度", "Hz": "赫兹", "kHz": "千赫兹", "MHz": "兆赫兹",
    "GHz": "吉赫兹", "W": "瓦", "kW": "千瓦", "V": "伏",
}  # fmt: skip
_IN_CAPITALS = {unit.upper(): unit for unit in ("km", "cm", "mm", "kg", "mg", "ml", "Hz", "kHz")}
_CURRENCIES = {
    "¥": "元", "$": "美元", "£": "英镑", "€": "欧元", "₩": "韩元", "₹": "卢比", "₽": "卢布",
    "US$": "美元", "HK$": "港元", "C$": "加元", "A$": "澳元", "NZ$": "新西兰元", "S$": "新加坡元",
}  # fmt: skip
_SIGNS = {
    "+": "加", "=": "等于", "×": "乘", "÷": "除以", "<": "小于", ">": "大于", "&": "和",
    "%": "百分号", "°": "度", "#": "井号", "≥": "大于等于", "≤": "小于等于", "±": "正负",
    "≈": "约等于", "∞": "无穷大", "‰": "千分之",
}  # fmt: skip
# What numbers are read digit by digit after.
_NUMBERED = (
    "电话", "手机", "手机号", "号码", "房间", "房间号", "车牌", "车牌号", "QQ", "QQ号", "微信号",
    "邮编", "验证码", "尾号", "航班", "车次", "卡号", "账号", "密码", "编号", "学号", "工号",
    "代码", "代号",
)  # fmt: skip
# Of two of which one says 两, not 二.
_COUNTED = (
    "个|位|次|天|夜|年(?!级|代)|只|条|张|本|件|块|家|岁|点(?!\\d)|种|倍|小时|分钟|秒|周|辆|杯|瓶|碗|双|对|套|台|部|"
    "间|座|棵|朵|颗|份|封|篇|首|句|头|匹|架|艘|支|枝|根|片|口|名|人|群|箱|包|袋|盒|半"
)
_DIGITS = str.maketrans("0123456789.", "零一二三四五六七八九点")
_LONGEST_COUNT = 16  # digits; cn2an counts no further, longer numbers are read digit by digit
# Possessive and never from within a number, so that time stays linear in the text.
_NUMBER = r"(?<!\d)\d++(?:\.\d++)?"

rewrite = Rules()


def normalize(text: str) -> str:
    """Return one sentence in which every number is written in characters."""
    text = re.sub(r"\.{2,}|[—–~()\[\]]+", ",", rewrite(text))
    return "".join(_SIGNS.get(c, c) for c in text)


def say(number: str) -> str:
    """Return a quantity in characters: 120 -> 一百二十."""
    import cn2an

    if len(number.partition(".")[0]) > _LONGEST_COUNT or re.match(r"0\d", number):
        return spell(number)
    return str(cn2an.an2cn(number))


def spell(number: str) -> str:
    """Return a number digit by digit, as years and telephone numbers are read: 2023 -> 二零二三."""
    return number.translate(_DIGITS)


def _whole(number: str) -> str:
    return say(str(int(number)))


@rewrite.rule(r"(?<=\d),(?=\d{3}(?!\d))")
def _thousands(match: re.Match[str]) -> str:
    """1,234 -> 1234."""
    return ""


@rewrite.rule(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?![\d.])")
def _date(match: re.Match[str]) -> str:
    """2023-05-01 -> 二零二三年五月一日."""
    return f"{spell(match[1])}年{_whole(match[2])}月{_whole(match[3])}日"


@rewrite.rule(r"(?<!\d)(1\d{3}|20\d\d)\s?[-~–—]+\s?(1\d{3}|20\d\d)(?![\d年])")
def _range_of_years(match: re.Match[str]) -> str:
    """1939-1945 -> 一九三九到一九四五."""
    return f"{spell(match[1])}到{spell(match[2])}"


@rewrite.rule(
    r"(?<!\d)(?:1[3-9]\d{9}|0\d{2,3}-?\d{7,8}|\d{3,4}-\d{4}|(?<!-)\d++(?:-\d++){2,}+)(?![\d年-])"
)
def _telephone(match: re.Match[str]) -> str:
    """13800138000 -> 一三八零零一三八零零零."""
    return spell(match[0].replace("-", ","))


@rewrite.rule(r"\+(\d{1,3}(?:[- ]\d{2,5}){1,4})(?!\d)")
def _international_telephone(match: re.Match[str]) -> str:
    """+86 138 0013 8000 -> 加八六,一三八,零零一三,八零零零."""
    return f"加{spell(re.sub('[- ]', ',', match[1]))}"


@rewrite.rule(
    rf"({alternatives(_NUMBERED)}|拨打?|拨通|致电|呼叫)([是为:\s]?[\u4e00-\u9fff]?[A-Z]{{0,2}})(\d++)(?![.:%\d])"
)
def _digits(match: re.Match[str]) -> str:
    """拨打120 -> 拨打一二零; 邮编100080 -> 邮编一零零零八零."""
    return f"{match[1]}{match[2]}{spell(match[3])}"


@rewrite.rule(r"(?<![A-Za-z])([A-Z])(\d{3,6})(?![\d.,%-])|(?<!\d)()(\d{3,4})(?=房间|室|号房)")
def _plate(match: re.Match[str]) -> str:
    """京A12345 -> 京A一二三四五; 302房间 -> 三零二房间."""
    return f"{match[1] or ''}{spell(match[2] or match[4])}"


@rewrite.rule(r"(?<=[元万亿块次度克升里米人])\s?/\s?(?=[\u4e00-\u9fff])")
def _each(match: re.Match[str]) -> str:
    """50元/人 -> 50元每人."""
    return "每"


@rewrite.rule(
    r"(?<!\d)(\d{1,3})-(\d{1,3})(?=[获取击战胜负平领落险])|(?<=比分)([是为]?)(\d{1,3})-(\d{1,3})(?!\d)"
)
def _score(match: re.Match[str]) -> str:
    """3-1获胜 -> 3比1获胜."""
    return f"{match[3] or ''}{match[1] or match[4]}比{match[2] or match[5]}"


@rewrite.rule(r"(?<!\d)([05-9][05])(?=后(?![天年月来])|年代末出生)")
def _born_in(match: re.Match[str]) -> str:
    """90后 -> 九零后."""
    return spell(match[1])


@rewrite.rule(r"@(?=[\u4e00-\u9fff])")
def _mention(match: re.Match[str]) -> str:
    """@小王 -> 艾特小王."""
    return "艾特"


@rewrite.rule(r"(?<!\d)0(?=[1-9][月日号])")
def _leading_zero(match: re.Match[str]) -> str:
    """08月08日 -> 8月8日."""
    return ""


@rewrite.rule(rf"(?<=\d)\s?-\s?(?={_NUMBER}\s?=)")
def _minus(match: re.Match[str]) -> str:
    """5-3=2 -> 5减3=2."""
    return "减"


@rewrite.rule(rf"(?<=[\d%年月日号时分])\s?[-~–—]+\s?(?=[¥$£€]?{_NUMBER})")
def _range(match: re.Match[str]) -> str:
    """5-10 -> 5到10; 50%-60% -> 50%到60%."""
    return "到"


@rewrite.rule(rf"(?<![A-Za-z\d.])-(?={_NUMBER}(\s?°)?|[¥$£€]|百分之)")
def _negative(match: re.Match[str]) -> str:
    """-5 -> 负5; -5°C -> 零下5°C."""
    return "零下" if match[1] else "负"


@rewrite.rule(r"(?<!\d)(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?!\d)")
def _clock(match: re.Match[str]) -> str:
    """10:05 -> 十点零五分."""
    hour, minute, second = match.groups()
    words = f"{'两' if int(hour) == 2 else _whole(hour)}点"
    if int(minute) or second:
        words += f"{'零' if 0 < int(minute) < 10 else ''}{_whole(minute)}分"
    return words + (f"{_whole(second)}秒" if second else "")


@rewrite.rule(rf"({_NUMBER}):({_NUMBER})")
def _ratio(match: re.Match[str]) -> str:
    """3:2 -> 三比二."""
    return f"{say(match[1])}比{say(match[2])}"


@rewrite.rule(r"(?<!\d)\d{4}(?:[-~–—至到]\d{4})?(?=年)")
def _year(match: re.Match[str]) -> str:
    """2023年 -> 二零二三年."""
    return re.sub(r"[-~–—]", "到", spell(match[0]))


@rewrite.rule(rf"({alternatives(_CURRENCIES)})\s?({_NUMBER})((?:万亿|[万亿])?)")
def _sum(match: re.Match[str]) -> str:
    """$5 -> 五美元."""
    return f"{say(match[2])}{match[3]}{_CURRENCIES[match[1]]}"


@rewrite.rule(rf"({_NUMBER})\s?([%‰])")
def _percentage(match: re.Match[str]) -> str:
    """50% -> 百分之五十; 3‰ -> 千分之三."""
    return f"{'百' if match[2] == '%' else '千'}分之{say(match[1])}"


@rewrite.rule(rf"({_NUMBER})\s?({alternatives([*_UNITS, *_IN_CAPITALS])})(?![A-Za-z^])")
def _quantity(match: re.Match[str]) -> str:
    """10km -> 十公里."""
    return say(match[1]) + _UNITS[_IN_CAPITALS.get(match[2], match[2])]


@rewrite.rule(r"(?<=[\w)])\s?\^\s?([-+]?\d{1,4})(?!\d)")
def _power(match: re.Match[str]) -> str:
    """3^2 -> 3的平方; 10^6 -> 10的六次方."""
    if match[1] == "2":
        return "的平方"
    return f"的{'负' if match[1].startswith('-') else ''}{say(match[1].lstrip('+-'))}次方"


@rewrite.rule(r"(?<=\d)\s?[xX]\s?(?=\d)")
def _times(match: re.Match[str]) -> str:
    """3x4 -> 3乘4."""
    return "乘"


@rewrite.rule(r"(?<![\d/])(\d++)/(\d++)(?!/)")
def _fraction(match: re.Match[str]) -> str:
    """1/2 -> 二分之一."""
    return f"{say(match[2])}分之{say(match[1])}"


@rewrite.rule(rf"(?<![\d.第])2(?={_COUNTED})")
def _pair(match: re.Match[str]) -> str:
    """2个 -> 两个."""
    return "两"


@rewrite.rule(rf"(?<!\d)\d++(?:\.\d++){{2,}}|{_NUMBER}|\d")
def _number(match: re.Match[str]) -> str:
    """第3次 -> 第三次; 1.2.3 -> 一点二点三."""
    return spell(match[0]) if match[0].count(".") > 1 else say(match[0])
