"""QNN: Qualcomm's HTP, the NPU of Snapdragons."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lowering.backend import Backend, Programs, Proof, ReadBack
from lowering.qnn import log, sdk
from model.errors import ConfigError, StageFailedError
from quantization.schemes import Kind, Scheme

if TYPE_CHECKING:
    from executorch.exir import EdgeProgramManager
    from executorch.exir.backend.compile_spec_schema import CompileSpec
    from torchao.quantization.pt2e.quantizer import Quantizer

    from model.generate import Call

BITS = ((8, 8), (16, 8), (16, 4))  # of activations and weights
# Activations of these have 16 bits always. With 8 the speech is lost (signal to noise of 1 dB in
# place of 30), and durations, which are exponentials, came out a seventh longer.
WIDE = ("codec_decoder", "duration_predictor")
FLOAT32 = "the HTP computes in 16-bit floats or in integers: take fp16"
OTHER_KINDS = "the HTP computes wholly in integers or in float: take 8a8w, 16a8w, 16a4w or fp16"
SOCS = ("SM8450", "SM8475", "SM8550", "SM8650", "SM8750", "SM8850")


@dataclass(frozen=True)
class QNN(Backend):
    """Every method as one graph of fixed lengths, all graphs in one context.

    Attributes:
        soc: The chip to compile for; what is compiled for one does not run on an older one.
        steps: Static length of an utterance, in decoder steps.
        prompt_steps: Of the prompt, in decoder steps.
        phonemes: Of a sentence.
        cells: Of what a head is given at once: frames of an utterance.
        frames: Of a chunk of codec frames with its context on both sides.
    """

    summary = "Qualcomm's HTP, the NPU of Snapdragons"
    delegate = "QnnBackend"

    soc: str = "SM8650"
    steps: int = 384
    prompt_steps: int = 192
    phonemes: int = 128
    cells: int = 768
    frames: int = 128

    def __post_init__(self) -> None:
        if self.soc not in SOCS:
            raise ConfigError(f"QNN compiles for {', '.join(SOCS)}, not for {self.soc!r}")

    @cached_property
    def compiled(self) -> log.Figures:
        """What the compiler said of each method; empty until it has compiled."""
        return {}

    def unavailable(self) -> str:
        """It takes Qualcomm's compiler, and a C compiler."""
        return sdk.unavailable()

    def refuses(self, scheme: Scheme) -> str:
        """Take float16, and static schemes of everything."""
        if scheme.kind is Kind.INTEGER and scheme.bits in BITS:
            return ""
        if scheme.kind is Kind.FLOAT:
            return "" if scheme.half else FLOAT32
        return OTHER_KINDS

    def proof(self) -> Proof:
        """Run it on the simulator that comes with the compiler."""
        return Proof.SIMULATED

    def min_delegated(self, scheme: Scheme) -> float:
        """All of it."""
        return 0.99

    def lengths(self) -> Mapping[str, int]:
        """The HTP compiles for fixed shapes."""
        return {
            name: getattr(self, name)
            for name in ("steps", "prompt_steps", "phonemes", "cells", "frames")
        }

    def options(self) -> dict[str, Any]:
        """Its compile options, and which compiler it is."""
        found = sdk.find_sdk()
        return {**super().options(), "compiler": found.name if found else ""}

    def quantizer(self, name: str, scheme: Scheme) -> "Quantizer | None":
        """Quantize every operator."""
        with sdk.sdk_in_use():
            from lowering.qnn.quantizer import HtpQuantizer

            return HtpQuantizer(self.soc, bits_of(name, scheme))

    def lower(
        self, programs: Programs, scheme: Scheme, constants: Mapping[str, Any]
    ) -> "EdgeProgramManager":
        """Compile all methods into one context binary.

        Raises:
            StageFailedError: The compiler failed; its own last word is given.
        """
        with sdk.sdk_in_use(), log.captured() as said:
            from executorch.backends.qualcomm.utils.utils import to_edge_transform_and_lower_to_qnn

            specs = self.compile_specs(half=scheme.half, talkative=True)
            try:
                edge = to_edge_transform_and_lower_to_qnn(
                    {name: program.module() for name, program in programs.items()},
                    {name: program.example_inputs[0] for name, program in programs.items()},
                    specs,
                    constant_methods=dict(constants),
                )
            except Exception as error:
                words = log.errors(said()) or ["nothing"]
                raise StageFailedError(
                    f"lower failed: {type(error).__name__}; the HTP compiler's last word:"
                    f" {words[-1]}"
                ) from error
            self.compiled.update(log.figures(said()))
        for name in programs:
            silence(edge, name, self.compile_specs(half=scheme.half, talkative=False))
        return edge

    def compile_specs(self, *, half: bool, talkative: bool) -> "list[CompileSpec]":
        """Make what the compiler, and later the runtime, is told.

        Args:
            half: Compute in float16 what is not quantized.
            talkative: Have the figures printed.
        """
        from executorch.backends.qualcomm.serialization.qc_schema import (
            QcomChipset,
            QnnExecuTorchLogLevel,
        )
        from executorch.backends.qualcomm.serialization.qc_schema_serialize import (
            flatbuffer_to_option,
            option_to_flatbuffer,
        )
        from executorch.backends.qualcomm.utils.utils import (
            generate_htp_compiler_spec,
            generate_qnn_executorch_compiler_spec,
        )
        from executorch.exir.backend.compile_spec_schema import CompileSpec

        (spec,) = generate_qnn_executorch_compiler_spec(
            soc_model=getattr(QcomChipset, self.soc),
            backend_options=generate_htp_compiler_spec(use_fp16=half),
        )
        if not talkative:
            return [spec]
        options = flatbuffer_to_option(spec.value)
        options.log_level = QnnExecuTorchLogLevel.kLogLevelInfo
        return [CompileSpec(spec.key, option_to_flatbuffer(options))]

    def read_back(self, pte: bytes, scheme: Scheme, programs: Programs) -> ReadBack:
        """Give the compiler's own figures, and the bits of activations."""
        if not scheme.static:
            return dict(self.compiled)
        bits = {name: {"activation_bits": bits_of(name, scheme)[0]} for name in programs}
        return {name: {**self.compiled.get(name, {}), **bits[name]} for name in programs}

    def load(self, pte: bytes) -> "Call":
        """Load a program into the simulator."""
        sdk.load_sdk()
        return super().load(pte)


def bits_of(name: str, scheme: Scheme) -> tuple[int, int]:
    """Return the bits of a method's activations and weights."""
    activations, weights = scheme.bits
    return (16 if name in WIDE else activations), weights


def silence(edge: "EdgeProgramManager", name: str, specs: "list[CompileSpec]") -> None:
    """Give delegates quiet options: the .pte holds them, and the runtime would print as much."""
    from executorch.exir.lowered_backend_module import get_lowered_submodules

    for _, module, _ in get_lowered_submodules(edge.exported_program(name).graph_module):
        module._compile_specs[:] = specs
