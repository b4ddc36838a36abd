"""Which part of the model, quantized alone, moves its outputs how far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from quantization.distance import Noise, distance

if TYPE_CHECKING:
    from quantization.probing import Layer, Probe


class Grain(StrEnum):
    """What counts as one part."""

    LAYER = "layer"
    BLOCK = "block"  # the layers that share a module: an attention, a feed-forward
    METHOD = "method"


@dataclass(frozen=True)
class Damage:
    """What quantizing one part alone does.

    Attributes:
        part: A layer, the module that holds it, or a method.
        noise: Per scheme that quantizes some of it, noise to signal at the ends it reaches.
        params_share: Of the model's parameters, those of the layers that are quantized.
        macs_share: Likewise of the multiply-adds of one sentence.
    """

    part: str
    noise: Mapping[str, Noise]
    params_share: float
    macs_share: float

    @property
    def worst(self) -> float:
        """The distance from fp32 under the scheme that does the most."""
        return max(map(distance, self.noise.values()))


def part_of(layer: "Layer", grain: Grain) -> str:
    """Name the part that a layer belongs to."""
    if grain is Grain.METHOD:
        return layer.method
    if grain is Grain.LAYER or "." not in layer.name:
        return str(layer)
    return f"{layer.method}.{layer.name.rpartition('.')[0]}"


def parts_of(layers: Sequence["Layer"], grain: Grain) -> dict[str, list["Layer"]]:
    """Gather layers by part, in the order of the model."""
    parts: dict[str, list[Layer]] = {}
    for layer in layers:
        parts.setdefault(part_of(layer, grain), []).append(layer)
    return parts


def sensitivity(
    probe: "Probe",
    schemes: Sequence[str],
    grain: Grain,
    show: Callable[[int, int, str], None] = lambda done, total, part: None,
) -> list[Damage]:
    """Quantize every part alone, under every scheme; what does the most damage comes first.

    Args:
        probe: The model.
        schemes: Entries of `SCHEMES` that choose layers.
        grain: What counts as one part.
        show: Told of parts done, of how many, and which comes next.
    """
    by_scheme = {scheme: parts_of(probe.layers(scheme), grain) for scheme in schemes}
    weights, whole = probe.weights()
    names = list(dict.fromkeys(name for parts in by_scheme.values() for name in parts))
    found = []
    for number, name in enumerate(names):
        show(number, len(names), name)
        layers = {scheme: parts[name] for scheme, parts in by_scheme.items() if name in parts}
        quantized = {layer for some in layers.values() for layer in some}
        found.append(
            Damage(
                name,
                {
                    scheme: probe.noise(dict.fromkeys(some, scheme))
                    for scheme, some in layers.items()
                },
                sum(weights[layer].params for layer in quantized) / whole.params,
                sum(weights[layer].macs for layer in quantized) / whole.macs,
            )
        )
    return sorted(found, key=lambda damage: damage.worst, reverse=True)
