"""Quantization-aware training: the forward pass rounds as the quantized model will.

Weights stay 32-bit floats and checkpoints look like any other, so a model trained this way is
quantized by the same scheme, under the same name, as every model.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import nn

from model.errors import ConfigError

if TYPE_CHECKING:
    from torchao.core.config import AOBaseConfig

GROUP = 32


def int8_weights() -> "AOBaseConfig":
    """Dynamic 8-bit activations per token, 8-bit weights per output channel."""
    import torch
    from torchao.quantization import Int8DynamicActivationIntxWeightConfig
    from torchao.quantization.granularity import PerAxis

    return Int8DynamicActivationIntxWeightConfig(
        weight_dtype=torch.int8, weight_granularity=PerAxis(0)
    )


def int4_weights() -> "AOBaseConfig":
    """Dynamic 8-bit activations per token, 4-bit weights in groups of 32 inputs."""
    import torch
    from torchao.quantization import Int8DynamicActivationIntxWeightConfig
    from torchao.quantization.granularity import PerGroup

    return Int8DynamicActivationIntxWeightConfig(
        weight_dtype=torch.int4,  # type: ignore[attr-defined]  # missing from torch's stubs
        weight_granularity=PerGroup(GROUP),
    )


QAT_SCHEMES: dict[str, Callable[[], "AOBaseConfig"]] = {
    "8da8w": int8_weights,
    "8da4w": int4_weights,
}


def prepare_for_quantization(model: nn.Module, scheme: str) -> int:
    """Make the linear layers that a scheme will quantize round as if they were.

    Args:
        model: To prepare, in place; its parameters keep their names.
        scheme: Entry of `QAT_SCHEMES`.

    Returns:
        How many layers round now.

    Raises:
        ConfigError: There is no such scheme.
    """
    from torchao.quantization import quantize_
    from torchao.quantization.qat import QATConfig

    if scheme not in QAT_SCHEMES:
        raise ConfigError(
            f"no quantization-aware training for {scheme!r}: {', '.join(QAT_SCHEMES)}"
        )
    chosen = [module for module in model.modules() if is_quantized(module, scheme)]
    quantize_(
        model,
        QATConfig(QAT_SCHEMES[scheme](), step="prepare"),
        filter_fn=lambda module, _: is_quantized(module, scheme),
    )
    return len(chosen)


def is_quantized(module: nn.Module, scheme: str) -> bool:
    """Whether a scheme quantizes a module: linear, but not the averaging of a norm."""
    return (
        isinstance(module, nn.Linear)
        and module.out_features > 1
        and module.in_features > 1
        and (scheme != "8da4w" or not module.in_features % GROUP)
    )
