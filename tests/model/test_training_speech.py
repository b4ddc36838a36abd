import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from model.checkpoint import save_checkpoint
from model.codec.own import CodecConfig, OwnCodec
from model.config import CONFIGS, FRAME_RATE_HZ
from model.data.corpus import AudioShards, Utterance, write_shard
from model.errors import ConfigError, InputError
from model.generate import Limits
from model.generate import regulate as regulate_one
from model.loading import learnt_tensors, load_model
from model.losses import MaskOptions, mask_grid
from model.mobilespeech import MobileSpeech
from model.text.inventory import PHONEMES
from model.training import tokens as tokens_module
from model.training.board import Board
from model.training.speech import Budget, Log, run
from model.training.speech_data import BatchSampler, Cut, collate, fits, regulate
from model.training.speech_qat import prepare_for_quantization
from model.training.speech_step import (
    SpeechSettings,
    SpeechTraining,
    forward_losses,
    guide,
    initialise_code_embeddings,
)
from model.training.speech_validation import (
    Rehearsal,
    guessed_codes,
    only,
    rehearsals,
    rehearse,
)
from model.training.tokens import (
    TokenisedUtterance,
    encode_corpus,
    read_manifest,
    read_tokens,
)

TINY = CONFIGS["tiny"]


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def toy_utterance(rng, number, speaker, split="train"):
    """Codes that follow from phoneme and speaker, so that there is something to learn."""
    durations = rng.integers(2, 9, int(rng.integers(8, 30)))
    phonemes = rng.integers(1, 20, len(durations))
    heard = np.repeat(phonemes, durations)
    codes = (heard[:, None] * 3 + 7 * speaker + np.arange(8)) % 1024
    return TokenisedUtterance(
        name=f"u{number:03d}",
        speaker=f"s{speaker}",
        split=split,
        lang="en",
        text="some words",
        phonemes=phonemes,
        durations=durations,
        codes=codes.astype(np.int16),
    )


def toy_utterances(count=40, speakers=4, split="train", seed=0):
    rng = np.random.default_rng(seed)
    return [toy_utterance(rng, i, i % speakers, split) for i in range(count)]


def toy_training(seed=0, **settings):
    sampler = BatchSampler(toy_utterances(), TINY, 600, seed)
    options = SpeechSettings(**{"batch_frames": 600, "warmup_steps": 5, "bf16": False, **settings})
    return SpeechTraining(MobileSpeech(TINY, len(PHONEMES)), sampler, options)


def train(training, steps):
    losses = []
    for _ in range(steps):
        training.set_rate(0.0)
        losses.append(float(training.train_step()[0].codes.detach()))
    return losses


# Data


def test_a_batch_follows_from_seed_and_step_alone():
    first, second = (BatchSampler(toy_utterances(), TINY, 600, seed=1) for _ in range(2))
    second.draw(4)
    for a, b in zip(vars(first.draw(9)).values(), vars(second.draw(9)).values(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.draw(9).prompt, first.draw(10).prompt)


def test_a_batch_is_no_larger_than_asked_for_and_seldom_much_smaller():
    sampler = BatchSampler(toy_utterances(), TINY, 600, seed=1)
    sizes = [sampler.draw(step).codes[:, 0].numel() for step in range(30)]
    assert max(sizes) <= 600
    assert np.mean(sizes) > 350


def test_every_utterance_is_drawn_sooner_or_later():
    utterances = toy_utterances()
    sampler = BatchSampler(utterances, TINY, 600, seed=1)
    lengths = {len(u.phonemes) for u in utterances}
    seen = {n for step in range(100) for n in sampler.draw(step).spoken.sum(1).tolist()}
    assert seen == lengths


def test_prompts_are_other_speech_of_the_same_speaker():
    utterances = toy_utterances()
    sampler = BatchSampler(utterances, TINY, 600, seed=1)
    rng = np.random.default_rng(0)
    for utterance in utterances:
        cut = sampler._cut_prompt(utterance, 100, rng)
        assert cut.utterance.speaker == utterance.speaker
        assert cut.utterance is not utterance
        assert (cut.stop - cut.start) % TINY.frames_per_step == 0


def test_a_speaker_with_one_utterance_is_left_out():
    lonely = toy_utterance(np.random.default_rng(5), 99, speaker=77)
    sampler = BatchSampler([*toy_utterances(), lonely], TINY, 600, seed=0)
    assert lonely not in sampler.ordered
    with pytest.raises(InputError, match="nothing to train on"):
        BatchSampler([lonely], TINY, 600, seed=0)


def test_text_is_stretched_as_in_synthesis():
    utterances = toy_utterances(3)
    batch = collate(utterances, [Cut(u, 0, 4) for u in utterances], 2)
    rows = torch.randn(3, batch.phonemes.shape[1], 2 * 5)
    together = regulate(rows, batch.phoneme_of_frame, 2)
    limits = Limits(2, 10_000, 100, 100, 0)
    for i, utterance in enumerate(utterances):
        length = len(utterance.phonemes)
        log_durations = np.log(utterance.durations.astype(np.float32))
        alone = regulate_one(rows[i, :length].numpy(), log_durations, limits)
        assert np.allclose(together[i, : len(alone)].numpy(), alone, atol=1e-6)
        assert batch.valid[i].sum() == 2 * len(alone)


def test_a_prompt_carries_the_duration_of_the_phoneme_under_each_step():
    utterance = TokenisedUtterance(
        "a", "s", "train", "en", "", np.array([5, 6, 7]), np.array([3, 4, 1]), np.zeros((8, 8))
    )
    batch = collate([utterance], [Cut(utterance, 2, 8)], 2)
    assert batch.prompt_durations.tolist() == [[3, 4, 4]]


# Training


def test_a_tiny_model_learns_toy_speech():
    training = toy_training(rate=1e-2, masks=MaskOptions(first=1.0, alpha=0.0))
    losses = train(training, 15)
    assert losses[0] > 6.5
    assert losses[-1] < 3.5


def test_bfloat16_learns_like_float32():
    exact, rounded = toy_training(), toy_training(bf16=True)
    assert train(rounded, 5) == pytest.approx(train(exact, 5), rel=0.02)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    whole = toy_training()
    train(whole, 6)
    first = toy_training()
    train(first, 3)
    first.save(tmp_path)
    second = toy_training()
    assert second.resume(tmp_path)
    train(second, 3)
    assert (second.step, second.audio_s) == (whole.step, whole.audio_s)
    for name, parameter in whole.parameters().items():
        assert torch.equal(parameter, second.parameters()[name]), name
        assert torch.equal(whole.average.values[name], second.average.values[name]), name


def gradients_of(training):
    """Gradients of all parameters; zeros for the heads that no example was for."""
    return [
        torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for p in training.parameters().values()
    ]


def test_the_gradients_of_accumulated_batches_are_averaged():
    whole = toy_training(accumulate=2)
    train(whole, 2)
    assert whole.audio_s == sum(whole.sampler.draw(number).seconds for number in range(4))
    by_hand = toy_training()
    by_hand.model.train()
    gradients = []
    for number in (0, 1):
        by_hand.optimizer.zero_grad()
        by_hand._learn_from(number)
        gradients.append(gradients_of(by_hand))
    once = toy_training(accumulate=2)
    once.optimizer.step = lambda: None
    once.set_rate(0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *arguments: torch.zeros(()))
        once.train_step()
    for found, one, other in zip(gradients_of(once), *gradients, strict=True):
        torch.testing.assert_close(found, (one + other) / 2)


def test_a_step_whose_gradient_is_not_finite_changes_nothing_and_is_counted(tmp_path, monkeypatch):
    training = toy_training()
    train(training, 1)
    before = {name: p.detach().clone() for name, p in training.parameters().items()}
    monkeypatch.setattr(
        torch.nn.utils, "clip_grad_norm_", lambda *arguments: torch.tensor(float("nan"))
    )
    _, norm = training.train_step()
    assert not np.isfinite(norm)
    assert (training.step, training.skipped) == (2, 1)
    for name, parameter in training.parameters().items():
        assert torch.equal(parameter, before[name]), name
    training.save(tmp_path)
    resumed = toy_training()
    resumed.resume(tmp_path)
    assert resumed.skipped == 1


def test_a_failed_validation_is_logged_and_the_run_ends_with_state_and_checkpoint(tmp_path):
    def fails(model, step):
        raise InputError("the predicted speech has 2000 frames")

    facts = {"codes_sha256": "abc", "qat": None}
    run(toy_training(), Budget(None, 3), tmp_path, facts, fails)
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert entries[-1]["validation_failed"] == "InputError: the predicted speech has 2000 frames"
    assert load_model("tiny", tmp_path / "mobilespeech.safetensors")[1].steps == 3
    assert toy_training().resume(tmp_path)


def test_a_state_of_other_sizes_is_an_error(tmp_path):
    training = toy_training()
    training.save(tmp_path)
    other = MobileSpeech(CONFIGS["base"], len(PHONEMES))
    with pytest.raises(ConfigError, match="other sizes"):
        SpeechTraining(other, training.sampler, training.settings).resume(tmp_path)


def test_every_parameter_is_trained():
    training = toy_training(masks=MaskOptions(joint=1.0))
    before = {name: p.detach().clone() for name, p in training.parameters().items()}
    train(training, 2)
    still = [name for name, p in training.parameters().items() if torch.equal(p, before[name])]
    assert still == []


def code_loss_with_prompts(training, prompts_of):
    """Loss of codes on the first batch, with the prompts of another one."""
    settings = training.settings
    copy = SpeechTraining(deepcopy(training.model), training.sampler, settings)
    batch = copy.sampler.draw(0)
    prompt = prompts_of(batch.prompt)
    copy.sampler = SimpleNamespace(seed=0, draw=lambda step: replace(batch, prompt=prompt))
    return float(copy.train_step()[0].codes.detach())


def test_examples_without_a_prompt_hear_nothing_of_it():
    def other(prompt):
        return (prompt + 100) % 1024

    deaf, hearing = toy_training(prompt_dropout=1.0), toy_training(prompt_dropout=0.0)
    assert code_loss_with_prompts(deaf, other) == code_loss_with_prompts(deaf, lambda p: p)
    assert code_loss_with_prompts(hearing, other) != code_loss_with_prompts(hearing, lambda p: p)


def test_a_student_comes_nearer_to_its_teachers_guided_guesses():
    teacher = toy_training(rate=1e-2, prompt_dropout=0.3)
    train(teacher, 15)
    guided = {"guidance": (1.0,) * 8, "prompt_dropout": 0.0, "rate": 3e-3}
    student = SpeechTraining(
        deepcopy(teacher.model),
        teacher.sampler,
        replace(teacher.settings, **guided),
        teacher=teacher.model.requires_grad_(False),
    )

    def distance():
        batch = student.sampler.draw(99)
        masked = mask_grid(
            batch.codes, batch.valid, MaskOptions(first=0.0), torch.Generator().manual_seed(0)
        )
        taught = guide(student.teacher, batch, masked.codes, student.settings.guidance)
        with torch.no_grad():
            return float(
                forward_losses(
                    student.model, batch, masked.codes, masked.trained, guidance=taught
                ).codes
            )

    before = distance()
    train(student, 15)
    assert distance() < before


def test_the_rate_warms_up_stays_and_falls():
    training = toy_training()

    def rate(step, progress):
        training.step = step
        training.set_rate(progress)
        return training.optimizer.param_groups[0]["lr"]

    peak = training.settings.rate
    assert rate(0, 0.0) == pytest.approx(peak / 5)
    assert rate(100, 0.5) == peak
    assert rate(100, 0.85) == pytest.approx(peak / 2)
    assert rate(100, 1.0) == pytest.approx(peak / 50)


def test_an_exported_model_is_loaded_with_its_history(tmp_path):
    training = toy_training()
    train(training, 2)
    training.export(tmp_path / "model.safetensors", {"codes_sha256": "abc"})
    model, info = load_model("tiny", tmp_path / "model.safetensors")
    assert (info.trained, info.steps, info.codes_sha256) == (True, 2, "abc")
    name, average = next(iter(training.average.values.items()))
    assert torch.equal(model.get_parameter(name), average.half().float())


def test_what_a_model_had_learnt_before_is_counted(tmp_path):
    first = toy_training()
    train(first, 2)
    first.export(tmp_path / "first.safetensors", {"codes_sha256": "abc"})
    model, before = load_model("tiny", tmp_path / "first.safetensors")
    second = SpeechTraining(model, first.sampler, first.settings, before=before)
    train(second, 3)
    second.export(tmp_path / "second.safetensors", {"codes_sha256": "abc"})
    assert load_model("tiny", tmp_path / "second.safetensors")[1].steps == 5


def test_code_embeddings_start_like_the_codebooks():
    model = MobileSpeech(TINY, len(PHONEMES))
    codebooks = torch.randn(8, 1024, TINY.code_width) * torch.arange(1, 9)[:, None, None]
    masks = model.smd.embedding.table.weight[1024].clone()
    initialise_code_embeddings(model, codebooks)
    for embedding in (model.smd.embedding, model.prompt_encoder.embedding):
        entry = embedding.table.weight[5 * 1025 + 17]
        cosine = torch.cosine_similarity(entry, codebooks[5, 17], dim=0)
        assert cosine.item() == pytest.approx(1.0)
    assert model.smd.embedding.table.weight.std().item() == pytest.approx(1.0, rel=0.05)
    assert torch.equal(model.smd.embedding.table.weight[1024], masks)


def test_code_embeddings_of_another_width_keep_near_codes_near():
    model = MobileSpeech(TINY, len(PHONEMES))
    codebooks = torch.randn(8, 1024, 64)
    codebooks[0, 1] = codebooks[0, 0] + 0.01
    initialise_code_embeddings(model, codebooks)
    table = model.smd.embedding.table.weight
    assert torch.dist(table[0], table[1]) < 0.1 * torch.dist(table[0], table[2])


@pytest.mark.parametrize("scheme", ["8da8w", "8da4w"])
def test_training_for_a_scheme_rounds_but_keeps_the_parameters_names(scheme):
    model = MobileSpeech(TINY, len(PHONEMES))
    names = learnt_tensors(model).keys()
    layer, x = model.smd.project, torch.randn(1, 3, model.smd.project.in_features)
    exact = layer(x)
    assert prepare_for_quantization(model, scheme) > 20
    assert learnt_tensors(model).keys() == names
    rounded = model.smd.project(x)
    assert 0 < (rounded - exact).abs().max() < 0.5 * exact.abs().max()
    training = SpeechTraining(model, toy_training().sampler, SpeechSettings(bf16=False))
    before = model.smd.project.weight.detach().clone()
    train(training, 1)
    assert not torch.equal(model.smd.project.weight, before)


def test_what_the_log_says_of_steps_done_again_is_forgotten(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 20}\n{"step": 40}\n{"step": 60, "lo')
    Log(path, step=20).write({"step": 40, "new": True})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 20},
        {"step": 40, "new": True},
    ]


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_loss_curve(tmp_path):
    for shard in range(2):
        toy_corpus(tmp_path / "corpus", shard, 30)
    codec = OwnCodec(CodecConfig(encoder_width=16, decoder_width=16, decoder_layers=1))
    facts = {"kind": "codec", "config": dataclasses.asdict(codec.config)}
    save_checkpoint(tmp_path / "codec.safetensors", codec.learned_state(), facts)
    encode(tmp_path / "corpus", tmp_path / "tokens", codec.codes_sha256())

    def start(out):
        saving = "from model.training import speech; speech.SAVE_EVERY_S = 0; speech.main()"
        flags = ["--config", "tiny", "--steps", "100", "--batch-frames", "60", "--no-validation"]
        flags += ["--tokens", "tokens", "--codec", "codec.safetensors", "--out", out]
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        return subprocess.Popen(
            [sys.executable, "-c", saving, *flags], cwd=tmp_path, env=environment
        )

    def curve(out):
        path = tmp_path / out / "log.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return {entry["step"]: entry["losses"] for entry in map(json.loads, lines)}

    assert start("whole").wait(120) == 0
    killed = start("killed")
    while 40 not in curve("killed"):
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    assert 100 not in curve("killed")
    assert start("killed").wait(120) == 0
    assert curve("killed") == curve("whole")


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_from_both_their_batches(tmp_path):
    for shard in range(2):
        toy_corpus(tmp_path / "corpus", shard, 30)
    codec = OwnCodec(CodecConfig(encoder_width=16, decoder_width=16, decoder_layers=1))
    facts = {"kind": "codec", "config": dataclasses.asdict(codec.config)}
    save_checkpoint(tmp_path / "codec.safetensors", codec.learned_state(), facts)
    encode(tmp_path / "corpus", tmp_path / "tokens", codec.codes_sha256())
    flags = ["--config", "tiny", "--steps", "20", "--batch-frames", "60", "--no-validation"]
    flags += ["--tokens", "tokens", "--codec", "codec.safetensors"]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"}
    several = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    commands = {
        "alone": [sys.executable, "-m", "model.training.speech", "--accumulate", "2"],
        "both": [sys.executable, "-m", *several, "model.training.speech"],
    }
    runs = [
        subprocess.Popen([*command, *flags, "--out", out], cwd=tmp_path, env=environment)
        for out, command in commands.items()
    ]
    assert [run.wait(240) for run in runs] == [0, 0]
    models = [
        load_model("tiny", tmp_path / out / "mobilespeech.safetensors")[0] for out in commands
    ]
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(one, other, atol=2e-3, rtol=2e-2)
    logs = [(tmp_path / out / "log.jsonl").read_text().splitlines() for out in commands]
    assert len(logs[0]) == len(logs[1])  # one process of two writes


class Writer:
    """Keeps what TensorBoard's SummaryWriter is given (torch/utils/tensorboard/writer.py)."""

    def __init__(self, folder):
        self.scalars, self.sounds = {}, {}

    def add_scalar(self, tag, value, global_step):
        self.scalars[tag, global_step] = value

    def add_audio(self, tag, sound, global_step, sample_rate):
        self.sounds[tag] = (sound.shape, global_step, sample_rate)

    def flush(self):
        pass


def test_tensorboard_gets_every_figure_of_the_log_and_the_samples(tmp_path, monkeypatch):
    import soundfile

    module = SimpleNamespace(SummaryWriter=Writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)

    class Measured:
        def __call__(self, model, step):
            self.samples(step).mkdir(parents=True)
            soundfile.write(self.samples(step) / "u1.wav", np.zeros(480), 24_000)
            return {"test": {"accuracy": [0.5, 0.25]}, "heard": {"u1": "words"}}

        def samples(self, step):
            return tmp_path / "samples" / str(step)

    board = Board(tmp_path / "tensorboard")
    facts = {"codes_sha256": "abc", "qat": None}
    run(toy_training(), Budget(None, 20), tmp_path, facts, Measured(), board=board)
    assert board.writer.scalars["validation/test/accuracy/1", 20] == 0.25
    assert ("losses/codes", 20) in board.writer.scalars
    assert board.writer.sounds == {"u1": ((1, 480), 20, 24_000)}


def test_a_missing_tensorboard_is_named_with_the_way_to_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        Board(tmp_path)


# Validation


def test_validation_masks_one_whole_channel_at_a_time():
    assert only(0) == MaskOptions(first=1.0, alpha=0.0)
    assert only(3).rank_weights == (0, 0, 1, 0, 0, 0, 0)


def test_validation_is_repeatable_and_notices_training():
    training = toy_training(rate=5e-3)
    batches = [training.sampler.draw(1000)]
    before = guessed_codes(training.model.eval(), batches)
    assert before == guessed_codes(training.model.eval(), batches)
    train(training, 10)
    after = guessed_codes(training.model.eval(), batches)
    assert after["cross_entropy"][0] < before["cross_entropy"][0]
    assert after["log_duration_mse"] < before["log_duration_mse"]


def test_rehearsals_take_each_speaker_once_before_any_twice():
    chosen = rehearsals(toy_utterances(12, speakers=3), 4)
    assert [item.utterance.speaker for item in chosen[:3]] == ["s0", "s1", "s2"]
    assert len(chosen) == 4
    assert all(item.prompt.speaker == item.utterance.speaker for item in chosen)
    assert all(item.prompt is not item.utterance for item in chosen)


def test_a_rehearsal_is_written_as_audio(tmp_path):
    import soundfile

    codec = OwnCodec(CodecConfig(encoder_width=16, decoder_width=16, decoder_layers=1)).eval()
    chosen = rehearsals(toy_utterances(4, speakers=2), 1)
    model = MobileSpeech(TINY, len(PHONEMES)).eval()
    figures = rehearse(model, codec, chosen, tmp_path)
    audio, rate = soundfile.read(tmp_path / f"{chosen[0].utterance.name}.wav")
    assert rate == 24_000
    expected = len(audio) / 320 / chosen[0].utterance.n_frame
    assert figures["relative_length"] == pytest.approx(expected, abs=1e-3)
    assert "wer_percent" not in figures


def test_a_sentence_that_the_model_cannot_say_is_counted_and_the_others_are_said(tmp_path):
    codec = OwnCodec(CodecConfig(encoder_width=16, decoder_width=16, decoder_layers=1)).eval()
    chosen = rehearsals(toy_utterances(4, speakers=2), 2)
    endless = replace(chosen[0].utterance, phonemes=np.full(255, 3))
    chosen[0] = Rehearsal(endless, chosen[0].prompt)
    model = MobileSpeech(TINY, len(PHONEMES)).eval()
    torch.nn.init.constant_(model.duration_predictor.out.bias, 3.0)
    figures = rehearse(model, codec, chosen, tmp_path)
    assert figures["unsaid"] == 1
    assert [path.stem for path in tmp_path.glob("*.wav")] == [chosen[1].utterance.name]


def test_utterances_beyond_the_models_limits_are_not_rehearsed():
    long = toy_utterance(np.random.default_rng(0), 100, 0, "test")
    long = replace(long, codes=np.zeros((TINY.max_frames + 1, 8), np.int16))
    wordy = replace(long, codes=long.codes[:50], phonemes=np.zeros(TINY.max_phonemes + 1, np.int64))
    short = toy_utterances(3, speakers=1, split="test")
    assert [u for u in [*short, long, wordy] if fits(u, TINY)] == short


# Tokens


def toy_corpus(folder: Path, shard: int, count: int) -> None:
    rng = np.random.default_rng(shard)
    pairs = []
    for i in range(count):
        audio = rng.integers(-3000, 3000, 320 * 6).astype(np.int16)
        item = Utterance(
            f"{shard}-{i}", "s", "en", "train", "", "toy", "CC0-1.0", len(audio), "",
            ("sil", "s", "sil") if i else (), (2, 3, 1) if i else (),
        )  # fmt: skip
        pairs.append((item, audio))
    write_shard(folder, shard, pairs)


def loudness_codes(waveform):
    """Stand in for a codec: the code is the loudest sample of the frame."""
    level = waveform.reshape(1, -1, 320).abs().amax(2) * 1023
    return level.long()[:, None].expand(-1, 8, -1)


def encode(corpus, folder, sha256="c"):
    return list(encode_corpus(AudioShards.open(corpus), loudness_codes, sha256, folder))


def test_tokens_come_back_with_their_text(tmp_path):
    toy_corpus(tmp_path / "corpus", 0, 4)
    encode(tmp_path / "corpus", tmp_path / "tokens")
    utterances = read_tokens(tmp_path / "tokens")
    assert [u.name for u in utterances] == ["0-1", "0-2", "0-3"]  # the first has no phonemes
    corpus = AudioShards.open(tmp_path / "corpus")
    waveform = torch.from_numpy(corpus.audio(2).astype(np.float32) / 32768)[None]
    assert np.array_equal(utterances[1].codes.T, loudness_codes(waveform)[0].numpy())
    assert utterances[0].durations.sum() == utterances[0].n_frame
    manifest = read_manifest(tmp_path / "tokens")
    assert (manifest["utterances"], manifest["licences"]) == (3, ["CC0-1.0"])
    assert manifest["hours"] == pytest.approx(18 / FRAME_RATE_HZ / 3600, abs=1e-3)


def test_encoding_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(tokens_module, "UTTERANCES_PER_PACK", 3)
    toy_corpus(tmp_path / "corpus", 0, 9)
    corpus = AudioShards.open(tmp_path / "corpus")
    stopped = encode_corpus(corpus, loudness_codes, "c", tmp_path / "tokens")
    assert next(stopped) == 5
    stopped.close()
    assert encode(tmp_path / "corpus", tmp_path / "tokens") == [2, 0]
    assert len(read_tokens(tmp_path / "tokens")) == 8


def test_a_grown_corpus_is_encoded_further(tmp_path):
    toy_corpus(tmp_path / "corpus", 1, 4)
    encode(tmp_path / "corpus", tmp_path / "tokens")
    toy_corpus(tmp_path / "corpus", 0, 4)
    assert encode(tmp_path / "corpus", tmp_path / "tokens") == [0]
    names = [u.name for u in read_tokens(tmp_path / "tokens")]
    assert names == ["1-1", "1-2", "1-3", "0-1", "0-2", "0-3"]


def test_tokens_of_two_codecs_do_not_mix(tmp_path):
    toy_corpus(tmp_path / "corpus", 0, 3)
    encode(tmp_path / "corpus", tmp_path / "tokens")
    with pytest.raises(ConfigError, match="another codec"):
        encode(tmp_path / "corpus", tmp_path / "tokens", sha256="d")


def test_tokens_that_were_cut_short_are_an_error(tmp_path):
    toy_corpus(tmp_path / "corpus", 0, 3)
    encode(tmp_path / "corpus", tmp_path / "tokens")
    path = tmp_path / "tokens" / "codes-00000.i16"
    path.write_bytes(path.read_bytes()[:-16])
    with pytest.raises(InputError, match="do not belong together"):
        read_tokens(tmp_path / "tokens")
    with pytest.raises(InputError, match="holds no tokens"):
        read_tokens(tmp_path / "corpus")
