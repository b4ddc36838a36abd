"""Where a MobileSpeech comes from: the checkpoint shipped with the project, or seeded weights."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.config import CONFIGS
from model.errors import CheckpointError, ConfigError
from model.text.inventory import INVENTORY_VERSION, PHONEMES, inventory_sha256

if TYPE_CHECKING:
    from torch import Tensor

    from model.mobilespeech import MobileSpeech

KIND = "mobilespeech"
CHECKPOINTS = Path(__file__).parent / "checkpoints"


@dataclass(frozen=True)
class ModelInfo:
    """Which weights a model has.

    Attributes:
        name: Its sizes' name in `CONFIGS`.
        trained: Whether the weights were learnt; what others say is noise.
        steps: Optimizer steps behind them.
        hours: Hours of speech behind them, each repeat counted.
        sha256: Hash of the weights, the same wherever they are stored.
        codes_sha256: Hash of the encoder and codebooks whose codes it speaks, "" where it is
            untrained.
    """

    name: str
    trained: bool
    steps: int
    hours: float
    sha256: str
    codes_sha256: str = ""


def load_model(
    name: str = "base", checkpoint: Path | None = None
) -> tuple["MobileSpeech", ModelInfo]:
    """Load a model for inference.

    Args:
        name: One of `CONFIGS`.
        checkpoint: Its weights; the ones shipped under that name by default, and seeded random
            weights where none are shipped.

    Raises:
        ConfigError: No such name.
        CheckpointError: The checkpoint is missing, damaged, or made for other sizes or phonemes.
    """
    from model.checkpoint import load_checkpoint, tensor_hash
    from model.mobilespeech import MobileSpeech

    if name not in CONFIGS:
        raise ConfigError(f"unknown model {name!r}. Known: {', '.join(CONFIGS)}.")
    model = MobileSpeech(CONFIGS[name], len(PHONEMES))
    path = checkpoint or CHECKPOINTS / f"mobilespeech-{name}.safetensors"
    if checkpoint is None and not path.exists():
        sha256 = tensor_hash(learnt_tensors(model))
        return model.eval(), ModelInfo(name, trained=False, steps=0, hours=0.0, sha256=sha256)
    tensors, metadata = load_checkpoint(path, KIND)
    check_fit(path, model, tensors, metadata)
    model.load_state_dict(tensors, strict=False)
    return model.eval(), ModelInfo(
        name,
        trained=True,
        steps=metadata["steps"],
        hours=metadata["hours"],
        sha256=metadata["sha256"],
        codes_sha256=metadata["codes_sha256"],
    )


def learnt_tensors(model: "MobileSpeech") -> dict[str, "Tensor"]:
    """Name all that training changes: the state without constants that the sizes imply."""
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def check_fit(
    path: Path, model: "MobileSpeech", tensors: dict[str, "Tensor"], metadata: dict[str, Any]
) -> None:
    """Make sure that a checkpoint was made for these sizes and this phoneme inventory.

    Raises:
        CheckpointError: It was not; the message says for what it was made.
    """
    if metadata["config"] != dataclasses.asdict(model.config):
        raise CheckpointError(f"{path} holds a model of other sizes: {metadata['config']}.")
    if metadata["inventory_sha256"] != inventory_sha256():
        raise CheckpointError(
            f"{path} was trained with another phoneme inventory than {INVENTORY_VERSION}, the"
            " present one: train it anew, or use the project's version that it was trained with."
        )
    expected = {name: tensor.shape for name, tensor in learnt_tensors(model).items()}
    if {name: tensor.shape for name, tensor in tensors.items()} != expected:
        raise CheckpointError(f"{path} does not hold the tensors of a MobileSpeech.")
