"""Kokoro's graph cut in three: what ONNX Runtime runs before and after, and the vocoder's weights.

The package has the model quantized to int8 with activations quantized as they come, which ONNX
Runtime's convolutions are slow at; most of the time goes into the vocoder. So the vocoder's
weights are taken out as floats, for `vocoder.py`, and the graph is cut around it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import onnx

_GENERATOR = "/decoder/decoder/generator"
_PARAMETERS = "decoder.decoder.generator"

VOCODER_INPUTS = (
    "/decoder/decoder/decode.3/Div_4_output_0",
    f"{_GENERATOR}/noise_convs.0/Conv_output_0",
    f"{_GENERATOR}/noise_convs.1/Conv_output_0",
    "/decoder/Slice_output_0",
)
"""Features (1, 512, F), the harmonic source at both rates, and the style (1, 128)."""

DURATIONS = "/encoder/Clip_output_0"
SPECTRUM = f"{_GENERATOR}/conv_post/Conv_output_0"
AUDIO = "audio"

BLOCKS = ("noise_res.0", "noise_res.1", *(f"resblocks.{number}" for number in range(6)))
STEPS = tuple(f"{half}.{step}" for step in range(3) for half in (1, 2))
"""The six convolutions of a block, in the order they run: `half` 1 is the dilated one."""


@dataclass(frozen=True)
class Parts:
    """The three parts.

    Attributes:
        front: From tokens, style and speed to `VOCODER_INPUTS` and `DURATIONS`.
        back: From `SPECTRUM` to `AUDIO`.
        weights: Of the vocoder, by names that `vocoder.Vocoder` knows.
    """

    front: "onnx.ModelProto"
    back: "onnx.ModelProto"
    weights: dict[str, npt.NDArray[np.float32]]


def take_apart(model: "onnx.ModelProto") -> Parts:
    """Cut the packaged model; the parts share nothing with it."""
    return Parts(
        front=_cut(model, (), (*VOCODER_INPUTS, DURATIONS)),
        back=_cut(model, (SPECTRUM,), (AUDIO,)),
        weights=_vocoder_weights(model),
    )


def _cut(
    model: "onnx.ModelProto", inputs: Collection[str], outputs: Collection[str]
) -> "onnx.ModelProto":
    """Return the nodes that lead from `inputs`, or the model's own, to `outputs`."""
    import onnx

    part = onnx.ModelProto()
    part.CopyFrom(model)
    graph = part.graph
    needed = set(outputs)
    nodes = []
    for node in reversed(model.graph.node):  # ONNX nodes are in topological order
        if needed.intersection(node.output):
            nodes.append(node)
            needed.update(name for name in node.input if name not in inputs)
    kept = [tensor for tensor in model.graph.initializer if tensor.name in needed]
    for field in (graph.node, graph.initializer, graph.output, graph.value_info):
        del field[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(kept)
    graph.output.extend(_untyped(name) for name in outputs)
    if inputs:
        del graph.input[:]
        graph.input.extend(_untyped(name) for name in inputs)
    return part


def _untyped(name: str) -> "onnx.ValueInfoProto":
    import onnx

    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)


def _vocoder_weights(model: "onnx.ModelProto") -> dict[str, npt.NDArray[np.float32]]:
    import onnx

    tensors: dict[str, npt.NDArray[Any]] = {
        tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer
    }
    nodes = {node.name: node for node in model.graph.node}
    weights: dict[str, npt.NDArray[np.float32]] = {}

    def quantized(node_name: str) -> npt.NDArray[np.float32]:
        node = nodes[f"{_GENERATOR}/{node_name}"]
        name = node.input[1]
        scale = tensors[name.removesuffix("_quantized") + "_scale"]
        zero_point = tensors[node.input[3]].astype(np.float32)
        return np.asarray((tensors[name].astype(np.float32) - zero_point) * scale, np.float32)

    def plain(node_name: str, key: str) -> None:
        node = nodes[f"{_GENERATOR}/{node_name}"]
        weights[f"{key}.weight"] = tensors[node.input[1]]
        weights[f"{key}.bias"] = tensors[node.input[2]]

    for block in BLOCKS:
        for step in STEPS:
            half, index = step.split(".")
            key = f"{block}.{step}"
            conv, norm = f"{block}/convs{half}.{index}", f"{block}/adain{half}.{index}"
            named = f"{_PARAMETERS}.{block}"
            weights[f"{key}.weight"] = quantized(f"{conv}/Conv_quant")
            weights[f"{key}.bias"] = tensors[f"{named}.convs{half}.{index}.bias"]
            weights[f"{key}.alpha"] = tensors[f"{named}.alpha{half}.{index}"].reshape(-1)
            weights[f"{key}.style_weight"] = quantized(f"{norm}/fc/Gemm_MatMul_quant")
            weights[f"{key}.style_bias"] = tensors[f"{named}.adain{half}.{index}.fc.bias"]
    plain("ups.0/ConvTranspose", "ups.0")
    plain("ups.1/ConvTranspose", "ups.1")
    plain("conv_post/Conv", "post")
    return {key: np.ascontiguousarray(value, dtype=np.float32) for key, value in weights.items()}
