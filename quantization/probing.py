"""A model whose layers are quantized one by one, in PyTorch, and what comes out of it then.

Every step starts from what fp32 had (its grids, its durations, its codes), so that an error shows
where it arises. What is compared is what the speech is made of: the logits that codes are chosen
by, the durations, and the codec's waveform.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchao.quantization import quantize_

from model.decoding import DecodingOptions, MaskedCells
from model.generate import Array, Call, Limits, regulate
from model.methods import Method, eager
from quantization.calibration import Recording
from quantization.coverage import leaves_with_weights, own_params
from quantization.distance import End, Noise
from quantization.schemes import SCHEMES

if TYPE_CHECKING:
    from torchao.core.config import AOBaseConfig

FLOAT = "fp32"  # the scheme that leaves a layer as it is


Outputs = Mapping[End, list[Array]]


@dataclass(frozen=True, order=True)
class Layer:
    """A layer that a scheme may quantize: `name` within the module of `method`."""

    method: str
    name: str

    def __str__(self) -> str:
        return f"{self.method}.{self.name}".rstrip(".")


# What a mixed scheme does: a scheme for each layer that is not left in float.
Choices = Mapping[Layer, str]


@dataclass(frozen=True)
class Weight:
    """What a layer weighs.

    Attributes:
        params: Its parameters.
        macs: Its multiply-adds while the recorded speech was said.
    """

    params: int
    macs: int


@dataclass(eq=False)
class Probe:
    """A model on the way that fp32 took.

    Attributes:
        table: Methods of the model; unchanged but while `quantized` is open.
        recording: Inputs and outputs of every method while fp32 said one sentence.
        options: How its codes were unmasked.
        limits: What the methods take.
    """

    table: dict[str, Method]
    recording: Recording
    options: DecodingOptions
    limits: Limits
    _made: dict[tuple[Layer, str], nn.Module] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with torch.no_grad():
            self.reference: Outputs = self.outputs(frozenset(End))

    def layers(self, scheme: str) -> tuple[Layer, ...]:
        """List the layers that a scheme quantizes."""
        choose = SCHEMES[scheme]().choose
        return tuple(
            Layer(method, name)
            for method, entry in self.table.items()
            for name, module in leaves_with_weights(entry.module).items()
            if choose is not None and not isinstance(choose(method, name, module), str)
        )

    def weights(self) -> tuple[Mapping[Layer, Weight], Weight]:
        """Count what every layer with weights, and what the whole model weighs."""
        macs: dict[Layer, int] = {}
        hooks = []
        for method, entry in self.table.items():
            for name, module in leaves_with_weights(entry.module).items():
                macs[Layer(method, name)] = 0
                if isinstance(module, nn.Linear):
                    hooks.append(module.register_forward_hook(counting(macs, Layer(method, name))))
        call = eager(self.table)
        with FlopCounterMode(display=False) as counter:
            for method, calls in self.recording.items():
                for inputs, _ in calls:
                    call(method, inputs)
        for hook in hooks:
            hook.remove()
        modules = {
            Layer(method, name): module
            for method, entry in self.table.items()
            for name, module in leaves_with_weights(entry.module).items()
        }
        found = {layer: Weight(own_params(modules[layer]), macs[layer]) for layer in macs}
        params = sum(weight.params for weight in found.values())
        return found, Weight(params, counter.get_total_flops() // 2)

    def noise(self, choices: Choices) -> Noise:
        """Measure what quantizing some layers does to all ends that they reach."""
        changed = {layer.method for layer in choices}
        ends = frozenset[End]().union(*map(reached, changed))
        with self.quantized(choices):
            heads = all(method.startswith("head_") for method in changed)
            outputs = self.outputs(ends, heads_alone=heads)
        return {end: noise_to_signal(self.reference[end], outputs[end]) for end in sorted(ends)}

    @contextmanager
    def quantized(self, choices: Choices) -> Iterator[None]:
        """Put quantized layers in place of some, and take them out again."""
        originals = {layer: self._module(layer) for layer in choices}
        try:
            for layer, scheme in choices.items():
                self._put(layer, self._quantized_layer(layer, scheme))
            yield
        finally:
            for layer, module in originals.items():
                self._put(layer, module)

    def outputs(
        self, ends: frozenset[End], call: Call | None = None, *, heads_alone: bool = False
    ) -> Outputs:
        """Run what leads to some ends, as fp32 ran it.

        Args:
            ends: What is wanted.
            call: Runs a method of another program in place of this model's.
            heads_alone: Give the heads what fp32 gave them, and run nothing before them.
        """
        call, recording = call or eager(self.table), self.recording
        found: dict[End, list[Array]] = {}
        if heads_alone:
            return {End.LOGITS: list(self._logits(call, None))}
        if ends & {End.LOGITS, End.DURATIONS}:
            memory = [*call("prompt_encoder", recording["prompt_encoder"][0][0])]
            text, rows = call("text_encoder", recording["text_encoder"][0][0])
        if End.DURATIONS in ends:
            log_durations = call("duration_predictor", [text, *memory[:2]])[0]
            found[End.DURATIONS] = [np.array(log_durations)]
        if End.LOGITS in ends:
            durations = np.asarray(recording["duration_predictor"][0][1][0][0], np.float32)
            steps = regulate(np.asarray(rows[0], np.float32), durations, self.limits)
            found[End.LOGITS] = list(self._logits(call, [steps[None], *memory[2:]]))
        if End.WAVEFORM in ends:
            found[End.WAVEFORM] = [
                np.array(call("codec_decoder", inputs)[0])
                for inputs, _ in recording["codec_decoder"]
            ]
        return found

    def _logits(self, call: Call, conditions: list[Array] | None) -> Iterator[Array]:
        """Run the first pass over every channel on fp32's grid, and the head of its masked cells.

        Args:
            call: Runs a method.
            conditions: What the SMD takes beside the grid; None for fp32's own output of it.
        """
        seen: set[tuple[int, ...]] = set()
        for step, (inputs, outputs) in zip(self.options.plan, self.recording["smd"], strict=True):
            if step.channels in seen:
                continue
            seen.add(step.channels)
            hidden = outputs[0]
            if conditions is not None:
                hidden = np.array(call("smd", [inputs[0], *conditions])[0])
            masked = MaskedCells.of(np.asarray(inputs[0][0], np.int64), step)
            for channel in np.unique(masked.channel):
                frames = masked.frame[masked.channel == channel]
                yield np.array(call(f"head_{channel}", [hidden[:, frames]])[0])

    def _quantized_layer(self, layer: Layer, scheme: str) -> nn.Module:
        """Make a quantized copy of a layer, once."""
        if (layer, scheme) not in self._made:
            module, choose = self._module(layer), SCHEMES[scheme]().choose
            config = choose(layer.method, layer.name, module) if choose is not None else scheme
            if isinstance(config, str):
                raise ValueError(f"{scheme} leaves {layer} in float: {config}")
            self._made[layer, scheme] = quantized_copy(module, config)
        return self._made[layer, scheme]

    def _module(self, layer: Layer) -> nn.Module:
        return self.table[layer.method].module.get_submodule(layer.name)

    def _put(self, layer: Layer, module: nn.Module) -> None:
        entry = self.table[layer.method]
        if layer.name:
            entry.module.set_submodule(layer.name, module)
        else:
            self.table[layer.method] = Method(
                module, entry.inputs, entry.axes, entry.masks, entry.outputs
            )


def reached(method: str) -> frozenset[End]:
    """Name the ends that a method's outputs lead to."""
    if method == "codec_decoder":
        return frozenset({End.WAVEFORM})
    if method == "duration_predictor":
        return frozenset({End.DURATIONS})
    if method in ("prompt_encoder", "text_encoder"):
        return frozenset({End.LOGITS, End.DURATIONS})
    return frozenset({End.LOGITS})


def quantized_copy(module: nn.Module, config: "AOBaseConfig") -> nn.Module:
    """Quantize a copy of one layer."""
    quantized = copy.deepcopy(module)
    quantize_(quantized, config, filter_fn=lambda candidate, _: candidate is quantized)
    return quantized


def counting(macs: dict[Layer, int], layer: Layer) -> Callable[..., None]:
    """Make a hook that adds a linear layer's multiply-adds to its entry."""

    def count(module: nn.Linear, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        macs[layer] += output.numel() * module.in_features

    return count


def noise_to_signal(wanted: list[Array], got: list[Array]) -> float:
    """Divide the power of all differences by that of what is wanted."""
    signal = noise = 0.0
    for want, have in zip(wanted, got, strict=True):
        exact = np.asarray(want, np.float64)
        signal += float(np.sum(np.square(exact)))
        noise += float(np.sum(np.square(np.asarray(have, np.float64) - exact)))
    return noise / signal
