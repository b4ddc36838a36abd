"""Saving and restoring a run of training, so that it survives being killed at any moment."""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim import Optimizer

from model.errors import CheckpointError

STATE, PREVIOUS = "state.safetensors", "state.previous.safetensors"


def write_state(folder: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write tensors and JSON-able facts as one file; the one before it is kept beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / "state.tmp"
    contiguous = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, temporary, metadata={"facts": json.dumps(facts)})
    if (folder / STATE).exists():
        (folder / STATE).replace(folder / PREVIOUS)
    temporary.replace(folder / STATE)


def read_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read what `write_state` wrote last and is whole, or None where there is nothing yet.

    Raises:
        CheckpointError: All that is there is damaged.
    """
    paths = [path for name in (STATE, PREVIOUS) if (path := folder / name).exists()]
    problems = []
    for path in paths:
        try:
            found = _read(path)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            problems.append(f"{path} is damaged ({error})")
            continue
        for problem in problems:
            print(f"{problem}: going on from {path}", file=sys.stderr, flush=True)
        return found
    if problems:
        raise CheckpointError(f"{'; '.join(problems)}: delete it to start anew.")
    return None


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read one file of state."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        facts: dict[str, Any] = json.loads(file.metadata()["facts"])
    return load_file(path), facts


def optimizer_tensors(optimizer: Optimizer, prefix: str) -> dict[str, Tensor]:
    """The optimizer's state as flat named tensors."""
    tensors = {}
    for index, entry in optimizer.state_dict()["state"].items():
        for key, value in entry.items():
            tensors[f"{prefix}.{index}.{key}"] = torch.as_tensor(value)
    return tensors


def restore_optimizer(optimizer: Optimizer, prefix: str, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` flattened; the parameters must be the same ones."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(prefix + "."):
            _, index, key = name.removeprefix(prefix).split(".")
            state.setdefault(int(index), {})[key] = tensor
    whole = optimizer.state_dict()
    whole["state"] = state
    optimizer.load_state_dict(whole)


class MovingAverage:
    """Exponential moving average of parameters, which is what gets evaluated and shipped.

    Args:
        parameters: Named parameters to follow.
        decay: Per step, once the average has seen enough steps.
    """

    def __init__(self, parameters: dict[str, Tensor], decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.values = {name: p.detach().clone() for name, p in parameters.items()}

    @torch.no_grad()
    def update(self, parameters: dict[str, Tensor]) -> None:
        """Move a little towards `parameters`."""
        self.steps += 1
        weight = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        names = list(self.values)
        torch._foreach_lerp_(
            [self.values[n] for n in names], [parameters[n].detach() for n in names], weight
        )
