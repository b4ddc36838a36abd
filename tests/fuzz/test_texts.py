# ruff: noqa: RUF001 - odd characters are meant
"""Any text is said, or refused in one line."""

from fuzzing import damaged, fuzzed, tried
from hypothesis import given
from hypothesis import strategies as st

from model.config import ModelConfig
from model.text.frontend import phonemize
from model.text.inventory import phoneme_ids
from model.utterance import read_text

PIECES = (
    "Dr. Smith", "e.g.", "U.S.", "3.14", "1,234,567", "-5", "€3.50", "₹100", "≥", "50 %", "1/2",
    "½", "10:30", "2026-02-11", "1999", "0x1F", "https://example.com/a?b=c", "a@b.co", "#tag",
    "@name", "C++", "I'd've", "rock 'n' roll", "naïve", "ﬁ", "Ⅷ", "①", "今天", "一二三", "2020年",
    "上海", "，", "。", "こんにちは", "カナ", "한국어", "Привет", "العربية", "हिन्दी",
    "👩‍👩‍👧", "🏳️‍🌈", "☃",
    "\u202e", "\u200b", "\ufeff", "\x00", "\x1b[2J", "\ud800", "\U0010ffff", "a" * 200, "9" * 60,
    "...", "!?", "—", "\n\n", "\t", "e\u0301" * 5, "\u0301", "(((", "]]>", "'", "''",
)  # fmt: skip
TEXTS = st.lists(
    st.sampled_from(PIECES) | st.text(max_size=20) | st.characters(), min_size=0, max_size=12
).map(" ".join)
LIMITS = st.integers(8, 60) | st.just(ModelConfig.max_phonemes)


@fuzzed
@given(
    TEXTS, st.none() | st.sampled_from(["en", "zh", "xx"]), LIMITS,
    st.none() | st.integers(0, 40),
)  # fmt: skip
def test_any_text_becomes_sentences_that_fit_or_is_refused(text, lang, longest, first):
    sentences, refused = tried(phonemize, text, lang, max_phonemes=longest, first_phonemes=first)
    if refused:
        return
    assert sentences
    for sentence in sentences:
        assert 0 < len(phoneme_ids(sentence.phonemes)) <= longest
        assert "".join(sentence.dropped).encode() is not None  # it can be shown


@fuzzed
@given(
    st.one_of(
        st.binary(max_size=300),
        TEXTS.map(lambda text: text.encode("utf-8", "replace")).flatmap(damaged),
        TEXTS.map(lambda text: text.encode("utf-16", "replace")).flatmap(damaged),
    )
)
def test_any_file_is_text_or_is_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_bytes(content)
    text, refused = tried(read_text, path)
    assert "text.txt" in refused if refused else text.encode() is not None
    assert path.read_bytes() == content
