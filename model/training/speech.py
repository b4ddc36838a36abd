"""Training of MobileSpeech on codec tokens.

`python -m model.training.speech --tokens DIR --codec CHECKPOINT --minutes 60 --out DIR` trains
until so many minutes of training have passed in all. Killed at any moment, the same command goes on
from the last state saved; with more minutes it trains a finished model on. `--steps` makes a run
whose every number depends on its settings alone. `--from CHECKPOINT --qat SCHEME` fine-tunes a
trained model for a quantization scheme. `--from CHECKPOINT --teacher CHECKPOINT` teaches a model to
follow prompts as closely as guidance would make it, without guidance's second pass. Started by
`torchrun --nproc-per-node N -m model.training.speech ...`, N processes train one model.
"""

import argparse
import json
import math
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from model.codec.base import Codec
from model.codec.providers import codec_of
from model.config import CONFIGS, N_CODEBOOK
from model.errors import CheckpointError, ConfigError, HarnessError
from model.files import write_whole
from model.loading import load_model
from model.losses import MaskOptions
from model.mobilespeech import MobileSpeech
from model.precision import products_dtype
from model.text.inventory import PHONEMES
from model.training.board import Board
from model.training.listening import Listener, can_listen
from model.training.parallel import Group, open_group
from model.training.speech_data import Batch, BatchSampler, fits
from model.training.speech_qat import QAT_SCHEMES, prepare_for_quantization
from model.training.speech_step import (
    SpeechSettings,
    SpeechTraining,
    StepLosses,
    initialise_code_embeddings,
)
from model.training.speech_validation import Rehearsal, guessed_codes, rehearsals, rehearse
from model.training.throughput import Throughput
from model.training.tokens import TokenisedUtterance, read_manifest, read_tokens

LOG_EVERY_STEPS = 20  # also the only steps after which state is saved
SAVE_EVERY_S, VALIDATE_EVERY_S = 120.0, 600.0
VALIDATION_BATCHES, REHEARSALS = 2, 6


class Budget:
    """How long a run is: minutes of training, or steps.

    Args:
        minutes: Of training in all, validation included; None where steps count.
        steps: In all; None where minutes count.
    """

    def __init__(self, minutes: float | None, steps: int | None) -> None:
        if (minutes is None) == (steps is None):
            raise ConfigError("give either --minutes or --steps")
        self.minutes, self.steps = minutes, steps

    def progress(self, training: SpeechTraining) -> float:
        """Share of the run that is over."""
        if self.steps is not None:
            return training.step / self.steps
        return training.elapsed_s / 60 / (self.minutes or 1.0)


class Validation:
    """Measures the averaged model on what it is not trained on, where the model is trained.

    Args:
        utterances: Held-out ones: sentences of `valid`, and speakers and sentences of `test`.
        model: Whose sizes the batches have to fit, and whose device they go to.
        codec: For speech to listen to.
        folder: Where that goes.
    """

    def __init__(
        self, utterances: list[TokenisedUtterance], model: MobileSpeech, codec: Codec, folder: Path
    ) -> None:
        self.codec, self.folder = codec, folder
        self.device = next(model.parameters()).device
        self.listener = Listener() if can_listen() else None
        self.batches: dict[str, list[Batch]] = {}
        for split in ("valid", "test"):
            held_out = [u for u in utterances if u.split == split]
            sampler = BatchSampler(held_out, model.config, batch_frames=3000, seed=0)
            drawn = [sampler.draw(step) for step in range(VALIDATION_BATCHES)]
            self.batches[split] = [batch.to(self.device) for batch in drawn]
        unseen = [u for u in utterances if u.split in ("test", "prompt") and fits(u, model.config)]
        self.rehearsals: list[Rehearsal] = rehearsals(unseen, REHEARSALS)

    def __call__(self, model: MobileSpeech, step: int) -> dict[str, Any]:
        """Measure a model; samples go to a folder named after the step."""
        model.to(self.device)
        figures: dict[str, Any] = {
            split: guessed_codes(model, batches) for split, batches in self.batches.items()
        }
        model.cpu()  # where the loop of synthesis keeps its arrays
        folder = self.samples(step)
        heard = rehearse(model, self.codec, self.rehearsals, folder, listener=self.listener)
        return {**figures, **heard}

    def samples(self, step: int) -> Path:
        """Name the folder of a step's samples."""
        return self.folder / f"step-{step:06d}"


class Log:
    """A JSON line per entry, in a file and on the terminal.

    Args:
        path: The file; what it says of steps after `step` is forgotten, as they are done again.
        step: Where training goes on.
    """

    def __init__(self, path: Path, step: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        old = path.read_text().splitlines() if path.exists() else []
        kept = [line for line in old if line.endswith("}") and json.loads(line)["step"] <= step]
        write_whole(path, "".join(line + "\n" for line in kept))
        self.path = path

    def write(self, entry: dict[str, Any]) -> None:
        """Add an entry."""
        line = json.dumps(entry, ensure_ascii=False)
        with self.path.open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)


class Means:
    """Means of a few steps' losses."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.counts, self.hits = torch.zeros(()), torch.zeros(())
        self.n_step = 0

    def add(self, losses: StepLosses, gradient_norm: float) -> None:
        """Take in a step, unless it was skipped."""
        if not math.isfinite(gradient_norm):
            return
        parts = {
            "codes": losses.codes,
            "durations": losses.durations,
            "prompt_durations": losses.prompt_durations,
        }
        for name, value in {**parts, "gradient_norm": torch.tensor(gradient_norm)}.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())
        self.counts, self.hits = self.counts + losses.counts, self.hits + losses.hits
        self.n_step += 1

    def take(self) -> dict[str, Any]:
        """Give the means and begin anew."""
        accuracy = (self.hits / self.counts.clamp_min(1)).tolist()
        n_step = max(self.n_step, 1)
        figures = {name: round(total / n_step, 5) for name, total in self.sums.items()}
        Means.__init__(self)
        return {**figures, "accuracy": [round(share, 4) for share in accuracy]}


@dataclass(frozen=True, eq=False)
class Reporter:
    """Tells of a run.

    Attributes:
        training: What is trained.
        log: Takes every figure.
        folder: Takes checkpoints.
        validation: What to measure; None for nothing.
        board: Where figures and samples go beside the log.
    """

    training: SpeechTraining
    log: Log
    folder: Path
    validation: Validation | None
    board: Board | None

    def record(self, entry: dict[str, Any]) -> None:
        """Write an entry with step and time."""
        now = {"step": self.training.step, "elapsed_s": round(self.training.elapsed_s, 1)}
        self.log.write({**now, **entry})
        if self.board is not None:
            self.board.write({**now, **entry})

    def validate(self, facts: dict[str, Any]) -> None:
        """Write a checkpoint with some facts, then measure it; a failure is an entry as well."""
        self.training.export(self.folder / "mobilespeech.safetensors", facts)
        if self.validation is None:
            return
        step = self.training.step
        try:
            self.record({"validation": self.validation(self.training.averaged(), step)})
            if self.board is not None:
                self.board.play(self.validation.samples(step), step)
        except Exception as error:  # whatever it is, hours of training must not be lost to it
            self.record({"validation_failed": f"{type(error).__name__}: {error}"})


def run(
    training: SpeechTraining,
    budget: Budget,
    folder: Path,
    facts: dict[str, Any],
    validation: Validation | None,
    *,
    board: Board | None = None,
) -> None:
    """Train until the budget is spent, or until SIGTERM or Ctrl-C.

    Of several processes the first decides when, writes and validates; the others follow it.

    Args:
        training: What to train.
        budget: How long.
        folder: Takes the state, `log.jsonl` and, with each validation, `mobilespeech.safetensors`.
        facts: What the checkpoint says of its origin.
        validation: What to measure every few minutes and at the end.
        board: Where figures and samples go beside the log.
    """
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if not training.group.is_first:
        follow(training)
        return
    log, means = Log(folder / "log.jsonl", training.step), Means()
    saved_s = validated_s = training.elapsed_s
    heard_s, began_s = training.audio_s, training.elapsed_s
    dtype = products_dtype(training.device.type, enabled=training.settings.bf16)
    throughput = Throughput(began_s, heard_s, dtype)

    reporter = Reporter(training, log, folder, validation, board)

    def goes_on() -> bool:
        progress = budget.progress(training)
        over = stopped or progress >= 1
        training.group.told_by_first((progress, float(over)), training.device)
        training.set_rate(progress)
        return not over

    while goes_on():
        started = time.monotonic()
        means.add(*training.train_step())
        training.elapsed_s += time.monotonic() - started
        throughput.tell(training.elapsed_s, training.audio_s)
        if training.step % LOG_EVERY_STEPS:
            continue
        speed = (training.audio_s - heard_s) / (training.elapsed_s - began_s)
        reporter.record(
            {
                "losses": means.take(),
                "audio_s_per_s": round(speed, 1),
                **({"skipped": training.skipped} if training.skipped else {}),
            }
        )
        started = time.monotonic()
        if training.elapsed_s - validated_s > VALIDATE_EVERY_S:
            reporter.validate(facts)
            validated_s = training.elapsed_s
        training.elapsed_s += time.monotonic() - started
        if training.elapsed_s - saved_s > SAVE_EVERY_S:
            training.save(folder)
            saved_s = training.elapsed_s
        heard_s, began_s = training.audio_s, training.elapsed_s
    training.save(folder)
    if not stopped:
        reporter.validate(facts)


def follow(training: SpeechTraining) -> None:
    """Take the steps that the first process takes, at its rates, until it says that is all."""
    while True:
        progress, over = training.group.told_by_first((0.0, 0.0), training.device)
        if over:
            return
        training.set_rate(progress)
        training.train_step()


def start(
    arguments: argparse.Namespace,
    utterances: list[TokenisedUtterance],
    codec: Codec,
    group: Group,
) -> SpeechTraining:
    """Build model and training as the command line asks for, resumed where that is possible."""
    settings = SpeechSettings(
        batch_frames=arguments.batch_frames,
        accumulate=arguments.accumulate,
        rate=arguments.rate,
        warmup_steps=arguments.warmup_steps,
        decay_share=arguments.decay_share,
        average_decay=arguments.average_decay,
        masks=MaskOptions(
            joint=arguments.joint,
            first=arguments.first,
            rank_weights=tuple(arguments.rank_weights),
        ),
        # A student of guidance is guided by nobody else, and has to follow each prompt.
        prompt_dropout=0.0 if arguments.teacher else arguments.prompt_dropout,
        guidance=tuple(arguments.guidance),
    )
    before = None
    if arguments.weights is not None:
        model, before = load_model(arguments.config, arguments.weights)
    else:
        model = MobileSpeech(CONFIGS[arguments.config], len(PHONEMES), arguments.seed)
        initialise_code_embeddings(model, codec.codebooks)
    if arguments.qat is not None:
        prepare_for_quantization(model, arguments.qat)
    model.to(arguments.device)
    learnt = [u for u in utterances if u.split == "train"]
    sampler = BatchSampler(learnt, model.config, settings.batch_frames, arguments.seed)
    teacher = None
    if arguments.teacher is not None:
        teacher, _ = load_model(arguments.config, arguments.teacher)
        teacher.to(arguments.device)
    training = SpeechTraining(model, sampler, settings, teacher=teacher, before=before, group=group)
    resumed = training.resume(arguments.out)
    if group.is_first:
        if resumed:
            print(f"resumed at step {training.step}", flush=True)
        speakers = len(sampler.by_speaker)
        print(f"{sampler.hours:.2f} h of {speakers} speakers to learn from", flush=True)
    return training


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m model.training.speech", description="Train MobileSpeech on codec tokens."
    )
    settings = SpeechSettings()
    parser.add_argument("--config", default="base", choices=list(CONFIGS), help="sizes")
    parser.add_argument("--tokens", type=Path, required=True, help="folder of tokens")
    parser.add_argument(
        "--codec",
        required=True,
        metavar="NAME[:PATH]",
        help="their codec, or a checkpoint of `own`",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of state, log, checkpoint")
    parser.add_argument("--minutes", type=float, help="training time in all")
    parser.add_argument("--steps", type=int, help="steps in all, in place of minutes")
    parser.add_argument("--from", dest="weights", type=Path, help="checkpoint to start from")
    parser.add_argument("--qat", choices=list(QAT_SCHEMES), help="train for this quantization")
    parser.add_argument("--rate", type=float, default=settings.rate, help="peak learning rate")
    parser.add_argument("--warmup-steps", type=int, default=settings.warmup_steps)
    parser.add_argument(
        "--decay-share",
        type=float,
        default=settings.decay_share,
        help="last share of the run, over which the rate falls",
    )
    parser.add_argument(
        "--average-decay",
        type=float,
        default=settings.average_decay,
        help="of the weights' average",
    )
    parser.add_argument("--batch-frames", type=int, default=settings.batch_frames)
    parser.add_argument(
        "--accumulate", type=int, default=settings.accumulate, help="batches per step"
    )
    parser.add_argument("--joint", type=float, default=settings.masks.joint, metavar="SHARE")
    parser.add_argument(
        "--first", type=float, default=settings.masks.first, metavar="SHARE", help="of channel 1"
    )
    parser.add_argument(
        "--rank-weights",
        type=float,
        nargs=N_CODEBOOK - 1,
        default=settings.masks.rank_weights,
        metavar="W",
        help="of channels 2 to 8 in the other examples",
    )
    parser.add_argument(
        "--prompt-dropout", type=float, default=settings.prompt_dropout, metavar="SHARE"
    )
    parser.add_argument("--teacher", type=Path, help="checkpoint whose guided guesses to learn")
    parser.add_argument(
        "--guidance",
        type=float,
        nargs=N_CODEBOOK,
        default=settings.guidance,
        metavar="W",
        help="how far a teacher's guesses in channels 1 to 8 are moved by its prompt",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", type=torch.device, default="cpu", help="cpu, cuda, ...")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--tensorboard", action="store_true", help="write OUT/tensorboard beside the log"
    )
    parser.add_argument("--no-validation", action="store_true", help="for timing and ablations")
    return parser.parse_args()


def main() -> None:
    """Train as the command line says; a wrong one is told in one line."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    try:
        budget = Budget(arguments.minutes, arguments.steps)
        manifest = read_manifest(arguments.tokens)
        codec, utterances = codec_of(arguments.codec), read_tokens(arguments.tokens)
        if codec.codes_sha256() != manifest["codes_sha256"]:
            raise CheckpointError(f"{arguments.tokens} was not encoded with {arguments.codec}.")
        group, arguments.device = open_group(arguments.device)
        training = start(arguments, utterances, codec, group)
        validation = None
        if group.is_first and not arguments.no_validation:
            validation = Validation(utterances, training.model, codec, arguments.out / "samples")
        board = None
        if group.is_first and arguments.tensorboard:
            board = Board(arguments.out / "tensorboard")
    except HarnessError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    facts = {"codes_sha256": manifest["codes_sha256"], "qat": arguments.qat}
    run(training, budget, arguments.out, facts, validation, board=board)
    group.close()


if __name__ == "__main__":
    main()
