"""MobileSpeech's methods as ONNX graphs: what a user without ExecuTorch would ship."""

from importlib.metadata import version
from pathlib import Path

import torch

from lowering.cache import cache_key, cache_root, pins, source_hash
from lowering.export import export_method
from model.choice import ModelChoice
from model.entries import publish, usable
from model.methods import Method

OPSET = 20


def exported_to_onnx(choice: ModelChoice, table: dict[str, Method], *, weights: str = "") -> Path:
    """Return the folder of a model's graphs, which are made when first asked for.

    Args:
        choice: The model.
        table: Its methods.
        weights: Empty for fp32; else the type (`QInt8`, `QUInt8`) of the weights of matrix
            products, with activations quantized at run time, by ONNX Runtime's own
            `quantize_dynamic`.
    """
    parts = {"sources": source_hash("model"), "pins": pins(), "model": choice.identity()}
    exporters = {name: version(name) for name in ("onnx", "onnxruntime", "onnxscript")}
    folder = (
        cache_root()
        / "onnx"
        / cache_key({**parts, **exporters, "weights": weights, "opset": OPSET})
    )
    if not usable(folder):
        publish(folder, lambda made: write_graphs(choice, table, made, weights))
    return folder


def write_graphs(choice: ModelChoice, table: dict[str, Method], folder: Path, weights: str) -> None:
    if weights:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        plain = exported_to_onnx(choice, table)
        # Without `quant_pre_process`, which leaves the same operators of these graphs.
        for name in table:
            quantize_dynamic(
                plain / f"{name}.onnx",
                folder / f"{name}.onnx",
                op_types_to_quantize=["MatMul", "Gemm"],  # linear layers, as the schemes here
                weight_type=QuantType[weights],
                per_channel=True,
            )
        return
    for name, method in table.items():
        program = torch.onnx.export(export_method(method), (), dynamo=True, opset_version=OPSET)
        assert program is not None
        program.save(folder / f"{name}.onnx", external_data=False)
