"""What a scheme really quantized: parameters, multiply-adds, and every module left out."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from model.errors import StageFailedError
from model.methods import Method
from quantization.schemes import Kind

NAMED = 3  # modules that a message names per reason


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


@contextmanager
def unchanged_buffers(module: nn.Module, names: Collection[str] | None = None) -> Iterator[None]:
    """Give buffers the values back that they had before what runs inside; by default all of them.

    An exported program shares them: without this it would start with the state after the calls
    that measured or calibrated it.
    """
    buffers = {
        name: buffer for name, buffer in module.named_buffers() if names is None or name in names
    }
    before = {name: buffer.clone() for name, buffer in buffers.items()}
    try:
        yield
    finally:
        for name, buffer in buffers.items():
            owner, _, own = name.rpartition(".")
            module.get_submodule(owner)._buffers[own] = buffer.copy_(before[name])


def macs_per_module(method: Method) -> Counter[str]:
    """Count multiply-adds of each submodule for the example inputs; all of them under ''."""
    with unchanged_buffers(method.module), FlopCounterMode(display=False) as counter:
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


def check_quantized(
    scheme: str, kind: Kind, coverage: Coverage, least: float | None = None
) -> None:
    """Refuse what would be measured under a scheme's name but is in float.

    Args:
        scheme: Its name.
        kind: Of the scheme; a float one quantizes nothing.
        coverage: What it quantized.
        least: Least share of parameters; None refuses only where nothing at all was quantized.

    Raises:
        StageFailedError: It names what was left out, and why.
    """
    share = coverage.quantized_params / max(1, coverage.total_params)
    if kind is Kind.FLOAT or (share > 0 if least is None else share >= least):
        return
    reasons = {why: [name for name, w in coverage.left_out if w == why]
               for _, why in coverage.left_out}  # fmt: skip
    told = "; ".join(
        f"{', '.join(names[:NAMED])}{f' and {len(names) - NAMED} more' if names[NAMED:] else ''}"
        f" ({why})"
        for why, names in reasons.items()
    )
    quantized = f"{share:.1%} of the parameters" if share else "nothing"
    asked = "" if least is None else f", less than {least:.0%}"
    raise StageFailedError(
        f"quantize failed: {scheme} quantized {quantized}{asked}; left in float:"
        f" {told or 'all of it, which has no weights'}"
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
