"""What a scheme really quantized: parameters, multiply-adds, and every module left out."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from model.methods import Method


@dataclass(frozen=True)
class Coverage:
    """Quantized shares, of one method or summed over methods.

    Attributes:
        quantized_params: Parameters held in the scheme's integers.
        total_params: All parameters.
        quantized_macs: Multiply-adds computed on quantized weights, for the example inputs.
        total_macs: All multiply-adds, attention's included.
        left_out: (module, reason) for each module with weights that stays in float.
    """

    quantized_params: int
    total_params: int
    quantized_macs: int
    total_macs: int
    left_out: tuple[tuple[str, str], ...]


def leaves_with_weights(module: nn.Module) -> dict[str, nn.Module]:
    """Name every submodule that holds parameters of its own."""
    return {
        name: child
        for name, child in module.named_modules()
        if any(True for _ in child.parameters(recurse=False))
    }


def macs_per_module(method: Method) -> Counter[str]:
    """Count multiply-adds of each submodule for the example inputs; all of them under ''."""
    with FlopCounterMode(display=False) as counter:
        method.module(*method.inputs)
    root = type(method.module).__name__
    macs: Counter[str] = Counter()
    flops: Mapping[str, Mapping[Any, int]] = counter.get_flop_counts()
    for name, by_operator in flops.items():
        macs[name.removeprefix(root).removeprefix(".")] = sum(by_operator.values()) // 2
    macs[""] = sum(flops.get("Global", {}).values()) // 2  # no entry where nothing multiplies
    return macs


def measure_coverage(
    name: str, method: Method, quantized: Iterable[str], left_out: Mapping[str, str]
) -> Coverage:
    """Sum up what was quantized in one method.

    Args:
        name: Of the method, put before the names of modules left out.
        method: The method before quantization.
        quantized: Names of the submodules that are quantized.
        left_out: Reason for each submodule with weights that is not.
    """
    macs = macs_per_module(method)
    modules = leaves_with_weights(method.module)
    quantized = list(quantized)
    return Coverage(
        quantized_params=sum(own_params(modules[child]) for child in quantized),
        total_params=sum(map(own_params, modules.values())),
        quantized_macs=sum(macs[child] for child in quantized),
        total_macs=macs[""],
        left_out=tuple((f"{name}.{child}".rstrip("."), why) for child, why in left_out.items()),
    )


def own_params(module: nn.Module) -> int:
    """Count a module's own parameters."""
    return sum(parameter.numel() for parameter in module.parameters(recurse=False))


def total(parts: Iterable[Coverage]) -> Coverage:
    """Add up the coverage of several methods."""
    parts = list(parts)
    return Coverage(
        quantized_params=sum(part.quantized_params for part in parts),
        total_params=sum(part.total_params for part in parts),
        quantized_macs=sum(part.quantized_macs for part in parts),
        total_macs=sum(part.total_macs for part in parts),
        left_out=tuple(entry for part in parts for entry in part.left_out),
    )
