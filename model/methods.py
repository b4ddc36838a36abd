"""The methods of MobileSpeech as they run on a device: module, example inputs, dynamic axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from model.config import CODEBOOK_SIZE, HOP_LENGTH, N_CODEBOOK
from model.generate import Array, Call
from model.mobilespeech import MobileSpeech

EXAMPLE_STEPS, EXAMPLE_PROMPT_STEPS, EXAMPLE_PHONEMES = 60, 40, 30


@dataclass(frozen=True)
class Axis:
    """A dynamic axis: `scale` times a length named `name`, which is at most `longest`."""

    name: str
    longest: int
    scale: int = 1


@dataclass(frozen=True, eq=False)
class Method:
    """One method of the .pte.

    Attributes:
        module: What it computes.
        inputs: Example inputs, batch of one.
        axes: Per input, axis number to dynamic axis; nested like `inputs`.
        masks: Axes of the (1, length, 1) masks that the module takes after its inputs, for
            programs whose lengths are static.
        outputs: Per output, axis number to dynamic axis.
    """

    module: nn.Module
    inputs: tuple[Any, ...]
    axes: tuple[Any, ...]
    masks: tuple[Axis, ...] = ()
    outputs: tuple[Mapping[int, Axis], ...] = ()

    def nest(self, flat: Sequence[Tensor]) -> tuple[Any, ...]:
        """Arrange flat inputs like `inputs`."""
        nested: tuple[Any, ...] = pytree.tree_unflatten(
            list(flat), pytree.tree_structure(self.inputs)
        )
        return nested


def methods(model: MobileSpeech, codec_decoder: nn.Module) -> dict[str, Method]:
    """List every method of MobileSpeech by name, with the codec's decoder as the last.

    Args:
        model: MobileSpeech.
        codec_decoder: (B, Q, T) codes to (B, T * 320) samples.
    """
    config = model.config
    step = config.frames_per_step
    steps = Axis("steps", config.max_frames // step)
    frames = Axis("steps", config.max_frames // step, step)
    prompt_steps = Axis("prompt_steps", config.max_prompt_frames // step)
    prompt_frames = Axis("prompt_steps", config.max_prompt_frames // step, step)
    phonemes = Axis("phonemes", config.max_phonemes)
    cells = Axis("cells", config.max_frames)
    codec_frames = Axis("frames", config.max_frames)
    samples = Axis("frames", config.max_frames, HOP_LENGTH)
    keys_and_values = ({2: prompt_steps}, {1: prompt_steps})
    codes = _codes(EXAMPLE_STEPS * step)
    duration_memory = _memory(config.text_width, config.text_head)
    # Distinct tensors: torch.export takes inputs that are the same object for one input.
    memory = tuple(
        tensor for _ in range(config.n_layer) for tensor in _memory(config.width, config.n_head)
    )
    rows = torch.zeros(1, EXAMPLE_STEPS, config.width)
    text = torch.zeros(1, EXAMPLE_PHONEMES, config.text_width)
    hidden = torch.zeros(1, EXAMPLE_STEPS, config.head_width)
    return {
        "prompt_encoder": Method(
            model.prompt_encoder,
            (_codes(EXAMPLE_PROMPT_STEPS * step),),
            ({2: prompt_frames},),
            masks=(prompt_steps,),
            outputs=keys_and_values * (1 + config.n_layer),
        ),
        "text_encoder": Method(
            model.text_encoder,
            (torch.arange(EXAMPLE_PHONEMES).reshape(1, -1) % 8,),
            ({1: phonemes},),
            masks=(phonemes,),
            outputs=({1: phonemes}, {1: phonemes}),
        ),
        "duration_predictor": Method(
            model.duration_predictor,
            (text, *duration_memory),
            ({1: phonemes}, *keys_and_values),
            masks=(phonemes, prompt_steps),
            outputs=({1: phonemes},),
        ),
        "smd": Method(
            model.smd,
            (codes, rows, memory),
            ({2: frames}, {1: steps}, keys_and_values * config.n_layer),
            masks=(steps, prompt_steps),
            outputs=({1: frames},),
        ),
        **{
            f"head_{channel}": Method(head, (hidden,), ({1: cells},), outputs=({1: cells},))
            for channel, head in enumerate(model.heads)
        },
        "codec_decoder": Method(
            codec_decoder,
            (codes,),
            ({2: codec_frames},),
            masks=(codec_frames,),
            outputs=({1: samples},),
        ),
    }


def _codes(frames: int) -> Tensor:
    """Make (1, Q, frames) example codes."""
    return (torch.arange(N_CODEBOOK * frames) % CODEBOOK_SIZE).reshape(1, N_CODEBOOK, frames)


def _memory(width: int, n_head: int) -> tuple[Tensor, Tensor]:
    """Make example keys and values."""
    size = width // n_head
    keys = torch.zeros(n_head, size, EXAMPLE_PROMPT_STEPS)
    return keys, torch.zeros(n_head, EXAMPLE_PROMPT_STEPS, size)


def eager(table: dict[str, Method]) -> Call:
    """Make the `Call` that runs methods in PyTorch: the fp32 reference."""

    @torch.no_grad()
    def call(name: str, inputs: Sequence[Array]) -> list[Array]:
        method = table[name]
        tensors = [torch.from_numpy(np.ascontiguousarray(array)) for array in inputs]
        outputs = method.module(*method.nest(tensors))
        return [output.numpy() for output in pytree.tree_leaves(outputs)]

    return call
