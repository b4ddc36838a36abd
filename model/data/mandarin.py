# ruff: noqa: RUF001 - Chinese punctuation is meant
"""Everyday Mandarin sentences, put together from parts: no package carries a free collection."""

import itertools
import random
from collections.abc import Iterator

_SEED = 20240214
_ROUNDS = 600

_PARTS: dict[str, tuple[str, ...]] = {
    "time": (
        "今天早上", "昨天晚上", "上个星期", "明年春天", "周末的时候", "下午三点", "每天中午", "去年冬天",
        "刚才", "前天", "放学以后", "吃完饭以后", "下雨之前", "这几年", "小时候", "月底",
    ),
    "who": (
        "我", "他们", "我妈妈", "王老师", "小李", "那位医生", "邻居家的孩子", "我的同学", "张叔叔", "她姐姐",
        "司机师傅", "新来的经理", "两个游客", "老板", "我们班长", "图书管理员", "爷爷", "女警察", "厨师", "赵律师",
    ),
    "place": (
        "图书馆", "火车站", "公园门口", "超市", "办公室", "学校操场", "海边", "医院", "山上", "咖啡馆", "厨房",
        "机场", "博物馆", "菜市场", "北京", "上海", "广州", "四川", "河边", "楼下", "银行", "体育馆",
    ),
    "act": (
        "买了两斤苹果", "看完了一本小说", "等了半个小时", "打扫房间", "学习怎么做菜", "拍了很多照片", "跟朋友聊天",
        "写作业", "弹钢琴", "修理自行车", "喝了一杯热茶", "画了一幅画", "寄了一封信", "练习游泳", "种了几棵树",
        "找到了丢失的钥匙", "参加会议", "准备考试", "下象棋", "听音乐会", "换了一些零钱", "预订了三张票",
        "认识了一位作家", "唱了一首老歌", "包饺子", "给奶奶打电话",
    ),
    "thing": (
        "这件毛衣", "那部电影", "他的普通话", "新买的手机", "妈妈做的红烧肉", "这条裙子", "这座城市", "那家饭馆",
        "他讲的故事", "今年的夏天", "这个问题", "那辆绿色的汽车", "我的房间", "学校的网球场", "这种水果", "窗外的月亮",
    ),
    "adj": (
        "非常漂亮", "有点儿贵", "又便宜又好", "特别有意思", "越来越热闹", "不太清楚", "很难忘记", "比以前好多了",
        "舒服极了", "太复杂了", "既安静又干净", "没有那么远", "确实很重要", "真让人感动", "软得像棉花", "相当危险",
    ),
    "cause": (
        "外面刮大风", "路上堵车", "身体不舒服", "票已经卖光了", "天气突然变冷", "他起得太晚", "电梯坏了",
        "大家都很累", "雪下得很厚", "没带雨伞", "工作特别忙", "孩子发烧了", "商店关门了", "时间不够",
    ),
    "result": (
        "我们只好回家", "比赛推迟到下周", "他没赶上飞机", "大家都留在屋里", "她决定坐地铁", "晚饭吃得很简单",
        "会议改到明天", "我给他发了短信", "他们换了一条路", "谁也不想出门", "我想早点儿睡觉", "经理同意他请假",
    ),
    "wish": (
        "学会骑马", "去云南旅游", "当一名护士", "开一家书店", "养一只小狗", "把英语学好", "去看日出", "搬到南方去住",
        "减少浪费", "保护环境", "了解中国历史", "跟全家人一起过春节", "尝尝当地的小吃", "锻炼身体",
    ),
}  # fmt: skip

_PATTERNS = (
    "{time}，{who}在{place}{act}。",
    "{who}觉得{thing}{adj}。",
    "因为{cause}，所以{result}。",
    "虽然{cause}，但是{who}还是去了{place}。",
    "请问，从这儿到{place}怎么走？",
    "你知道{who}为什么想{wish}吗？",
    "{who}告诉我，{thing}{adj}。",
    "如果{cause}，你就别去{place}了。",
    "{time}{who}终于{act}，心里高兴得不得了！",
    "除了{wish}，{who}还打算{wish2}。",
    "{thing}{adj}，{who}一定会喜欢。",
    "别着急，{who}马上就到{place}。",
)


def mandarin_sentences() -> Iterator[str]:
    """Yield several thousand sentences, always the same ones, each once."""
    generator = random.Random(_SEED)
    seen: set[str] = set()
    for _, pattern in itertools.product(range(_ROUNDS), _PATTERNS):
        words = {name: generator.choice(parts) for name, parts in _PARTS.items()}
        words["wish2"] = generator.choice([w for w in _PARTS["wish"] if w != words["wish"]])
        sentence = pattern.format(**words)
        if sentence not in seen:
            seen.add(sentence)
            yield sentence
