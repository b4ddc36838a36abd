"""Static lengths: inputs padded to them, masks that say what is padding, outputs cut back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.utils import _pytree as pytree

from model.errors import InputError
from model.generate import Array, Call, Limits
from model.methods import Axis, Method


def with_lengths(method: Method, lengths: Mapping[str, int]) -> Method:
    """Give a method static lengths: examples of that length, masks as last inputs, no axes.

    Args:
        method: With dynamic axes.
        lengths: Length per axis; an empty mapping leaves the method as it is.
    """
    if not lengths:
        return method
    examples = [leaf.numpy() for leaf in pytree.tree_leaves(method.inputs)]
    fitting = [
        cut(array, axes, lengths) for array, axes in zip(examples, flat_axes(method), strict=True)
    ]
    flat = pad_inputs(method, fitting, lengths)
    tensors = [torch.from_numpy(array) for array in flat]
    count = len(tensors) - len(method.masks)
    inputs = (*method.nest(tensors[:count]), *tensors[count:])
    axes = pytree.tree_map(lambda _: {}, inputs)
    return replace(method, inputs=inputs, axes=axes, masks=(), outputs=())


def pad_inputs(method: Method, inputs: Sequence[Array], lengths: Mapping[str, int]) -> list[Array]:
    """Pad flat inputs with zeros to static lengths, and add the method's masks.

    Raises:
        InputError: An input is longer than its static length.
    """
    if not lengths:
        return list(inputs)
    used = lengths_of(method, inputs)
    for name, length in used.items():
        if length > lengths[name]:
            raise InputError(
                f"{length} {name} do not fit the static length of {lengths[name]}: raise it by"
                f" --backend-option, or split the text into shorter sentences"
            )
    padded = [
        np.pad(array, padding(array, axes, lengths))
        for array, axes in zip(inputs, flat_axes(method), strict=True)
    ]
    masks = [mask(used[axis.name], lengths[axis.name]) for axis in method.masks]
    return [*padded, *masks]


def padded_call(call: Call, table: Mapping[str, Method], lengths: Mapping[str, int]) -> Call:
    """Let a program with static lengths be called like one that takes any length.

    Args:
        call: Runs a method of the program.
        table: The methods with their dynamic axes.
        lengths: Static length per axis.
    """

    def padded(name: str, inputs: Sequence[Array]) -> list[Array]:
        method = table[name]
        used = lengths_of(method, inputs)
        outputs = call(name, pad_inputs(method, inputs, lengths))
        return [cut(array, axes, used) for array, axes in zip(outputs, method.outputs, strict=True)]

    return padded if lengths else call


def within(limits: Limits, lengths: Mapping[str, int]) -> Limits:
    """Narrow what a program takes to its static lengths, so that loops stay within them."""
    if not lengths:
        return limits
    step = limits.frames_per_step
    return replace(
        limits,
        max_frames=min(limits.max_frames, step * lengths["steps"], lengths["cells"]),
        max_prompt_frames=min(limits.max_prompt_frames, step * lengths["prompt_steps"]),
    )


def flat_axes(method: Method) -> list[dict[int, Axis]]:
    """Dynamic axes of each input, flat."""
    leaves: list[dict[int, Axis]] = pytree.tree_leaves(
        method.axes, is_leaf=lambda node: isinstance(node, dict)
    )
    return leaves


def lengths_of(method: Method, inputs: Sequence[Array]) -> dict[str, int]:
    """Length of each dynamic axis that flat inputs have."""
    return {
        axis.name: array.shape[number] // axis.scale
        for array, axes in zip(inputs, flat_axes(method), strict=True)
        for number, axis in axes.items()
    }


def cut(array: Array, axes: Mapping[int, Axis], lengths: Mapping[str, int]) -> Array:
    """Leave no more of an array than lengths say."""
    wanted = {number: axis.scale * lengths[axis.name] for number, axis in axes.items()}
    return array[tuple(slice(wanted.get(number)) for number in range(array.ndim))]


def padding(
    array: Array, axes: Mapping[int, Axis], lengths: Mapping[str, int]
) -> list[tuple[int, int]]:
    """What must be added before and after each axis of an array."""
    wanted = {number: axis.scale * lengths[axis.name] for number, axis in axes.items()}
    return [(0, wanted.get(number, size) - size) for number, size in enumerate(array.shape)]


def mask(length: int, padded: int) -> Array:
    """Make a (1, padded, 1) mask: 1 where a position counts, 0 where it is padding."""
    return (np.arange(padded) < length).astype(np.float32).reshape(1, -1, 1)
