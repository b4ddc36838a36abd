"""Guessed codes beside the speech they stand for: what the codec's decoder learns from."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.config import CONFIGS, HOP_LENGTH, N_CODEBOOK
from model.data.corpus import Utterance, digest, read_items, write_shard
from model.errors import ConfigError, InputError
from model.mobilespeech import MobileSpeech
from model.text.inventory import PHONEMES
from model.training import predicted as predicted_module
from model.training.codec_data import PredictedCrops
from model.training.predicted import predict_finer, predict_tokens
from model.training.speech_data import BatchSampler
from model.training.tokens import read_manifest, read_tokens, write_manifest, write_pack

TINY = CONFIGS["tiny"]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def model() -> MobileSpeech:
    return MobileSpeech(TINY, len(PHONEMES)).eval()


def make_utterance(number: int, split: str = "train") -> tuple[Utterance, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(number)
    durations = tuple(int(d) for d in rng.integers(3, 9, 12))
    n_frame = sum(durations)
    samples = rng.integers(-9000, 9000, n_frame * HOP_LENGTH).astype(np.int16)
    item = Utterance(
        name=f"u{number:03d}", speaker=f"s{number % 3}", lang="en", split=split, text="words",
        source="p", licence="MIT", n_samples=len(samples), sha256=digest(samples),
        phonemes=("sil", *["l"] * 10, "sil"), durations=durations,
    )  # fmt: skip
    return item, samples, rng.integers(0, 1024, (n_frame, N_CODEBOOK))


def make_folders(folder: Path) -> tuple[Path, Path]:
    """Write a corpus of 24 utterances, 3 of them for tests, and its tokens."""
    made = [make_utterance(i, "test" if i < 3 else "train") for i in range(24)]
    write_shard(folder / "corpus", 0, [(item, samples) for item, samples, _ in made])
    (folder / "tokens").mkdir()
    write_pack(folder / "tokens", 0, [m[0] for m in made], [m[2] for m in made])
    write_manifest(folder / "tokens", "c")
    return folder / "corpus", folder / "tokens"


def test_coarse_channels_are_kept_and_each_finer_one_follows_from_those_before_it(
    model: MobileSpeech, tmp_path: Path
) -> None:
    _, tokens = make_folders(tmp_path)
    batch = BatchSampler(read_tokens(tokens), TINY, 400, 0).draw(0)
    codes = predict_finer(model, batch, 2)
    assert torch.equal(codes[:, :2], batch.codes[:, :2])
    assert not torch.equal(codes[:, 2:], batch.codes[:, 2:])
    assert codes.max() < 1024
    # Guessing on from three of those channels is guessing on from two.
    again = type(batch)(**{**vars(batch), "codes": codes})
    assert torch.equal(predict_finer(model, again, 3), codes)


def test_guesses_are_made_as_synthesis_makes_them_of_an_utterance_alone(
    model: MobileSpeech, tmp_path: Path
) -> None:
    """Padding of a batch must not be heard."""
    _, tokens = make_folders(tmp_path)
    sampler = BatchSampler(read_tokens(tokens), TINY, 400, 0)
    rng = np.random.default_rng(0)
    ((utterances, batch),) = sampler.batches(sampler.ordered[:3], rng)
    together = predict_finer(model, batch, 1)
    for row, utterance in enumerate(utterances):
        valid = int(batch.valid[row].sum())
        prompt = int(batch.prompt_valid[row].sum())
        step = TINY.frames_per_step
        n_phoneme = len(utterance.phonemes)
        cut = {
            "phonemes": (n_phoneme,), "spoken": (n_phoneme,), "durations": (n_phoneme,),
            "codes": (N_CODEBOOK, valid), "valid": (valid,), "phoneme_of_frame": (valid,),
            "prompt": (N_CODEBOOK, prompt * step), "prompt_valid": (prompt,),
            "prompt_durations": (prompt,),
        }  # fmt: skip
        alone = type(batch)(
            **{
                name: getattr(batch, name)[row][tuple(slice(n) for n in sizes)][None]
                for name, sizes in cut.items()
            }
        )
        assert torch.equal(predict_finer(model, alone, 1)[0], together[row, :, :valid])


def test_batches_hold_every_utterance_once_and_are_no_larger_than_asked_for(tmp_path: Path) -> None:
    _, tokens = make_folders(tmp_path)
    sampler = BatchSampler(read_tokens(tokens), TINY, 300, 0)
    batches = list(sampler.batches(sampler.ordered, np.random.default_rng(0)))
    assert [u.name for us, _ in batches for u in us] == [u.name for u in sampler.ordered]
    assert len(batches) > 1
    assert all(batch.codes[:, 0].numel() <= 300 for _, batch in batches)


def test_predicting_goes_on_where_it_was_stopped(
    model: MobileSpeech, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicted_module, "UTTERANCES_PER_PACK", 8)
    _, tokens = make_folders(tmp_path)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert list(predict_tokens(model, tokens, whole, 0)) == [13, 5, 0]
    assert next(predict_tokens(model, tokens, stopped, 0)) == 13
    assert list(predict_tokens(model, tokens, stopped, 0)) == [5, 0]
    assert list(predict_tokens(model, tokens, stopped, 0)) == []
    for one, other in zip(read_tokens(whole), read_tokens(stopped), strict=True):
        assert one.name == other.name
        assert np.array_equal(one.codes, other.codes)
    assert read_manifest(stopped)["codes_sha256"] == "c"
    assert {item.split for item in read_items(whole)} == {"train"}


def test_crops_are_of_the_speech_that_their_codes_were_guessed_for(tmp_path: Path) -> None:
    corpus, tokens = make_folders(tmp_path)
    crops = PredictedCrops.open([corpus], [tokens], "c", 16)
    waveforms, codes = crops.draw(30, 16, np.random.default_rng(0))
    assert waveforms.shape == (30, 16 * HOP_LENGTH)
    assert codes.shape == (30, N_CODEBOOK, 16)
    made = [make_utterance(i) for i in range(3, 24)]
    for waveform, code in zip(waveforms, codes, strict=True):
        places = [
            (samples, start)
            for _, samples, true in made
            for start in range(len(true) - 15)
            if np.array_equal(true[start : start + 16].T, code)
        ]
        ((samples, start),) = places
        expected = samples[start * HOP_LENGTH : (start + 16) * HOP_LENGTH] / 32768
        assert np.allclose(waveform, expected, atol=1e-6)


def test_tokens_of_other_speech_are_an_error(tmp_path: Path) -> None:
    _, tokens = make_folders(tmp_path)
    item, samples, _ = make_utterance(99)
    write_shard(tmp_path / "other", 0, [(item, samples)])
    with pytest.raises(InputError, match="none of the predicted tokens"):
        PredictedCrops.open([tmp_path / "other"], [tokens], "c", 16)


def test_guesses_in_another_codecs_codes_are_an_error(tmp_path: Path) -> None:
    corpus, tokens = make_folders(tmp_path)
    with pytest.raises(ConfigError, match="another codec"):
        PredictedCrops.open([corpus], [tokens], "d", 16)
