"""Training of the codec: codebooks, losses, and coming back after being killed."""

import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.checkpoint import load_checkpoint
from model.codec.own import CodecConfig, load_own
from model.codec.quantizer import ResidualQuantizer
from model.data.corpus import Utterance, digest, write_shard
from model.errors import CheckpointError
from model.training import codec as codec_module
from model.training import codec_decoder as decoder_module
from model.training.codec import CodecTraining, decode_latents, run
from model.training.codec_data import (
    CropSampler,
    PredictedCrops,
    is_validation,
    open_corpora,
)
from model.training.codec_decoder import DecoderTraining
from model.training.codec_discriminators import Discriminators, critic_loss, feature_loss
from model.training.codec_ema import CodebookTrainer, kmeans
from model.training.codec_losses import SpectralLoss
from model.training.state import read_state, write_state
from model.training.throughput import Throughput

SMALL = CodecConfig(
    code_width=8, encoder_width=16, encoder_layers=1, decoder_width=16, decoder_layers=1
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(codec_module, "WARMUP_STEPS", 2)
    monkeypatch.setattr(codec_module, "KMEANS_FRAMES", 1100)
    for module in (codec_module, decoder_module):
        monkeypatch.setattr(module, "BATCH", 2)
        monkeypatch.setattr(module, "FRAMES", 20)
    monkeypatch.setattr(decoder_module, "CRITIC_FRAMES", 8)


def hum(seconds: float, pitch_hz: float) -> np.ndarray:
    time_s = np.arange(int(seconds * 24_000)) / 24_000
    return (8000 * np.sin(2 * np.pi * pitch_hz * time_s)).astype(np.int16)


def make_training(seed: int = 0) -> CodecTraining:
    sampler = CropSampler([hum(2, 150), hum(0.5, 300)], seed)
    validation = CropSampler([hum(2, 200)], 1).draw(2, 6400, vary_gain=False)
    return CodecTraining(sampler, validation, seed, SMALL)


def test_kmeans_finds_the_clusters_that_are_there() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0], [5.0, 5.0]])
    points = centres.repeat(100, 1) + 0.1 * torch.randn(400, 2, generator=generator)
    found = kmeans(points, 4, generator)
    assert torch.cdist(centres, found).min(1).values.max() < 0.1


def test_dead_codes_come_back_to_life() -> None:
    torch.manual_seed(0)
    quantizer = ResidualQuantizer(2, 32, 4)
    quantizer.codebooks[0, 1:] += 100  # all data is nearest to the first entry
    books = CodebookTrainer(quantizer, decay=0.8, dead=0.5, seed=0)
    latents = torch.randn(1, 512, 4)
    assert len(quantizer.encode(latents)[:, 0].unique()) == 1
    for _ in range(60):
        books.quantize(latents, 0.0, update=True)
    assert len(quantizer.encode(latents)[:, 0].unique()) > 24


def test_gradients_go_straight_through_the_quantizer() -> None:
    torch.manual_seed(0)
    books = CodebookTrainer(ResidualQuantizer(2, 16, 4), decay=0.9, dead=0.0, seed=0)
    latents = torch.randn(1, 5, 4, requires_grad=True)
    quantized, commitment = books.quantize(latents, 0.0, update=False)
    assert not torch.allclose(quantized, latents)
    (gradient,) = torch.autograd.grad(quantized.sum(), latents, retain_graph=True)
    torch.testing.assert_close(gradient, torch.ones_like(latents))
    (pull,) = torch.autograd.grad(commitment, latents)
    assert (pull * (latents - quantized)).sum() > 0


def test_dropped_codebooks_leave_the_first_ones() -> None:
    torch.manual_seed(0)
    quantizer = ResidualQuantizer(8, 16, 4)
    books = CodebookTrainer(quantizer, decay=0.9, dead=0.0, seed=0)
    latents = torch.randn(64, 3, 4)
    quantized, _ = books.quantize(latents, 1.0, update=False)
    codes = quantizer.encode(latents)
    partial = torch.zeros_like(latents)
    # Two orders of adding eight entries differ by at most this; one entry more differs by far more.
    most = 8 * torch.finfo(torch.float32).eps * quantizer.codebooks.abs().max() * 8
    kept = torch.zeros(64, dtype=torch.long)
    for q in range(8):
        partial += quantizer.codebooks[q][codes[:, q]]
        kept[(partial - quantized).abs().amax((1, 2)) <= most] = q + 1
    assert kept.min() >= 1
    assert kept.max() <= 7
    assert len(kept.unique()) > 3


def test_the_spectral_loss_tells_level_and_phase_apart() -> None:
    loss = SpectralLoss()
    audio = torch.randn(1, 9600, generator=torch.Generator().manual_seed(0)) / 10
    _, same = loss(audio, audio)
    _, louder = loss(2 * audio, audio)
    _, inverted = loss(-audio, audio)
    assert same["mel"] == pytest.approx(0, abs=1e-5)
    assert same["phase"] == pytest.approx(0, abs=1e-3)
    assert louder["mel"] == pytest.approx(np.log(2), abs=0.01)
    assert louder["phase"] == pytest.approx(0, abs=1e-3)
    assert inverted["mel"] == pytest.approx(0, abs=1e-5)
    assert inverted["phase"] == pytest.approx(2, abs=1e-3)


def test_critics_prefer_recordings_once_they_learn_to() -> None:
    torch.manual_seed(0)
    critics = Discriminators()
    optimizer = torch.optim.AdamW(critics.parameters(), lr=2e-3)
    real = torch.from_numpy(hum(0.2, 200)[None] / 32768).float()
    fake = torch.randn_like(real) / 10
    losses = []
    for turn in range(8):
        loss = critic_loss(critics(real, turn), critics(fake, turn))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(2, abs=0.1)
    assert losses[-1] < losses[0] - 0.05
    assert feature_loss(critics(real, 0), critics(real, 0)) == 0


def test_another_critic_rests_each_turn() -> None:
    critics = Discriminators()
    audio = torch.from_numpy(hum(0.2, 200)[None] / 32768).float()
    everyone = [critic(audio)[-1].shape for critic in critics.spectra]
    present = [[said[-1].shape for said in critics(audio, turn)] for turn in range(4)]
    assert all(len(said) == len(everyone) - 1 for said in present)
    assert len({tuple(said) for said in present}) == len(everyone) == 3
    assert present[3] == present[0]


def test_training_lowers_the_loss_and_uses_its_codes() -> None:
    training = make_training()
    before = training.validate()["mel"]
    for _ in range(25):
        training.train_step()
    training.average.decay = 0.0
    training.average.update(training.parameters())
    after = training.validate()
    assert after["mel"] < 0.8 * before
    assert len(after["codes_used"]) == 8


def test_resumed_training_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole = make_training()
    for _ in range(4):
        whole.train_step()
    whole.save(tmp_path)
    expected = [whole.train_step() for _ in range(2)]

    resumed = make_training(seed=5)
    assert resumed.resume(tmp_path)
    assert [resumed.train_step() for _ in range(2)] == expected
    for name, tensor in resumed.average.values.items():
        assert torch.equal(tensor, whole.average.values[name]), name


def test_a_folder_without_state_starts_anew_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    training = make_training()
    assert not training.resume(tmp_path)
    write_state(tmp_path, {"x": torch.zeros(100)}, {"step": 1})
    assert read_state(tmp_path) is not None
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CheckpointError, match="damaged"):
        training.resume(tmp_path)


def test_the_state_before_a_damaged_one_is_gone_on_from(tmp_path: Path) -> None:
    for step in (1, 2):
        write_state(tmp_path, {"x": torch.full((100,), float(step))}, {"step": step})
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:-20])
    found = read_state(tmp_path)
    assert found is not None
    assert found[1] == {"step": 1}


def test_a_step_whose_gradient_is_not_finite_changes_nothing_and_is_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    training = make_training()
    training.train_step()
    before = {name: p.detach().clone() for name, p in training.parameters().items()}
    loss = training.loss.forward

    def broken(*arguments: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        total, parts = loss(*arguments)
        return total * float("nan"), parts

    monkeypatch.setattr(training.loss, "forward", broken)
    training.train_step()
    assert (training.step, training.skipped) == (2, 1)
    for name, parameter in training.parameters().items():
        assert torch.equal(parameter, before[name]), name
    monkeypatch.undo()
    training.train_step()
    assert training.skipped == 1
    training.save(tmp_path)
    resumed = make_training()
    assert resumed.resume(tmp_path)
    assert resumed.skipped == 1


def test_throughput_is_told_once_with_the_type_of_the_matrix_products(
    capsys: pytest.CaptureFixture[str],
) -> None:
    throughput = Throughput(began_s=100.0, audio_s=50.0, dtype=torch.float32)
    for passed_s in (5.0, 25.0, 30.0):
        throughput.tell(100.0 + passed_s, 50.0 + 2 * passed_s)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["2.0 s of speech per second of training: matrix products in float32, 1 thread"]


def test_a_run_leaves_a_log_a_state_and_a_checkpoint(tmp_path: Path) -> None:
    training = make_training()
    run(training, tmp_path, minutes=0.2 / 60)
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert entries[-1]["validation"].keys() >= {"mel", "phase", "snr_db", "codes_used", "bits"}
    assert load_own(tmp_path / "codec.safetensors").trained
    _, facts = load_checkpoint(tmp_path / "codec.safetensors", "codec")
    assert facts["steps"] == training.step > 0


def test_the_second_stage_leaves_encoder_and_codebooks_alone(tmp_path: Path) -> None:
    first = make_training()
    first.train_step()
    first.export(tmp_path / "codec.safetensors")
    start = load_own(tmp_path / "codec.safetensors")
    _, before = load_checkpoint(tmp_path / "codec.safetensors", "codec")
    second = DecoderTraining(start, first.sampler, first.validation, 0, before=before)
    second.set_rate(0.05)
    assert "critic" not in second.train_step()
    second.set_rate(0.7)
    assert "critic" in second.train_step()
    second.train_step()
    second.export(tmp_path / "refined.safetensors")

    refined = load_own(tmp_path / "refined.safetensors")
    audio = first.validation
    assert torch.equal(refined.encode(audio), start.encode(audio))
    assert torch.equal(refined.codebooks, start.codebooks)
    assert not torch.equal(refined.decode(start.encode(audio)), start.decode(start.encode(audio)))
    _, facts = load_checkpoint(tmp_path / "refined.safetensors", "codec")
    assert (facts["steps"], facts["decoder_steps"]) == (1, 3)
    assert facts["codes_sha256"] == before["codes_sha256"] == refined.codes_sha256()
    assert facts["sha256"] != before["sha256"]


def test_half_of_a_batch_are_guessed_codes_where_there_are_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_module, "PREDICTED", 1)
    codes = np.random.default_rng(0).integers(0, 1024, (30, 8)).astype(np.int16)
    predicted = PredictedCrops([(hum(30 / 75, 180), codes)])

    def stage() -> DecoderTraining:
        first = make_training()
        return DecoderTraining(
            first.codec, first.sampler, first.validation, 0, before={"steps": 0, "hours_seen": 0},
            predicted=predicted,
        )  # fmt: skip

    training = stage()
    waveform, latents = training._draw()
    assert len(waveform) == len(latents) == 2
    guessed = training.codec.quantizer(torch.from_numpy(codes.T.astype(np.int64))[None])[0]
    windows = guessed.unfold(0, 20, 1).transpose(1, 2)
    assert any(torch.equal(window, latents[1]) for window in windows)
    assert not any(torch.equal(window, latents[0]) for window in windows)

    before = {n: p.detach().clone() for n, p in training.parameters().items()}
    training.set_rate(0.7)
    training.train_step()
    exported = dict(training.averaged().named_parameters())
    for name, first in before.items():
        mixed = 0.6 * first + 0.4 * training.average.values[name]
        torch.testing.assert_close(exported[name], mixed, msg=name)
    training.save(tmp_path)
    resumed = stage()
    assert resumed.resume(tmp_path)
    resumed.set_rate(0.7)
    assert resumed.train_step() == training.train_step()


def test_the_asked_share_of_crops_keeps_only_coarse_channels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoder_module, "KNOWN_CHANNELS", (2,))
    first = make_training()
    before = {"steps": 0, "hours_seen": 0}
    training = DecoderTraining(
        first.codec, first.sampler, first.validation, 0, before=before, coarse=0.5
    )
    _, latents = training._draw()
    coarse = training.codec.codebooks[0][:, None] + training.codec.codebooks[1]
    distances = [torch.cdist(crop, coarse.flatten(0, 1)).amin(1).max() for crop in latents]
    assert distances[1] < 0.01  # cdist rounds
    assert distances[0] > 0.1


def test_training_synthesis_equals_what_is_exported() -> None:
    codec = make_training().codec
    codes = codec.encode(torch.rand(1, 6400) - 0.5)
    fast = decode_latents(codec, codec.quantizer(codes))
    exact = codec.decode(codes)
    # bfloat16 has 8 bits of mantissa.
    assert (fast - exact).square().sum() < 1e-3 * exact.square().sum()


def test_test_items_and_validation_items_are_not_trained_on(tmp_path: Path) -> None:
    items = []
    for index in range(300):
        audio = np.full(320, index + 1, dtype=np.int16)
        item = Utterance(
            name=f"item-{index}", speaker="s", lang="en", text="", source="p", licence="MIT",
            split=("train", "test", "prompt", "valid")[index % 4], n_samples=320,
            sha256=digest(audio),
        )  # fmt: skip
        items.append((item, audio))
    write_shard(tmp_path, 0, items)
    train, held_out = open_corpora([tmp_path])
    kept = {int(a[0]) - 1 for a in train}
    watched = {int(a[0]) - 1 for a in held_out}
    assert not kept & watched
    assert all(i % 4 == 0 for i in kept)
    assert {i for i in range(300) if i % 4 == 3} <= watched
    assert all(i % 4 in (0, 3) for i in watched)
    chosen = replace(items[0][0], name="x", split="train")
    assert is_validation(chosen) == (zlib.crc32(b"x") % 100 == 0)


def test_short_utterances_are_padded_and_silence_is_never_drawn() -> None:
    sampler = CropSampler([np.zeros(9000, dtype=np.int16), hum(0.1, 200)], 0)
    crops = sampler.draw(5, 4800)
    assert crops.shape == (5, 4800)
    assert (crops[:, 2400:] == 0).all()
    assert (crops[:, :2400].abs().amax(1) > 0.01).all()
