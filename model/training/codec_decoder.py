"""Second stage of the codec's training: the decoder alone, against critics.

`python -m model.training.codec_decoder CORPUS... --from CHECKPOINT --minutes 60 --out DIR`. With
`--predicted TOKENS...` half of each batch are codes that MobileSpeech guessed for the speech. With
`--coarse SHARE` that share of crops keeps only coarse channels, for plans of decoding that end
there.
Encoder and codebooks stay bit for bit as they are in the checkpoint: codes that were made with it,
and models that were trained on those codes, keep their meaning.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from model.checkpoint import load_checkpoint
from model.codec.own import OwnCodec, load_own
from model.config import CODEBOOK_SIZE, HOP_LENGTH
from model.precision import fast_products
from model.training.codec import (
    BATCH,
    CPU,
    FRAMES,
    CodecTraining,
    codec_optimizers,
    decode_latents,
    encode_latents,
    open_training,
    part,
    run,
)
from model.training.codec_data import CropSampler, PredictedCrops
from model.training.codec_discriminators import (
    Discriminators,
    critic_loss,
    deceit_loss,
    feature_loss,
)
from model.training.state import MovingAverage

DECODER_RATE, CRITIC_RATE = 5e-4, 1.5e-3
# Shares of the planned time: critics that know nothing yet would only disturb.
CRITICS_LEARN, CRITICS_HEARD = 0.06, 0.1
CRITIC_FRAMES = 32  # of each crop that critics see, half of it for speed
FEATURE_WEIGHT = 10.0  # of feature matching beside deceit
CRITIC_SHARE = 4.0  # of the gradient from critics, relative to that from spectra
NORM_DECAY = 0.98
PREDICTED = 4  # crops of a batch whose codes are guesses, where there are any
# What is exported then keeps so much of the weights that training began with: guesses cost sound,
# and this is the most of them that leaves true codes sounding good (docs/codec.md).
START_SHARE = 0.6
KNOWN_CHANNELS = (2, 3, 3, 4)  # of a crop that keeps coarse channels: one of these is drawn


class DecoderTraining(CodecTraining):
    """Second stage: a frozen encoder, frozen codebooks, and a decoder that learns to deceive.

    Args:
        codec: The codec of the first stage.
        sampler: Training audio.
        validation: (B, N) samples that are never trained on.
        seed: Of critics and crops.
        before: Metadata of the codec's checkpoint.
        predicted: Speech with guessed codes.
        coarse: Share of crops that keep only coarse channels.
        device: Where to train.
    """

    def __init__(
        self,
        codec: OwnCodec,
        sampler: CropSampler,
        validation: Tensor,
        seed: int,
        *,
        before: dict[str, Any],
        predicted: PredictedCrops | None = None,
        coarse: float = 0.0,
        device: torch.device = CPU,
    ) -> None:
        super().__init__(sampler, validation, seed, codec.config, device)
        self.codec.load_learned_state(codec.learned_state())
        self.codec.encoder.requires_grad_(False)
        self.before, self.predicted = before, predicted
        self.coarse = coarse
        self.start = {n: p.detach().clone() for n, p in self.parameters().items()}
        self.critics = Discriminators().to(device)
        self.critic_optimizer = AdamW(
            self.critics.parameters(), lr=CRITIC_RATE, betas=(0.8, 0.95), weight_decay=0.0
        )
        self.optimizers = [
            *codec_optimizers(self.codec.decoder, DECODER_RATE),
            self.critic_optimizer,
        ]
        self.rates = [[g["lr"] for g in o.param_groups] for o in self.optimizers]
        self.average = MovingAverage(self.parameters(), decay=0.999)
        self.progress = 0.0
        self.norms = torch.zeros(
            2, device=device
        )  # running norms of the gradients from spectra and critics

    def set_rate(self, progress: float) -> None:
        """Set learning rates, and whether critics learn and are heard, for a share of the time."""
        super().set_rate(progress)
        self.progress = progress

    def train_step(self) -> dict[str, float]:
        """Teach the critics on one batch, once it is their turn, and the decoder on the same."""
        waveform, latents = self._draw()
        output = decode_latents(self.codec, latents)
        start = int(self.sampler.rng.integers(FRAMES - CRITIC_FRAMES + 1)) * HOP_LENGTH
        seen = slice(start, start + CRITIC_FRAMES * HOP_LENGTH)
        losses: dict[str, float] = {}
        if self.progress >= CRITICS_LEARN:
            losses |= self._teach_critics(waveform[:, seen], output.detach()[:, seen])

        heard = output.detach().requires_grad_()
        total, parts = self.loss(heard, waveform, self.step)
        (gradient,) = torch.autograd.grad(total, heard)
        losses |= {name: float(value) for name, value in parts.items()}
        if self.progress >= CRITICS_HEARD:
            gradient = self._balance(gradient, self._critics_gradient(waveform, heard, seen))
        for optimizer in self.optimizers[:-1]:
            optimizer.zero_grad()
        torch.autograd.backward(output, gradient)
        norm = nn.utils.clip_grad_norm_(self.parameters().values(), 2.0)
        self.learn(self.optimizers[:-1], norm)
        self.step += 1
        return losses

    @torch.no_grad()
    def _draw(self) -> tuple[Tensor, Tensor]:
        """Draw (B, N) samples and the (B, T, D) latents to decode."""
        n_guessed = PREDICTED if self.predicted else 0
        waveform = self.sampler.draw(BATCH - n_guessed, FRAMES * HOP_LENGTH).to(self.device)
        codes = self.codec.quantizer.encode(encode_latents(self.codec, waveform))
        if self.predicted:
            spoken, guessed = self.predicted.draw(n_guessed, FRAMES, self.sampler.rng)
            waveform = torch.cat((waveform, spoken.to(self.device)))
            codes = torch.cat((codes, guessed.to(self.device)))
        for crop in codes[len(codes) - round(self.coarse * len(codes)) :]:  # guesses first
            crop[int(self.sampler.rng.choice(KNOWN_CHANNELS)) :] = CODEBOOK_SIZE
        latents: Tensor = self.codec.quantizer(codes)
        return waveform, latents

    def _teach_critics(self, real: Tensor, fake: Tensor) -> dict[str, float]:
        with fast_products(self.device.type):
            loss = critic_loss(self.critics(real, self.step), self.critics(fake, self.step))
        self.critic_optimizer.zero_grad()
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.critics.parameters(), 10.0)
        if torch.isfinite(norm):
            self.critic_optimizer.step()
        return {"critic": float(loss.detach())}

    def _critics_gradient(self, waveform: Tensor, heard: Tensor, seen: slice) -> Tensor:
        self.critics.requires_grad_(False)
        with fast_products(self.device.type):
            with torch.no_grad():
                real = self.critics(waveform[:, seen], self.step)
            fake = self.critics(heard[:, seen], self.step)
        loss = deceit_loss(fake) + FEATURE_WEIGHT * feature_loss(real, fake)
        (gradient,) = torch.autograd.grad(loss, heard)
        self.critics.requires_grad_(True)
        return gradient

    def _balance(self, spectra: Tensor, critics: Tensor) -> Tensor:
        """Weigh two gradients by their running norms (EnCodec, arXiv 2210.13438, section 3.4)."""
        now = torch.stack((spectra.norm(), critics.norm()))
        if not torch.isfinite(now).all():  # the step will be skipped, the norms must not be lost
            return spectra + critics
        self.norms = now if not self.norms.any() else torch.lerp(now, self.norms, NORM_DECAY)
        return spectra + critics * (CRITIC_SHARE * self.norms[0] / self.norms[1])

    def averaged(self) -> OwnCodec:
        """The codec with averaged weights, drawn back to the first ones where guesses moved them.

        Fine-tuned and first weights are mixed as in WiSE-FT (arXiv 2109.01903).
        """
        codec = super().averaged()
        if self.predicted:
            mean = {
                n: torch.lerp(p, self.start[n], START_SHARE) for n, p in self.average.values.items()
            }
            codec.load_state_dict(mean, strict=False)
        return codec

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that resuming needs."""
        critics = {f"critics.{n}": t for n, t in self.critics.state_dict().items()}
        return super().tensors() | critics | {"norms": self.norms}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` returned."""
        super().load_tensors(tensors)
        self.critics.load_state_dict(part(tensors, "critics."))
        self.norms = tensors["norms"].to(self.device)

    def facts(self) -> dict[str, Any]:
        """What a checkpoint says about its training."""
        own = super().facts()
        return {
            "steps": self.before["steps"],
            "hours_seen": self.before["hours_seen"],
            "decoder_steps": own["steps"] + self.before.get("decoder_steps", 0),
            "decoder_hours_seen": own["hours_seen"] + self.before.get("decoder_hours_seen", 0.0),
        }


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m model.training.codec_decoder"
    )
    parser.add_argument("--from", dest="start", type=Path, required=True, help="checkpoint")
    parser.add_argument(
        "--predicted",
        type=Path,
        nargs="*",
        default=(),
        metavar="TOKENS",
        help="folders of model.training.predicted, of speech in the corpora",
    )
    parser.add_argument(
        "--coarse",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of crops that keep only their first 2 to 4 channels",
    )
    arguments, sampler, validation = open_training(parser)
    _, before = load_checkpoint(arguments.start, "codec")
    predicted = None
    if arguments.predicted:
        predicted = PredictedCrops.open(
            arguments.corpora, arguments.predicted, before["codes_sha256"], FRAMES
        )
    training = DecoderTraining(
        load_own(arguments.start),
        sampler,
        validation,
        arguments.seed,
        before=before,
        predicted=predicted,
        coarse=arguments.coarse,
        device=arguments.device,
    )
    run(training, arguments.out, arguments.minutes)


if __name__ == "__main__":
    main()
