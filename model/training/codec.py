"""First stage of the codec's training: encoder, codebooks and decoder, on spectral losses.

`python -m model.training.codec CORPUS... --minutes 60 --out DIR`. The second stage, which refines
the decoder alone, is `model.training.codec_decoder`.
"""

import argparse
import dataclasses
import json
import math
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

from model.checkpoint import save_checkpoint
from model.codec.own import CodecConfig, OwnCodec
from model.codec.spectral import N_FFT, overlap_add
from model.config import CODEBOOK_SIZE, HOP_LENGTH, SAMPLE_RATE_HZ
from model.precision import fast_products, products_dtype
from model.training.codec_data import CropSampler, open_corpora
from model.training.codec_ema import CodebookTrainer
from model.training.codec_losses import SpectralLoss
from model.training.state import (
    MovingAverage,
    optimizer_tensors,
    read_state,
    restore_optimizer,
    write_state,
)
from model.training.throughput import Throughput

CPU = torch.device("cpu")
BATCH, FRAMES = 8, 64  # crops per step and frames per crop
WARMUP_STEPS = 100  # of the learning rate, and of training without quantization
KMEANS_FRAMES = 24_000
DROPOUT = 0.25  # share of crops that keep only some codebooks
COMMITMENT = 0.25
PEAK_RATE = 1.5e-3
SAVE_EVERY_S, VALIDATE_EVERY_S = 60.0, 120.0
LONGEST_STEP_S = 10.0
COARSE = 3  # channels that are known in the second half of a validation


def codec_optimizers(module: nn.Module, rate: float) -> list[Optimizer]:
    """Muon for the matrices inside blocks, AdamW for everything else.

    Muon (arXiv 2502.16982) reaches the same loss in two thirds of the steps here and costs a fifth
    more per step.
    """
    inner: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            is_inner = parameter.ndim == 2 and ".blocks." in f".{name}"
            (inner if is_inner else rest).append(parameter)
    return [
        Muon(inner, lr=rate / 2, weight_decay=0.0, ns_steps=3, adjust_lr_fn="match_rms_adamw"),
        AdamW(rest, lr=rate, betas=(0.8, 0.98), weight_decay=0.0),
    ]


def synthesise(real: Tensor, imaginary: Tensor) -> Tensor:
    """Inverse STFT by FFT: what `InverseSTFT` computes by matrix product, cheaper to train."""
    window = torch.hann_window(N_FFT, device=real.device) * (N_FFT / 2 / 1.5)
    return overlap_add(torch.fft.irfft(torch.complex(real, imaginary), n=N_FFT) * window)


def decode_latents(codec: OwnCodec, latents: Tensor) -> Tensor:
    """Decode (B, T, D) latents, with matrix products in the device's fastest type."""
    with fast_products(latents.device.type):
        real, imaginary = codec.decoder.spectrum(codec.decoder.hidden(latents))
    return synthesise(real.float(), imaginary.float())


def encode_latents(codec: OwnCodec, waveform: Tensor) -> Tensor:
    """Encode (B, N) samples to latents, with matrix products in the device's fastest type."""
    with torch.no_grad():
        features = codec.encoder.features(waveform)
    with fast_products(waveform.device.type):
        latents: Tensor = codec.encoder(features)
    return latents.float()


class CodecTraining:
    """First stage: encoder, codebooks and decoder, all at once.

    Args:
        sampler: Training audio.
        validation: (B, N) samples that are never trained on.
        seed: Of weights, crops and codebook restarts.
        config: Sizes of the codec.
        device: Where to train. Crops and restarts are drawn on the processor all the same, so that
            a seed means the same everywhere.
    """

    def __init__(
        self,
        sampler: CropSampler,
        validation: Tensor,
        seed: int,
        config: CodecConfig,
        device: torch.device = CPU,
    ) -> None:
        torch.manual_seed(seed)
        self.device = device
        self.codec = OwnCodec(config).to(device)
        self.sampler, self.validation = sampler, validation.to(device)
        self.books = CodebookTrainer(self.codec.quantizer, decay=0.99, dead=0.08, seed=seed)
        self.loss = SpectralLoss().to(device)
        self.optimizers = codec_optimizers(self.codec, PEAK_RATE)
        self.rates = [[g["lr"] for g in o.param_groups] for o in self.optimizers]
        self.average = MovingAverage(self.parameters(), decay=0.999)
        self.step, self.elapsed_s = 0, 0.0
        self.skipped = 0  # steps whose gradient was no finite number

    def parameters(self) -> dict[str, Tensor]:
        """Everything that gradients change."""
        return {n: p for n, p in self.codec.named_parameters() if p.requires_grad}

    def set_rate(self, progress: float) -> None:
        """Warm up, then follow half a cosine over the planned time."""
        scale = min(1.0, (self.step + 1) / WARMUP_STEPS)
        scale *= 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
        for optimizer, rates in zip(self.optimizers, self.rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * scale

    def train_step(self) -> dict[str, float]:
        """Learn from one batch; returns the losses by name."""
        if self.step == WARMUP_STEPS:
            self._start_codebooks()
        waveform = self.sampler.draw(BATCH, FRAMES * HOP_LENGTH).to(self.device)
        latents = encode_latents(self.codec, waveform)
        commitment = latents.new_zeros(())
        if self.step >= WARMUP_STEPS:
            latents, commitment = self.books.quantize(latents, DROPOUT, update=True)
        total, parts = self.loss(decode_latents(self.codec, latents), waveform, self.step)
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        (total + COMMITMENT * commitment).backward()
        norm = nn.utils.clip_grad_norm_(self.parameters().values(), 2.0)
        self.learn(self.optimizers, norm)
        self.step += 1
        return {
            **{name: float(value) for name, value in parts.items()},
            "commitment": float(commitment.detach()),
            "gradient_norm": float(norm),
        }

    def learn(self, optimizers: Sequence[Optimizer], norm: Tensor) -> None:
        """Let optimizers step, unless the gradient's norm is no finite number: that is counted."""
        if not torch.isfinite(norm):
            self.skipped += 1
            return
        for optimizer in optimizers:
            optimizer.step()
        self.average.update(self.parameters())

    @torch.no_grad()
    def _start_codebooks(self) -> None:
        batches = KMEANS_FRAMES // (BATCH * FRAMES)
        latents = [
            encode_latents(
                self.codec, self.sampler.draw(BATCH, FRAMES * HOP_LENGTH).to(self.device)
            )
            for _ in range(batches)
        ]
        self.books.initialise(torch.cat(latents).flatten(0, 1))

    def averaged(self) -> OwnCodec:
        """The codec with averaged weights and the present codebooks, on the training's device."""
        codec = OwnCodec(self.codec.config).to(self.device)
        codec.load_state_dict({**self.codec.state_dict(), **self.average.values})
        codec.trained = True
        return codec.eval()

    @torch.no_grad()
    def validate(self) -> dict[str, Any]:
        """Measure the averaged codec on the validation audio."""
        return validate(self.averaged(), self.validation, self.loss)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that resuming needs."""
        tensors = {f"codec.{n}": t for n, t in self.codec.learned_state().items()}
        tensors |= {f"average.{n}": t for n, t in self.average.values.items()}
        tensors |= {f"books.{n}": t for n, t in self.books.state().items()}
        for index, optimizer in enumerate(self.optimizers):
            tensors |= optimizer_tensors(optimizer, f"optimizer{index}")
        return tensors

    def save(self, folder: Path) -> None:
        """Write all that resuming needs."""
        facts = {
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "skipped": self.skipped,
            "average_steps": self.average.steps,
            "sampler": self.sampler.rng.bit_generator.state,
        }
        write_state(folder, self.tensors(), facts)

    def resume(self, folder: Path) -> bool:
        """Go on from what `save` wrote there; False where there is nothing."""
        state = read_state(folder)
        if state is None:
            return False
        tensors, facts = state
        self.load_tensors(tensors)
        self.average.steps = facts["average_steps"]
        self.step, self.elapsed_s = facts["step"], facts["elapsed_s"]
        self.skipped = facts.get("skipped", 0)
        self.sampler.rng.bit_generator.state = facts["sampler"]
        return True

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` returned."""
        self.codec.load_learned_state(part(tensors, "codec."))
        self.average.values = {
            name: tensor.to(self.device) for name, tensor in part(tensors, "average.").items()
        }
        self.books.load_state(part(tensors, "books."))
        for index, optimizer in enumerate(self.optimizers):
            restore_optimizer(optimizer, f"optimizer{index}", tensors)

    def export(self, path: Path) -> None:
        """Write the averaged codec as a checkpoint that `load_own` reads."""
        save_codec(self.averaged(), path, self.facts())

    def facts(self) -> dict[str, Any]:
        """What a checkpoint says about its training."""
        seen_h = self.step * BATCH * FRAMES * HOP_LENGTH / SAMPLE_RATE_HZ / 3600
        return {"steps": self.step, "hours_seen": round(seen_h, 2)}


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors whose names begin with a prefix, without it."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def save_codec(codec: OwnCodec, path: Path, facts: dict[str, Any]) -> None:
    """Write a codec as a checkpoint that `model.codec.own.load_own` reads."""
    metadata = {
        "kind": "codec",
        "config": dataclasses.asdict(codec.config),
        "codes_sha256": codec.codes_sha256(),
        **facts,
    }
    save_checkpoint(path, codec.learned_state(), metadata)


@torch.no_grad()
def validate(codec: OwnCodec, audio: Tensor, loss: SpectralLoss) -> dict[str, Any]:
    """Losses, signal-to-noise ratio, and the codes and bits that each codebook really uses.

    Names with `coarse_` are the losses where only the first channels are known.
    """
    codes = codec.encode(audio)
    output = decode_latents(codec, codec.quantizer(codes))
    _, parts = loss(output, audio)
    coarse = codes.clone()
    coarse[:, COARSE:] = CODEBOOK_SIZE
    _, coarse_parts = loss(decode_latents(codec, codec.quantizer(coarse)), audio)
    noise = (audio - output).square().sum(1)
    snr_db = (10 * torch.log10(audio.square().sum(1) / noise)).mean()
    used, bits = [], []
    for book in codes.transpose(0, 1):
        share = torch.bincount(book.flatten(), minlength=1).double() / book.numel()
        share = share[share > 0]
        used.append(len(share))
        bits.append(round(float(-(share * share.log2()).sum()), 2))
    return {
        **{name: round(float(value), 4) for name, value in parts.items()},
        **{f"coarse_{name}": round(float(value), 4) for name, value in coarse_parts.items()},
        "snr_db": round(float(snr_db), 2),
        "codes_used": used,
        "bits": bits,
    }


def run(training: "CodecTraining", folder: Path, minutes: float) -> None:
    """Train until `minutes` of training in all have passed, or until SIGTERM or Ctrl-C.

    Saves what resuming needs every minute and at the end, appends losses to `log.jsonl`, and
    writes `codec.safetensors` with every validation.
    """
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    folder.mkdir(parents=True, exist_ok=True)
    training.resume(folder)
    saved_s = validated_s = training.elapsed_s
    step_s = BATCH * FRAMES * HOP_LENGTH / SAMPLE_RATE_HZ
    throughput = Throughput(
        training.elapsed_s, training.step * step_s, products_dtype(training.device.type)
    )
    sums: dict[str, float] = {}
    count = 0
    with (folder / "log.jsonl").open("a") as log:

        def record(entry: dict[str, Any]) -> None:
            entry = {"step": training.step, "elapsed_s": round(training.elapsed_s, 1), **entry}
            log.write(json.dumps(entry) + "\n")
            log.flush()
            print(json.dumps(entry), flush=True)

        while training.elapsed_s < minutes * 60 and not stopped:
            started = time.monotonic()
            training.set_rate(training.elapsed_s / (minutes * 60))
            for name, value in training.train_step().items():
                sums[name] = sums.get(name, 0.0) + value
            count += 1
            # A suspended process is not training.
            training.elapsed_s += min(time.monotonic() - started, LONGEST_STEP_S)
            throughput.tell(training.elapsed_s, training.step * step_s)
            if count == 100:
                losses = {name: round(value / count, 4) for name, value in sums.items()}
                skipped = {"skipped": training.skipped} if training.skipped else {}
                record({"losses": losses, **skipped})
                sums, count = {}, 0
            if training.elapsed_s - validated_s > VALIDATE_EVERY_S:
                validated_s = training.elapsed_s
                record({"validation": training.validate()})
                training.export(folder / "codec.safetensors")
            if training.elapsed_s - saved_s > SAVE_EVERY_S:
                saved_s = training.elapsed_s
                training.save(folder)
        training.save(folder)
        record({"validation": training.validate()})
        training.export(folder / "codec.safetensors")


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m model.training.codec")
    arguments, sampler, validation = open_training(parser)
    training = CodecTraining(
        sampler, validation, arguments.seed, CodecConfig(), device=arguments.device
    )
    run(training, arguments.out, arguments.minutes)


def open_training(
    parser: argparse.ArgumentParser,
) -> tuple[argparse.Namespace, CropSampler, Tensor]:
    """Parse what both stages take; returns it with training and validation audio."""
    parser.add_argument("corpora", nargs="+", type=Path, help="folders of audio shards")
    parser.add_argument("--minutes", type=float, required=True, help="training time in all")
    parser.add_argument("--out", type=Path, required=True, help="folder of state, log, checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", type=torch.device, default=CPU, help="cpu, cuda, ...")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    utterances, held_out = open_corpora(arguments.corpora)
    validation = CropSampler(held_out, seed=1).draw(32, 96 * HOP_LENGTH, vary_gain=False)
    return arguments, CropSampler(utterances, arguments.seed), validation


if __name__ == "__main__":
    main()
