"""A made-up LibriTTS, aligned by a double of MFA, becomes a corpus that training reads."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from model.codec.own import CodecConfig, OwnCodec
from model.config import CONFIGS
from model.data import libritts
from model.data.corpus import AudioShards
from model.data.libritts import build, prepare
from model.errors import InputError
from model.loading import load_model
from model.mobilespeech import MobileSpeech
from model.text.frontend import phonemize
from model.text.inventory import PAUSES, PHONEMES, SILENCE
from model.training.speech import Budget, Validation, run
from model.training.speech_data import BatchSampler
from model.training.speech_step import SpeechSettings, SpeechTraining
from model.training.speech_validation import rehearsals, rehearse
from model.training.tokens import encode_corpus, read_tokens

SENTENCES = (
    "The river was low, and the boats lay on the sand.",
    "I read the letter twice.",
    "She will read it to us tonight!",
    "Nobody knew the answer.",
)
PHONE_S, GAP_S, LEAD_S = 0.08, 0.2, 0.5


def libri(root: Path, subset: str, speaker: str, number: int, text: str) -> Path:
    """An utterance of LibriTTS: audio and transcript under subset, speaker and chapter."""
    folder = root / subset / speaker / "7"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{speaker}_7_{number:06d}_000000.wav"
    count = sum(1 for p in phonemize(text, "en")[0].phonemes if p not in (*PAUSES, SILENCE))
    seconds = 2 * LEAD_S + count * (PHONE_S + GAP_S)
    noise = np.random.default_rng(number).normal(0, 0.1, int(seconds * 24_000))
    soundfile.write(path, noise, 24_000, subtype="PCM_16")
    path.with_suffix(".normalized.txt").write_text(text + "\n")
    return path


def align_as_mfa(work: Path) -> None:
    """Write JSON as MFA does (montreal_forced_aligner/textgrid.py, output format json).

    Each word of a transcript is looked up in the dictionary; phones follow one another, with a
    gap, which MFA's clean-up leaves out, after every second word.
    """
    dictionary = dict(
        line.split("\t") for line in (work / "dictionary.txt").read_text().splitlines()
    )
    for transcript in (work / "corpus").glob("*/*.lab"):
        assert transcript.with_suffix(".wav").exists()
        entries, at_s = [], LEAD_S
        for number, word in enumerate(transcript.read_text().split()):
            for phone in dictionary[word].split():
                entries.append([at_s, at_s + PHONE_S, phone])
                at_s += PHONE_S
            if number % 2:
                at_s += GAP_S
        out = work / "aligned" / transcript.parent.name / f"{transcript.stem}.json"
        out.parent.mkdir(parents=True, exist_ok=True)
        tiers = {"phones": {"type": "interval", "entries": entries}}
        out.write_text(json.dumps({"start": 0, "end": at_s + LEAD_S, "tiers": tiers}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "LibriTTS"
    for number, text in enumerate(SENTENCES):
        libri(root, "train-clean-100", "84", number, text)
        libri(root, "dev-clean", "174", number, text)
    libri(root, "test-clean", "61", 0, SENTENCES[0])
    return root


def test_the_dictionary_has_each_pronunciation_once_and_says_what_the_front_end_says(
    root: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    assert prepare(root, work) == (8, 0)
    lines = (work / "dictionary.txt").read_text(encoding="utf-8").splitlines()
    dictionary = dict(line.split("\t") for line in lines)
    assert len(dictionary) == len(lines) == len(set(dictionary.values()))
    assert all(name.isalpha() and name.isascii() for name in dictionary)
    for transcript in sorted((work / "corpus" / "84").glob("*.lab")):
        number = int(transcript.stem.split("_")[2])
        wanted = [
            p for p in phonemize(SENTENCES[number], "en")[0].phonemes if p not in (*PAUSES, SILENCE)
        ]
        said = [dictionary[word] for word in transcript.read_text().split()]
        assert " ".join(said).split() == wanted
    # A word that is read in two ways, past and present, has two names.
    first, second = (
        (work / "corpus" / "84" / f"84_7_{number:06d}_000000.lab").read_text().split()
        for number in (1, 2)
    )
    assert first[1] != second[2]


def test_a_corpus_is_what_was_aligned(root: Path, tmp_path: Path) -> None:
    work, corpus = tmp_path / "work", tmp_path / "corpus"
    prepare(root, work)
    align_as_mfa(work)
    assert build(work, corpus) == (8, 0)
    shards = AudioShards.open(corpus)
    splits = {(item.speaker, item.split) for item in shards.items}
    assert splits <= {
        ("libritts-84", "train"),
        ("libritts-84", "valid"),
        ("libritts-174", "prompt"),
        ("libritts-174", "test"),
    }
    assert sum(item.split == "prompt" for item in shards.items) == 2
    item = next(i for i in shards.items if i.text == SENTENCES[0] and i.speaker == "libritts-84")
    assert item.phonemes == phonemize(SENTENCES[0], "en")[0].phonemes
    assert sum(item.durations) == item.n_frames
    assert min(item.durations) >= 1
    comma = item.phonemes.index(",")
    # "The river was low": the fourth word is followed by a gap, which is the comma's.
    assert item.durations[comma] == pytest.approx(GAP_S * 75, abs=1)
    assert item.durations[comma - 1] == pytest.approx(PHONE_S * 75, abs=1)
    # After "river" nothing is written, so that the gap is the last phone's.
    end_of_river = item.phonemes.index("ɚ")
    assert item.durations[end_of_river] == pytest.approx((PHONE_S + GAP_S) * 75, abs=1)
    assert item.durations[0] == pytest.approx(7.5, abs=1)


def test_what_mfa_did_not_align_or_heard_otherwise_is_left_out(root: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    prepare(root, work)
    align_as_mfa(work)
    first, second, *_ = sorted((work / "aligned" / "84").glob("*.json"))
    first.unlink()
    document = json.loads(second.read_text())
    document["tiers"]["phones"]["entries"][3][2] = "spn"
    second.write_text(json.dumps(document))
    assert build(work, tmp_path / "corpus") == (6, 2)


def test_a_killed_build_goes_on(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libritts, "SHARD_SIZE", 3)
    work, corpus = tmp_path / "work", tmp_path / "corpus"
    prepare(root, work)
    align_as_mfa(work)
    build(work, corpus)
    (corpus / "items-00001.jsonl").unlink()
    assert build(work, corpus) == (8, 0)
    assert len({item.name for item in AudioShards.open(corpus).items}) == 8


def test_several_sentences_and_missing_transcripts_are_left_out(tmp_path: Path) -> None:
    root = tmp_path / "LibriTTS"
    libri(root, "train-clean-100", "84", 0, "One sentence.")
    libri(root, "train-clean-100", "84", 1, "One sentence. And another one.")
    libri(root, "train-clean-100", "84", 2, "No transcript.").with_suffix(
        ".normalized.txt"
    ).unlink()
    assert prepare(root, tmp_path / "work") == (1, 2)


def test_each_missing_step_is_named(tmp_path: Path, root: Path) -> None:
    with pytest.raises(InputError, match="no train"):
        prepare(tmp_path, tmp_path / "work")
    with pytest.raises(InputError, match="is not prepared"):
        build(tmp_path / "work", tmp_path / "corpus")
    prepare(root, tmp_path / "work")
    with pytest.raises(InputError, match="run mfa train"):
        build(tmp_path / "work", tmp_path / "corpus")


def test_it_is_tokenised_trained_on_resumed_exported_and_spoken(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libritts, "VALIDATION_SHARE", 3)
    monkeypatch.setattr("model.training.speech.can_listen", lambda: False)
    for number in range(4, 12):
        libri(root, "train-clean-100", "84", number, SENTENCES[number % 4])
    work, corpus, tokens = tmp_path / "work", tmp_path / "corpus", tmp_path / "tokens"
    prepare(root, work)
    align_as_mfa(work)
    build(work, corpus)
    torch.manual_seed(0)
    codec = OwnCodec(CodecConfig(encoder_width=16, decoder_width=16, decoder_layers=1)).eval()
    sha256 = codec.codes_sha256()
    for _ in encode_corpus(AudioShards.open(corpus), codec.encode, sha256, tokens):
        pass
    utterances = read_tokens(tokens)
    learnt = [u for u in utterances if u.speaker == "libritts-84"]
    model = MobileSpeech(CONFIGS["tiny"], len(PHONEMES))
    sampler = BatchSampler(learnt, model.config, 1500, seed=0)
    settings = SpeechSettings(batch_frames=1500)
    training = SpeechTraining(model, sampler, settings)
    validation = Validation(utterances, model, codec, tmp_path / "samples")
    facts = {"codes_sha256": sha256, "qat": None}
    run(training, Budget(None, 2), tmp_path / "out", facts, validation)
    resumed = SpeechTraining(MobileSpeech(CONFIGS["tiny"], len(PHONEMES)), sampler, settings)
    assert resumed.resume(tmp_path / "out")
    run(resumed, Budget(None, 3), tmp_path / "out", facts, None)
    trained, info = load_model("tiny", tmp_path / "out" / "mobilespeech.safetensors")
    assert (info.steps, info.codes_sha256) == (3, sha256)
    chosen = rehearsals([u for u in utterances if u.speaker == "libritts-174"], 1)
    assert chosen
    rehearse(trained, codec, chosen, tmp_path / "said")
    (spoken,) = (tmp_path / "said").glob("*.wav")
    assert soundfile.info(spoken).samplerate == 24_000
