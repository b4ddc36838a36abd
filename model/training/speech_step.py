"""One step of MobileSpeech's training: forward, losses, optimizer and what resuming needs."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from model.checkpoint import save_checkpoint
from model.config import N_CODEBOOK
from model.errors import ConfigError
from model.loading import KIND, ModelInfo, learnt_tensors
from model.losses import Guidance, MaskOptions, code_loss, log_duration_loss, mask_grid
from model.mobilespeech import MobileSpeech
from model.precision import fast_products
from model.text.inventory import inventory_sha256
from model.training.parallel import Group
from model.training.speech_data import Batch, BatchSampler, regulate
from model.training.state import (
    MovingAverage,
    optimizer_tensors,
    read_state,
    restore_optimizer,
    write_state,
)

ALONE = Group()


@dataclass(frozen=True)
class SpeechSettings:
    """How to train.

    Attributes:
        batch_frames: Codec frames in a batch, padding included.
        accumulate: Batches whose gradients are averaged for one step of the optimizer.
        rate: Peak learning rate.
        warmup_steps: Steps until it is reached.
        decay_share: Last part of the run, over which it falls to a fiftieth.
        weight_decay: Of the matrices.
        masks: Shares of the branches.
        channel_weights: Weights of the channels' losses.
        duration_weight: Weight of each of the two duration losses beside the codes' loss.
        prompt_dropout: Share of examples without a prompt, for guidance by it.
        guidance: Per channel, how far a teacher's logits are moved by its prompt; only with one.
        average_decay: Of the moving average of weights.
        bf16: Whether matrix products may run in bfloat16, where the processor computes in it.
    """

    batch_frames: int = 2000
    accumulate: int = 1
    rate: float = 1e-3
    warmup_steps: int = 100
    decay_share: float = 0.3
    weight_decay: float = 0.01
    masks: MaskOptions = field(default_factory=MaskOptions)
    channel_weights: tuple[float, ...] = (1.0,) * N_CODEBOOK
    duration_weight: float = 0.5
    prompt_dropout: float = 0.1
    guidance: tuple[float, ...] = (0.0, 2.5, 2.0, 1.5, 1.0, 1.0, 1.0, 1.0)
    average_decay: float = 0.998
    bf16: bool = True


def speech_optimizer(model: nn.Module, settings: SpeechSettings) -> Optimizer:
    """AdamW; only matrices decay."""
    learnt = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learnt if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in learnt if p.ndim == 1], "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=settings.rate, betas=(0.9, 0.98), fused=True)


@dataclass(frozen=True, eq=False)
class StepLosses:
    """Losses of a batch.

    Attributes:
        codes: Cross-entropy of the masked codes.
        durations: Of the text's log durations.
        prompt_durations: Of the log durations read off the prompt.
        counts: (Q,) masked cells per channel.
        hits: (Q,) of them guessed right.
    """

    codes: Tensor
    durations: Tensor
    prompt_durations: Tensor
    counts: Tensor
    hits: Tensor


def forward_losses(
    model: MobileSpeech,
    batch: Batch,
    masked_codes: Tensor,
    trained: Tensor,
    *,
    channel_weights: Sequence[float] = (1.0,) * N_CODEBOOK,
    keep: Tensor | None = None,
    guidance: Guidance | None = None,
) -> StepLosses:
    """Run every part of the model on a batch.

    Args:
        model: The model.
        batch: The batch.
        masked_codes: (B, Q, T) its codes, some masked.
        trained: (B, Q, T) the cells whose loss counts.
        channel_weights: Weights of the channels' losses.
        keep: (B, 1, 1), 0 where the decoder goes without a prompt, else 1.
        guidance: What a teacher says of the same masked codes.
    """
    step = model.config.frames_per_step
    prompt_mask, text_mask, step_mask = masks_of(batch, step)
    prompt = model.prompt_encoder.encode(batch.prompt, prompt_mask)
    prompt_log_durations = model.prompt_encoder.duration_extractor(prompt)[..., 0]
    text, rows = model.text_encoder(batch.phonemes, text_mask)
    row = regulate(rows, batch.phoneme_of_frame, step)
    memory = model.prompt_encoder.remember(prompt)
    log_durations = model.duration_predictor(text, *memory[:2], text_mask, prompt_mask)
    if keep is not None:
        memory = model.prompt_encoder.remember(prompt * keep)
    hidden = model.smd(masked_codes, row, memory[2:], step_mask, prompt_mask)
    codes, counts, hits = code_loss(
        hidden,
        model.heads,
        batch.codes,
        trained,
        channel_weights=channel_weights,
        guidance=guidance,
    )
    return StepLosses(
        codes=codes,
        durations=log_duration_loss(log_durations, batch.durations, batch.spoken),
        prompt_durations=log_duration_loss(
            prompt_log_durations, batch.prompt_durations, batch.prompt_valid
        ),
        counts=counts,
        hits=hits,
    )


def masks_of(batch: Batch, frames_per_step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return masks of prompt, text and decoder steps, (B, length, 1), 0 where there is padding."""
    return (
        batch.prompt_valid[..., None].float(),
        batch.spoken[..., None].float(),
        batch.valid[:, ::frames_per_step, None].float(),
    )


@torch.no_grad()
def guide(
    teacher: MobileSpeech, batch: Batch, masked_codes: Tensor, weights: Sequence[float]
) -> Guidance:
    """Have a teacher decode a batch with its prompts and without.

    Args:
        teacher: Trained with some examples without prompts.
        batch: The batch.
        masked_codes: (B, Q, T) its codes, some masked.
        weights: How far logits are moved, per channel.
    """
    step = teacher.config.frames_per_step
    prompt_mask, text_mask, step_mask = masks_of(batch, step)
    memory = teacher.prompt_encoder(batch.prompt, prompt_mask)[2:]
    nothing = tuple(torch.zeros_like(tensor) for tensor in memory)
    _, rows = teacher.text_encoder(batch.phonemes, text_mask)
    row = regulate(rows, batch.phoneme_of_frame, step)
    prompted, unprompted = (
        teacher.smd(masked_codes, row, heard, step_mask, prompt_mask) for heard in (memory, nothing)
    )
    return Guidance(teacher.heads, prompted, unprompted, weights)


class SpeechTraining:
    """MobileSpeech, its optimizer and its data.

    Every random number of a step is a function of the seed and of the step's number, so that a
    resumed run draws what an uninterrupted one would have drawn.

    Args:
        model: To train, in place.
        sampler: Batches.
        settings: How.
        teacher: Whose guided guesses are learnt in place of the true codes.
        before: What the model had learnt already.
        group: The processes that train it together.
    """

    def __init__(
        self,
        model: MobileSpeech,
        sampler: BatchSampler,
        settings: SpeechSettings,
        *,
        teacher: MobileSpeech | None = None,
        before: ModelInfo | None = None,
        group: Group = ALONE,
    ) -> None:
        self.group = group
        self.model, self.sampler, self.settings = model, sampler, settings
        self.teacher, self.before = teacher, before
        self.device = next(model.parameters()).device
        self.optimizer = speech_optimizer(model, settings)
        self.average = MovingAverage(self.parameters(), settings.average_decay)
        self.step, self.elapsed_s, self.audio_s = 0, 0.0, 0.0
        self.skipped = 0  # steps whose gradient was no finite number

    def parameters(self) -> dict[str, Tensor]:
        """Everything that gradients change."""
        return {n: p for n, p in self.model.named_parameters() if p.requires_grad}

    def set_rate(self, progress: float) -> None:
        """Warm up, stay, and fall linearly over the last part of the run.

        Args:
            progress: Share of the run that is over, 0 to 1.
        """
        settings = self.settings
        scale = min(1.0, (self.step + 1) / settings.warmup_steps)
        scale *= min(1.0, max(0.02, (1 - progress) / settings.decay_share))
        for group in self.optimizer.param_groups:
            group["lr"] = settings.rate * scale

    def generator(self, number: int) -> torch.Generator:
        """Random numbers of a batch."""
        words = np.random.SeedSequence((self.sampler.seed, number)).generate_state(2)
        return torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)

    def train_step(self) -> tuple[StepLosses, float]:
        """Take one step of the optimizer.

        Batches whose gradient is not finite change no weight and are counted in `skipped`.

        Returns:
            The losses of its last batch, and the gradient's norm before clipping.
        """
        accumulate = self.settings.accumulate
        self.model.train()
        self.optimizer.zero_grad()
        for part in range(accumulate):
            number = self.step * accumulate + part
            losses = self._learn_from(number * self.group.size + self.group.rank)
        self.group.average_gradients(list(self.parameters().values()))
        norm = nn.utils.clip_grad_norm_(self.parameters().values(), 1.0)
        if torch.isfinite(norm):  # it holds every gradient, and through them the loss
            self.optimizer.step()
            self.average.update(self.parameters())
        else:
            self.skipped += 1
        self.step += 1
        return losses, float(norm)

    def _learn_from(self, number: int) -> StepLosses:
        """Add the gradient of the batch of that number, shared among those of a step."""
        settings, generator = self.settings, self.generator(number)
        batch = self.sampler.draw(number)
        masked = mask_grid(batch.codes, batch.valid, settings.masks, generator)
        keep = None
        if settings.prompt_dropout:
            draw = torch.rand(len(batch.codes), 1, 1, generator=generator)
            keep = (draw >= settings.prompt_dropout).float().to(self.device)
        batch, masked_codes = batch.to(self.device), masked.codes.to(self.device)
        with fast_products(self.device.type, enabled=settings.bf16):
            guidance = None
            if self.teacher is not None:
                guidance = guide(self.teacher, batch, masked_codes, settings.guidance)
            losses = forward_losses(
                self.model,
                batch,
                masked_codes,
                masked.trained.to(self.device),
                channel_weights=settings.channel_weights,
                keep=keep,
                guidance=guidance,
            )
        total = losses.codes + settings.duration_weight * (
            losses.durations + losses.prompt_durations
        )
        (total / settings.accumulate).backward()  # type: ignore[no-untyped-call]  # torch's own
        self.audio_s += self.group.total(batch.seconds, self.device)
        return losses

    def averaged(self) -> MobileSpeech:
        """The model with averaged weights."""
        model = MobileSpeech(self.model.config, self.model.text_encoder.embedding.num_embeddings)
        model.load_state_dict(self.average.values, strict=False)
        return model.eval()

    def save(self, folder: Path) -> None:
        """Write all that resuming needs."""
        tensors = {f"model.{n}": p.detach() for n, p in self.parameters().items()}
        tensors |= {f"average.{n}": t for n, t in self.average.values.items()}
        tensors |= optimizer_tensors(self.optimizer, "optimizer")
        facts = {
            "config": dataclasses.asdict(self.model.config),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "audio_s": self.audio_s,
            "skipped": self.skipped,
            "average_steps": self.average.steps,
        }
        write_state(folder, tensors, facts)

    def resume(self, folder: Path) -> bool:
        """Go on from what `save` wrote there; False where there is nothing.

        Raises:
            ConfigError: That was a model of other sizes.
        """
        state = read_state(folder)
        if state is None:
            return False
        tensors, facts = state
        if facts["config"] != dataclasses.asdict(self.model.config):
            raise ConfigError(f"{folder} holds the training of a model of other sizes.")

        def part(prefix: str) -> dict[str, Tensor]:
            return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}

        self.model.load_state_dict(part("model."), strict=False)
        self.average.values = {n: t.to(self.device) for n, t in part("average.").items()}
        self.average.steps = facts["average_steps"]
        restore_optimizer(self.optimizer, "optimizer", tensors)
        self.step, self.elapsed_s = facts["step"], facts["elapsed_s"]
        self.audio_s = facts["audio_s"]
        self.skipped = facts.get("skipped", 0)
        return True

    def export(self, path: Path, facts: dict[str, Any]) -> None:
        """Write the averaged model as a checkpoint that `model.loading.load_model` reads.

        Args:
            path: Where to.
            facts: What else to say of it, among it `codes_sha256`.
        """
        steps, hours = (self.before.steps, self.before.hours) if self.before else (0, 0.0)
        metadata = {
            "kind": KIND,
            "config": dataclasses.asdict(self.model.config),
            "inventory_sha256": inventory_sha256(),
            "steps": steps + self.step,
            "hours": round(hours + self.audio_s / 3600, 2),
            **facts,
        }
        save_checkpoint(path, learnt_tensors(self.averaged()), metadata)


def initialise_code_embeddings(model: MobileSpeech, codebooks: Tensor, seed: int = 0) -> None:
    """Start the embeddings of codes from the codec's own codebooks (SoundStorm's reproductions).

    Codes that sound alike then look alike from the first step. Each codebook is scaled to unit
    variance; where widths differ, a random projection keeps distances about as they are.

    Args:
        model: To initialise, in place.
        codebooks: (Q, V, D) entries of the codec.
        seed: Of the projection.
    """
    n_codebook, size, width = codebooks.shape
    own_width = model.smd.embedding.table.embedding_dim
    scaled = codebooks / codebooks.std((1, 2), keepdim=True).clamp_min(1e-6)
    if own_width != width:
        generator = torch.Generator().manual_seed(seed)
        scaled = scaled @ (torch.randn(width, own_width, generator=generator) / math.sqrt(width))
    with torch.no_grad():
        for embedding in (model.smd.embedding, model.prompt_encoder.embedding):
            table = embedding.table.weight.view(n_codebook, size + 1, own_width)
            table[:, :size] = scaled
