# ruff: noqa: RUF001 - IPA letters are what is tested
from model.text.frontend import phonemize
from model.text.inventory import PAUSES, PHONEMES, SILENCE
from model.text.kokoro import to_kokoro

# Kokoro-82M v1.0's vocabulary, as its config.json lists it.
VOCABULARY = set(
    ';:,.!?—…"()“” ̃ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃ'
    "ʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ"
)


def symbols(text):
    return "".join(to_kokoro(phonemize(text)[0].phonemes))


def test_every_phoneme_but_padding_and_silence_has_symbols_that_kokoro_knows():
    for phoneme in PHONEMES[1:]:
        (spoken,) = to_kokoro([phoneme])
        assert set(spoken) <= VOCABULARY
        assert bool(spoken) == (phoneme != SILENCE)


def test_no_two_english_phonemes_sound_alike():
    english = [phoneme for phoneme in PHONEMES[2:] if not phoneme.startswith("zh:")]
    assert len({to_kokoro([phoneme])[0] for phoneme in english}) == len(english)


def test_there_is_one_string_for_each_phoneme():
    sentence = phonemize("The water bottle, 银行!")[0]
    spoken = to_kokoro(sentence.phonemes)
    assert len(spoken) == len(sentence.phonemes)
    assert [i for i, s in enumerate(spoken) if not s] == [0, len(spoken) - 1]
    assert all(spoken[i] == p for i, p in enumerate(sentence.phonemes) if p in PAUSES)


def test_english_is_written_as_americans_say_it():
    assert symbols("choice") == "ʧˈYs."
    assert symbols("my own house") == "mI ˈOn hˈWs.".replace(" ", "")
    assert symbols("bird") == "bˈɜɹd."
    assert symbols("water") == "wˈɔTəɹ."
    assert symbols("button") == "bˈʌtᵊn."
    assert symbols("table") == "tˈAbᵊl."


def test_mandarin_carries_its_tone_after_the_vowel():
    assert symbols("中国人") == "ꭧʊ→ŋkwo↗ɻə↗n."
    assert symbols("四十") == "sɨ↘ʂɨ↗."
    assert symbols("女儿吗") == "ny↓ɚ↗ma."
