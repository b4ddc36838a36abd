"""Apply a scheme to the methods of a model."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch.export import ExportedProgram
from torchao.quantization import quantize_
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import Quantizer

from model.methods import Method
from quantization.calibration import Ranges, module_name, observed_ranges
from quantization.coverage import Coverage, leaves_with_weights, measure_coverage, unchanged_buffers
from quantization.schemes import Choose, Scheme

Export = Callable[[Method], ExportedProgram]
WITH_WEIGHTS = ("aten.linear.default", "aten.conv1d.default", "aten.conv2d.default")

Samples = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, eq=False)
class Quantized:
    """A method, exported and quantized.

    Attributes:
        program: Ready to be lowered.
        coverage: What was quantized.
        calibration_samples: Inputs that the ranges were taken from; 0 without calibration.
        ranges: Smallest and largest value that calibration saw, per quantized activation.
    """

    program: ExportedProgram
    coverage: Coverage
    calibration_samples: int = 0
    ranges: Ranges = field(default_factory=dict)


def quantize(
    name: str,
    method: Method,
    scheme: Scheme,
    export: Export,
    *,
    quantizer: Quantizer | None = None,
    samples: Samples = (),
) -> Quantized:
    """Quantize one method and export it.

    Args:
        name: Of the method.
        method: In fp32; left unchanged.
        scheme: How to hold its numbers.
        export: Turns a method into an exported program.
        quantizer: The backend's PT2E quantizer for static schemes; None leaves the method in float.
        samples: Real inputs to calibrate on, nested like the method's; only for static schemes.
    """
    if scheme.static and quantizer is not None:
        return quantize_graph(name, method, export, quantizer, samples)
    if scheme.choose is None:
        why = (
            "the backend keeps this method in float"
            if scheme.static
            else "the scheme is a float one"
        )
        everything = dict.fromkeys(leaves_with_weights(method.module), why)
        return Quantized(export(method), measure_coverage(name, method, (), everything))
    return quantize_modules(name, method, scheme.choose, export)


def quantize_modules(name: str, method: Method, choose: Choose, export: Export) -> Quantized:
    """Replace modules by torchao's quantized ones, each as the scheme chooses, then export."""
    chosen = {
        child: choose(name, child, module)
        for child, module in leaves_with_weights(method.module).items()
    }
    left_out = {child: choice for child, choice in chosen.items() if isinstance(choice, str)}
    module = copy.deepcopy(method.module)
    targets = dict(module.named_modules())
    for child, config in chosen.items():
        if not isinstance(config, str):
            target = targets[child]
            quantize_(target, config, filter_fn=lambda candidate, _, t=target: candidate is t)
    program = export(replace(method, module=module))
    done = [child for child in chosen if child not in left_out]
    return Quantized(program, measure_coverage(name, method, done, left_out))


def quantize_graph(
    name: str, method: Method, export: Export, quantizer: Quantizer, samples: Samples
) -> Quantized:
    """Quantize the exported graph with the backend's quantizer (PT2E), calibrated on samples."""
    prepared = prepare_pt2e(export(method).module(), quantizer)
    own = {name for name, _ in method.module.named_buffers()}  # not those of the observers
    with torch.no_grad(), unchanged_buffers(prepared, own):
        for sample in samples:
            prepared(*sample)
    ranges = observed_ranges(prepared)
    converted = convert_pt2e(prepared)
    program = export(replace(method, module=converted))
    done = quantized_modules(converted)
    left_out = {
        child: f"{type(module).__name__}: the backend's quantizer does not take it"
        for child, module in leaves_with_weights(method.module).items()
        if child not in done
    }
    done = [child for child in done if child in leaves_with_weights(method.module)]
    coverage = measure_coverage(name, method, done, left_out)
    return Quantized(program, coverage, len(samples), ranges)


def quantized_modules(converted: torch.fx.GraphModule) -> list[str]:
    """Name the modules whose weights a converted graph holds as integers."""
    names = []
    for node in converted.graph.nodes:
        operands = [arg for arg in node.args if isinstance(arg, torch.fx.Node)]
        dequantized = [arg for arg in operands if "dequantize" in str(arg.target)]
        if str(node.target) in WITH_WEIGHTS and len(dequantized) > 1:
            names.append(module_name(node))
    return names
