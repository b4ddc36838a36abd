"""Checkpoints: safetensors with what they are, how they came about, and a hash of their tensors."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import CheckpointError
from model.files import replacing

if TYPE_CHECKING:
    from torch import Tensor

FORMAT_VERSION = 1


def save_checkpoint(path: Path, tensors: Mapping[str, "Tensor"], metadata: dict[str, Any]) -> None:
    """Write a checkpoint in place of an older one, atomically; floats are stored as fp16.

    Args:
        path: Where to; conventionally `*.safetensors`.
        tensors: Named tensors.
        metadata: JSON-able facts, among them `kind` (what `load_checkpoint` must be asked for)
            and `config` (the sizes it was built with).
    """
    import torch
    from safetensors.torch import save_file

    if not {"kind", "config"} <= metadata.keys():
        raise ValueError("a checkpoint's metadata must name its kind and config")
    stored = {
        name: (tensor.half() if tensor.dtype == torch.float32 else tensor).detach().contiguous()
        for name, tensor in tensors.items()
    }
    facts = {**metadata, "format": FORMAT_VERSION, "sha256": tensor_hash(stored)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        save_file(stored, temporary, metadata={"mobilespeech": json.dumps(facts, sort_keys=True)})


def load_checkpoint(path: Path, kind: str) -> tuple[dict[str, "Tensor"], dict[str, Any]]:
    """Read and check a checkpoint.

    Args:
        path: The file.
        kind: What it must be, "codec" for example.

    Returns:
        Named tensors, floats as fp32, and the metadata.

    Raises:
        CheckpointError: The file is missing, truncated, altered, foreign, of another kind or of a
            format this version doesn't know.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}.")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is no safetensors file, or is cut short ({error}): fetch it again."
        ) from error
    if "mobilespeech" not in header:
        raise CheckpointError(f"{path} is a safetensors file, but not one of this project's.")
    metadata: dict[str, Any] = json.loads(header["mobilespeech"])
    if metadata["format"] != FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format {metadata['format']}, this version reads {FORMAT_VERSION}."
        )
    if metadata["kind"] != kind:
        raise CheckpointError(f"{path} holds a {metadata['kind']}, not a {kind}.")
    if tensor_hash(tensors) != metadata["sha256"]:
        raise CheckpointError(f"{path} was altered after it was saved: fetch it again.")
    return {
        name: tensor.float() if tensor.dtype == torch.float16 else tensor
        for name, tensor in tensors.items()
    }, metadata


def tensor_hash(tensors: Mapping[str, "Tensor"]) -> str:
    """SHA-256 over names, types, shapes and bytes, independent of the order in the file."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
