"""What a user's module gives in PyTorch, and whether a device can give the same.

A device gets each input as rows in memory, one after the other, starts with the module's buffers as
they are, and calls `forward` several times in one process. What would differ from that in PyTorch
is refused here, before anything is lowered.
"""

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lowering.lower import first_line
from model.errors import ConfigError, StageFailedError
from model.generate import Array

if TYPE_CHECKING:
    from torch import Tensor, nn

CONTAINERS = (tuple, list, dict)  # that outputs may be in
SAME_SHARE = 1e-4  # of an output: two calls that differ by less differ by the order of sums alone


@dataclass(frozen=True, eq=False)
class EagerOutputs:
    """What calls of a module gave in PyTorch.

    Attributes:
        last: Outputs of the last call.
        changed: Buffers that calls change, so that each call has outputs of its own.
    """

    last: tuple[Array, ...]
    changed: tuple[str, ...]


def row_major(inputs: "Sequence[Tensor]") -> "tuple[Tensor, ...]":
    """Copy tensors, each to rows in memory, one after the other, whatever layout it has.

    A program that is exported for another layout (channels-last, transposed, expanded) takes its
    inputs in that layout, and devices give rows.
    """
    import torch

    rows = torch.contiguous_format
    return tuple(one.detach().resolve_conj().resolve_neg().clone(memory_format=rows)
                 for one in inputs)  # fmt: skip


def check_inputs(inputs: Sequence[object], dtypes: Sequence[str]) -> None:
    """Refuse inputs that cannot be sent to a device.

    Args:
        inputs: What `forward` is called with.
        dtypes: Types that devices take, as NumPy names them.

    Raises:
        ConfigError: It names the input and what to do.
    """
    import torch

    if not inputs:
        raise ConfigError("forward is given no input: devices call methods with one tensor or more")
    for number, one in enumerate(inputs):
        if not isinstance(one, torch.Tensor):
            raise ConfigError(
                f"input {number} is {type(one).__name__}, not a tensor: give forward's tensors one"
                " by one; wrap a module that takes lists, numbers or arrays in one that takes"
                " tensors"
            )
        name = dtype_name(one)
        if name not in dtypes:
            raise ConfigError(
                f"input {number} is {name}; devices take {', '.join(dtypes)}: convert it, for"
                " instance with .float(), and the module likewise"
            )
        if one.layout != torch.strided or one.device.type != "cpu":
            raise ConfigError(
                f"input {number} is {one.layout} on {one.device}: give a dense tensor on the"
                " processor (.to_dense(), .cpu())"
            )
        if not one.numel():
            raise ConfigError(
                f"input {number} is empty ({list(one.shape)}): give one of a real size"
            )


def check_module(module: object) -> None:
    """Refuse a module that cannot be copied, quantized and exported as it would be shipped.

    Raises:
        ConfigError: It says what to do.
    """
    import torch
    from torch import nn
    from torch.nn.utils import parametrize

    if isinstance(module, torch.jit.ScriptModule):
        raise ConfigError("the module is TorchScript, which cannot be exported: give the nn.Module")
    if not isinstance(module, nn.Module):
        raise ConfigError(f"{module!r:.80} is not a torch.nn.Module: wrap it in one")
    for name, child in module.named_modules():
        where = name or "the module"
        if hasattr(child, "_orig_mod"):
            raise ConfigError(f"{where} is wrapped by torch.compile: give the module before that")
        if parametrize.is_parametrized(child):
            tensors = ", ".join(child.parametrizations)
            raise ConfigError(
                f"{where} has parametrized tensors ({tensors}), which a device would compute anew"
                " at every call: make them plain first, with torch.nn.utils.parametrize."
                f"remove_parametrizations({name or 'module'}, {tensors.split(', ')[0]!r})"
            )
        for hook in child._forward_pre_hooks.values():
            if (kind := type(hook).__name__) in OLD_REMOVERS:
                raise ConfigError(
                    f"{where} has a {kind} hook, which computes weights at every call: make them"
                    f" plain first, with torch.nn.utils.{OLD_REMOVERS[kind]}({name or 'module'})"
                )
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if nn.parameter.is_lazy(tensor):
            raise ConfigError(f"{name} has no size yet: call the lazy module once before")
        if tensor.device.type != "cpu":
            raise ConfigError(f"{name} is on {tensor.device}: move the module to the processor")


# Hooks of torch.nn.utils before parametrizations, and what takes them off.
OLD_REMOVERS = {
    "WeightNorm": "remove_weight_norm",
    "SpectralNorm": "remove_spectral_norm",
}


def call_eagerly(
    module: "nn.Module", inputs: "tuple[Tensor, ...]", calls: int, dtypes: Sequence[str]
) -> EagerOutputs:
    """Call a module in PyTorch as often as a device calls it in one process.

    Args:
        module: Left unchanged.
        inputs: What it takes; every call gets copies.
        calls: How often a device calls it; without state two calls are enough.
        dtypes: Types of outputs that devices give, as NumPy names them.

    Raises:
        ConfigError: It changes its inputs, returns something else than tensors, or answers
            otherwise when it is called again although no buffer has changed.
        StageFailedError: It raised an error.
    """
    import torch

    copied = copy.deepcopy(module).eval()
    before = {name: buffer.clone() for name, buffer in copied.named_buffers()}

    def call() -> "list[Tensor]":
        given = row_major(inputs)
        try:
            with torch.no_grad():
                answer = copied(*given)
        except Exception as error:
            raise StageFailedError(f"forward failed in PyTorch: {first_line(error)}") from error
        for number, (one, other) in enumerate(zip(given, inputs, strict=True)):
            if not same(one, other):
                raise ConfigError(
                    f"forward changes input {number} in place, so that every call would get other"
                    " inputs: let it change a copy (x.clone())"
                )
        return [one.clone() for one in output_tensors(answer, dtypes)]

    first = call()
    last = call()
    changed = tuple(
        name
        for name, buffer in copied.named_buffers()
        if name not in before or not same(buffer, before[name])
    )
    if not changed and not all(map(alike, first, last)):
        raise ConfigError(
            "forward gives other outputs when it is called again with the same inputs, although no"
            " buffer has changed: make random numbers an input, and keep state in buffers"
            " (register_buffer)"
        )
    if changed:
        last = first if calls == 1 else last
        for _ in range(calls - 2):
            last = call()
    return EagerOutputs(tuple(one.numpy() for one in last), changed)


def check_state(changed: Sequence[str], kept: Collection[str]) -> None:
    """Refuse a program that lost state of its module on the way.

    Args:
        changed: Buffers that the module changes in PyTorch.
        kept: Buffers that the program changes, by their names in it.

    Raises:
        StageFailedError: It names buffers that would stay as they are.
    """
    lost = [name for name in changed if not any(f".{one}".endswith(f".{name}") for one in kept)]
    if lost:
        raise StageFailedError(
            f"export failed: forward changes {', '.join(lost)}, and the exported program does not:"
            " change buffers in place (self.state.copy_(new)), and take no static scheme"
        )


def output_tensors(answer: object, dtypes: Sequence[str]) -> "list[Tensor]":
    """List what `forward` returned, which must be tensors in tuples, lists and dictionaries.

    Raises:
        ConfigError: It names the output and what to do.
    """
    import torch
    from torch.utils import _pytree as pytree

    leaves, _ = pytree.tree_flatten_with_path(
        answer, is_leaf=lambda one: type(one) not in CONTAINERS
    )
    for path, leaf in leaves:
        where = f"output {pytree.keystr(path)}".strip()
        if not isinstance(leaf, torch.Tensor):
            kind = "None" if leaf is None else type(leaf).__name__
            raise ConfigError(
                f"{where} of forward is {kind}: wrap the module in one that returns tensors alone"
                " (in a tuple, list or dict)"
            )
        name = dtype_name(leaf)
        if name not in dtypes:
            raise ConfigError(
                f"{where} of forward is {name}; devices give {', '.join(dtypes)}: convert it in"
                " forward, for instance with .float()"
            )
    if not leaves:
        raise ConfigError("forward returns no tensor: there is nothing to compare")
    return [leaf for _, leaf in leaves]


def dtype_name(tensor: "Tensor") -> str:
    """Name a tensor's type as NumPy does, where NumPy has it."""
    return str(tensor.dtype).removeprefix("torch.")


def same(one: "Tensor", other: "Tensor") -> bool:
    """Tell whether two tensors have the same values, wherever there are none (NaN) too."""
    import torch

    return one.shape == other.shape and bool(
        torch.isclose(one, other, rtol=0, atol=0, equal_nan=True).all()
    )


def alike(one: "Tensor", other: "Tensor") -> bool:
    """Tell whether two outputs are the same but for the order of sums."""
    if one.shape != other.shape:
        return False
    first, second = (np.nan_to_num(np.asarray(tensor, np.float64)) for tensor in (one, other))
    return bool(np.linalg.norm(first - second) <= SAME_SHARE * np.linalg.norm(first))
