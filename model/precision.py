"""Which type matrix products run fastest in: it follows the processor."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import torch

# Features of `torch.cpu.get_capabilities` with which bfloat16 is computed and not emulated: x86's
# AVX-512 BF16 and AMX, Arm's BF16. On a core with AVX2 alone, bfloat16 took 8 times as long as
# float32 (8.5 against 67 GFLOP/s).
BFLOAT16_FEATURES = ("avx512_bf16", "amx_bf16", "bf16")


def dtype_for(capabilities: Mapping[str, Any]) -> torch.dtype:
    """Choose by what a processor can do.

    Args:
        capabilities: As `torch.cpu.get_capabilities` lists them.
    """
    computed = any(capabilities.get(feature) for feature in BFLOAT16_FEATURES)
    return torch.bfloat16 if computed else torch.float32


@cache
def fast_dtype() -> torch.dtype:
    """Choose for this machine's processor."""
    return dtype_for(torch.cpu.get_capabilities())


def products_dtype(device_type: str, *, enabled: bool = True) -> torch.dtype:
    """Name the type that `fast_products` lets matrix products run in."""
    if not enabled:
        return torch.float32
    return fast_dtype() if device_type == "cpu" else torch.bfloat16


def fast_products(device_type: str, *, enabled: bool = True) -> AbstractContextManager[None]:
    """Let matrix products run in the fastest type: bfloat16 on a GPU, on a processor if it has it.

    Args:
        device_type: Of the tensors, "cpu" or "cuda".
        enabled: False keeps everything in float32.
    """
    rounded = products_dtype(device_type, enabled=enabled) is torch.bfloat16
    return torch.autocast(device_type, torch.bfloat16, enabled=rounded)
