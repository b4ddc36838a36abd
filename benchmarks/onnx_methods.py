"""MobileSpeech's methods as ONNX graphs: what a user without ExecuTorch would ship."""

from pathlib import Path

import torch

from lowering.cache import cache_key, cache_root, pins, source_hash
from lowering.export import export_method
from model.choice import ModelChoice
from model.entries import publish, usable
from model.methods import Method

OPSET = 20


def exported_to_onnx(choice: ModelChoice, table: dict[str, Method], *, int8: bool) -> Path:
    """Return the folder of a model's graphs, which are made when first asked for.

    Args:
        choice: The model.
        table: Its methods.
        int8: With weights of matrix products in int8 and activations quantized as they come, by
            ONNX Runtime's own `quantize_dynamic`.
    """
    parts = {"sources": source_hash("model"), "pins": pins(), "model": choice.identity()}
    folder = cache_root() / "onnx" / cache_key({**parts, "int8": int8, "opset": OPSET})
    if not usable(folder):
        publish(folder, lambda made: write_graphs(choice, table, made, int8=int8))
    return folder


def write_graphs(
    choice: ModelChoice, table: dict[str, Method], folder: Path, *, int8: bool
) -> None:
    if int8:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        plain = exported_to_onnx(choice, table, int8=False)
        for name in table:
            quantize_dynamic(
                plain / f"{name}.onnx",
                folder / f"{name}.onnx",
                op_types_to_quantize=["MatMul", "Gemm"],  # linear layers, as the schemes here
                weight_type=QuantType.QInt8,
                per_channel=True,
            )
        return
    for name, method in table.items():
        program = torch.onnx.export(export_method(method), (), dynamo=True, opset_version=OPSET)
        assert program is not None
        program.save(folder / f"{name}.onnx", external_data=False)
