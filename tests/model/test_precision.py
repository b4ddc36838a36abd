"""The type of matrix products follows the processor."""

import torch

from model import precision
from model.precision import dtype_for, fast_products


def test_a_processor_without_bfloat16_instructions_computes_in_float32() -> None:
    assert dtype_for({"avx2": True, "avx512_bf16": False, "amx_bf16": False}) is torch.float32
    assert dtype_for({}) is torch.float32


def test_a_processor_with_bfloat16_instructions_uses_them() -> None:
    assert dtype_for({"avx512_bf16": True}) is torch.bfloat16
    assert dtype_for({"neon": True, "bf16": True}) is torch.bfloat16


def test_matrix_products_take_the_chosen_type(monkeypatch) -> None:
    x = torch.ones(2, 2)
    for dtype in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(precision, "fast_dtype", lambda dtype=dtype: dtype)
        with fast_products("cpu"):
            assert (x @ x).dtype is dtype
        with fast_products("cpu", enabled=False):
            assert (x @ x).dtype is torch.float32
