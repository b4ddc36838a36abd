"""Quantization schemes by name, as torchao knows them. A new scheme goes here.

A scheme says per module what to do with it; which pairs of scheme and backend work is asked of the
backend. Weight transformations replace modules before export and suit any backend that knows the
pattern; a static scheme needs the backend's own quantizer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from model.registry import Registry

if TYPE_CHECKING:
    from torch import nn
    from torchao.core.config import AOBaseConfig

# From a method's name, a module's name within it and the module to torchao's config for it, or to
# the reason why it is left in float.
Choose = Callable[[str, str, "nn.Module"], "AOBaseConfig | str"]


class Kind(Enum):
    """What a backend must be able to do to take a scheme."""

    FLOAT = auto()  # nothing is quantized
    DYNAMIC = auto()  # integer weights; activations are quantized at run time
    WEIGHTS = auto()  # integer weights, float activations
    CODEBOOK = auto()  # weights are indices into tables of floats, activations float
    STATIC = auto()  # weights and activations by the backend's quantizer, calibrated (PT2E)
    INTEGER = auto()  # the same of every operator: nothing stays in float


@dataclass(frozen=True)
class Scheme:
    """How the numbers of a model are held.

    Attributes:
        summary: One line for people.
        kind: What it asks of a backend.
        choose: What to do with each module that has weights; None for float and static schemes.
        half: True where what is in float computes in float16.
        bits: Of activations and of weights, where all quantized layers have the same.
        parts: Of the model, that a file says something of.
    """

    summary: str
    kind: Kind = Kind.FLOAT
    choose: Choose | None = None
    half: bool = False
    bits: tuple[int, int] = (0, 0)
    parts: tuple[str, ...] = ()

    @property
    def static(self) -> bool:
        """Whether it needs a backend's quantizer and calibration."""
        return self.kind in (Kind.STATIC, Kind.INTEGER)


SCHEMES: Registry[Callable[[], Scheme]] = Registry("quantization scheme")

AVERAGING = "the averaging weights of a norm: rounding them would bend every activation"
NOT_LINEAR = "torchao's schemes quantize linear layers only"
SAMPLED = "its output is sampled or heard directly, kept in float by this scheme"


GROUP = 32  # weights that share a 4-bit scale
PALETTE_ROWS = 16  # outputs that share a palette: what Apple's neural engine prefers


def linear_layers(weights: "Callable[[nn.Linear], AOBaseConfig | str]") -> Choose:
    """Choose for linear layers alone, and say why every other module is left out."""

    def choose(method: str, name: str, module: "nn.Module") -> "AOBaseConfig | str":
        from torch import nn

        if not isinstance(module, nn.Linear):
            return f"{type(module).__name__}: {NOT_LINEAR}"
        if module.out_features == 1:
            return AVERAGING if name.endswith("mean") else "a single output, cheaper in float"
        if module.in_features == 1:
            return "a single input, cheaper in float"
        return weights(module)

    return choose


def int8_weights(module: "nn.Linear") -> "AOBaseConfig | str":
    """8-bit weights per output channel; activations 8-bit, per token, at run time."""
    import torch
    from torchao.quantization import Int8DynamicActivationIntxWeightConfig
    from torchao.quantization.granularity import PerAxis

    return Int8DynamicActivationIntxWeightConfig(
        weight_dtype=torch.int8, weight_granularity=PerAxis(0)
    )


def int4_weights(module: "nn.Linear") -> "AOBaseConfig | str":
    """4-bit weights in groups of 32 inputs; activations 8-bit, per token, at run time."""
    import torch
    from torchao.quantization import Int8DynamicActivationIntxWeightConfig
    from torchao.quantization.granularity import PerGroup

    if module.in_features % GROUP:
        return f"{module.in_features} inputs are not a multiple of the group of {GROUP}"
    return Int8DynamicActivationIntxWeightConfig(
        weight_dtype=torch.int4,  # type: ignore[attr-defined]  # missing from torch's stubs
        weight_granularity=PerGroup(GROUP),
    )


def weights_alone(bits: int) -> Choose:
    """Choose integer weights without quantized activations: per channel, or 4 bits in groups."""

    def config(module: "nn.Linear") -> "AOBaseConfig | str":
        import torch
        from torchao.quantization import IntxWeightOnlyConfig
        from torchao.quantization.granularity import PerAxis, PerGroup

        if bits == 8:
            return IntxWeightOnlyConfig(weight_dtype=torch.int8, granularity=PerAxis(0))
        if module.in_features % GROUP:
            return f"{module.in_features} inputs are not a multiple of the group of {GROUP}"
        four = torch.int4  # type: ignore[attr-defined]  # missing from torch's stubs
        return IntxWeightOnlyConfig(weight_dtype=four, granularity=PerGroup(GROUP))

    return linear_layers(config)


def palettized_weights(bits: int) -> Choose:
    """Choose weights from one table of 2^bits floats per group of 16 outputs (k-means)."""

    def config(module: "nn.Linear") -> "AOBaseConfig | str":
        import torch
        from torchao.prototype.quantization.codebook_coreml import CodebookWeightOnlyConfig

        if module.out_features % PALETTE_ROWS:
            return f"{module.out_features} outputs are not a multiple of {PALETTE_ROWS} per palette"
        dtype = getattr(torch, f"uint{bits}")
        return CodebookWeightOnlyConfig(dtype=dtype, block_size=[PALETTE_ROWS, -1])

    return linear_layers(config)


@SCHEMES.register("fp32")
def fp32() -> Scheme:
    """32-bit floats throughout: the reference."""
    return Scheme("32-bit floats")


@SCHEMES.register("fp16")
def fp16() -> Scheme:
    """16-bit floats throughout."""
    return Scheme("16-bit floats", half=True)


@SCHEMES.register("8da8w")
def dynamic_int8_activations_int8_weights() -> Scheme:
    """8-bit activations, quantized per token at run time; 8-bit weights per output channel."""
    choose = linear_layers(int8_weights)
    return Scheme("dynamic int8 activations, int8 weights", Kind.DYNAMIC, choose, bits=(8, 8))


@SCHEMES.register("8da4w")
def dynamic_int8_activations_int4_weights() -> Scheme:
    """8-bit activations, quantized per token at run time; 4-bit weights in groups of 32."""
    choose = linear_layers(int4_weights)
    return Scheme("dynamic int8 activations, int4 weights", Kind.DYNAMIC, choose, bits=(8, 4))


@SCHEMES.register("8w")
def int8_weights_alone() -> Scheme:
    """8-bit weights per output channel; activations in 16-bit floats."""
    return Scheme("int8 weights, float activations", Kind.WEIGHTS, weights_alone(8))


@SCHEMES.register("4w")
def int4_weights_alone() -> Scheme:
    """4-bit weights in groups of 32; activations in 16-bit floats."""
    return Scheme("int4 weights, float activations", Kind.WEIGHTS, weights_alone(4))


@SCHEMES.register("palettized-6")
def palettized_6() -> Scheme:
    """Weights from palettes of 64 floats (k-means); activations in 16-bit floats."""
    return Scheme("weights from palettes of 64", Kind.CODEBOOK, palettized_weights(6))


@SCHEMES.register("palettized-4")
def palettized_4() -> Scheme:
    """Weights from palettes of 16 floats (k-means); activations in 16-bit floats."""
    return Scheme("weights from palettes of 16", Kind.CODEBOOK, palettized_weights(4))


@SCHEMES.register("int8-static")
def static_int8() -> Scheme:
    """8-bit activations with ranges from calibration; 8-bit weights per output channel."""
    return Scheme("static int8, calibrated", Kind.STATIC, bits=(8, 8))


@SCHEMES.register("8a8w")
def integer_8_8() -> Scheme:
    """All operators on 8-bit activations, ranges from calibration; 8-bit weights per channel."""
    return Scheme("all in integers: int8 activations, int8 weights", Kind.INTEGER, bits=(8, 8))


@SCHEMES.register("16a8w")
def integer_16_8() -> Scheme:
    """All operators on 16-bit activations, ranges from calibration; 8-bit weights per channel."""
    return Scheme("all in integers: int16 activations, int8 weights", Kind.INTEGER, bits=(16, 8))


@SCHEMES.register("16a4w")
def integer_16_4() -> Scheme:
    """All operators on 16-bit activations, ranges from calibration; 4-bit weights per channel."""
    return Scheme("all in integers: int16 activations, int4 weights", Kind.INTEGER, bits=(16, 4))


@SCHEMES.register("mixed")
def mixed() -> Scheme:
    """8da4w in the SMD's feed-forwards, 8da8w elsewhere, float where the output is sampled."""
    by_width = linear_layers(int8_weights)
    bulk = linear_layers(int4_weights)

    def choose(method: str, name: str, module: "nn.Module") -> "AOBaseConfig | str":
        if method.startswith("head_") or method in ("duration_predictor", "codec_decoder"):
            return SAMPLED
        return (bulk if ".feed_forward." in f".{name}." and method == "smd" else by_width)(
            method, name, module
        )

    summary = "int4 feed-forwards, int8 elsewhere, float where sampled"
    return Scheme(summary, Kind.DYNAMIC, choose)
