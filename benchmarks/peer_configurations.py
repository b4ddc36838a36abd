"""Which documented configurations of each engine `peers.py` tries, to compare with its fastest.

ONNX Runtime: https://onnxruntime.ai/docs/performance/tune-performance/threading.html (spinning,
shared thread pools, execution mode), .../tune-performance/memory.html (arena),
.../model-optimizations/graph-optimizations.html, .../model-optimizations/quantization.html (type of
weights) and include/onnxruntime/core/session/onnxruntime_session_options_config_keys.h.
PyTorch: https://docs.pytorch.org/docs/stable/generated/torch.compile.html,
https://docs.pytorch.org/docs/stable/generated/torch.inference_mode.html and
https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html.

Not tried: `torch.compile(mode="max-autotune")`, which compiles and times several kernels per matrix
product (https://pytorch.org/tutorials/prototype/max_autotune_on_CPU_tutorial.html; for `tiny` that
took over 7 minutes on two busy cores); ONNX Runtime's static quantization (its documentation
recommends dynamic quantization for transformers); int4 weights; options that change results, as
`optimization.enable_gelu_approximation`. `reduce_range` avoids saturation on processors without
VNNI and is no faster: the time measured there is the fastest, while the speech can be worse than
with it. I/O binding saves copies between devices; here there is one. Of Piper and Kokoro only
the packaged weights are tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class OnnxConfiguration:
    """How ONNX Runtime's sessions are made; the defaults are ONNX Runtime's own.

    Attributes:
        spinning: Idle threads of a pool spin before they sleep.
        stop_spinning: They stop when a run of a session ends.
        shared_pool: All sessions share one pool in place of a pool each.
        parallel: Operators that do not depend on each other run side by side.
        block_base: Into how many blocks per thread work is first split, with smaller blocks later
            (`session.dynamic_block_base`); 0 for blocks of one size.
        arena: Memory comes from an arena.
        memory_pattern: Memory is allocated as in an earlier run with the same shapes.
        optimization: Level of graph optimizations, as `GraphOptimizationLevel` names it.
        denormals: False flushes denormal numbers to zero.
        threads: Of a pool; 0 for as many as the engine may use.
        weights: Type of int8 weights; of quantized models of our own making alone.
    """

    spinning: bool = True
    stop_spinning: bool = False
    shared_pool: bool = False
    parallel: bool = False
    block_base: int = 0
    arena: bool = True
    memory_pattern: bool = True
    optimization: str = "ORT_ENABLE_ALL"
    denormals: bool = True
    threads: int = 0
    weights: str = "QInt8"

    def session_entries(self) -> dict[str, str]:
        """Return the session's configuration entries that differ from their defaults."""
        entries = {
            "session.intra_op.allow_spinning": "" if self.spinning else "0",
            "session.inter_op.allow_spinning": "" if self.spinning else "0",
            "session.force_spinning_stop": "1" if self.stop_spinning else "",
            "session.dynamic_block_base": str(self.block_base) if self.block_base else "",
            "session.set_denormal_as_zero": "" if self.denormals else "1",
        }
        return {key: value for key, value in entries.items() if value}


@dataclass(frozen=True)
class TorchConfiguration:
    """How PyTorch runs the methods.

    Attributes:
        inference_mode: In place of `no_grad`.
        compiled: By `torch.compile` with dynamic shapes.
        freezing: Weights are constants of the compiled code (`torch._inductor.config.freezing`).
    """

    inference_mode: bool = False
    compiled: bool = False
    freezing: bool = False


Configuration = OnnxConfiguration | TorchConfiguration

# Of more than one thread: with one there is no pool.
ONNX_THREADS: Mapping[str, OnnxConfiguration] = {
    "no spinning": OnnxConfiguration(spinning=False),
    "spinning stopped after each run": OnnxConfiguration(stop_spinning=True),
    "one pool": OnnxConfiguration(shared_pool=True),
    "one thread": OnnxConfiguration(threads=1),
    "no spinning, parallel execution": OnnxConfiguration(spinning=False, parallel=True),
    "no spinning, dynamic blocks": OnnxConfiguration(spinning=False, block_base=4),
}
ONNX: Mapping[str, OnnxConfiguration] = {
    "defaults": OnnxConfiguration(),
    **ONNX_THREADS,
    "no spinning, no arena": OnnxConfiguration(spinning=False, arena=False),
    "no spinning, no memory pattern": OnnxConfiguration(spinning=False, memory_pattern=False),
    "no spinning, extended optimizations": OnnxConfiguration(
        spinning=False, optimization="ORT_ENABLE_EXTENDED"
    ),
    "no spinning, denormals are zero": OnnxConfiguration(spinning=False, denormals=False),
}
UINT8 = "no spinning, uint8 weights"
TORCH: Mapping[str, TorchConfiguration] = {
    "eager, no_grad": TorchConfiguration(),
    "eager, inference_mode": TorchConfiguration(inference_mode=True),
    "torch.compile": TorchConfiguration(compiled=True),
    "torch.compile, frozen": TorchConfiguration(compiled=True, freezing=True),
}
PYTORCH = "MobileSpeech, PyTorch"
ONNX_INT8 = "MobileSpeech, ONNX Runtime int8"
PIPER = "Piper (VITS medium)"
KOKORO = "Kokoro-82M int8"
NEURAL_PEERS = (PIPER, KOKORO)
# Engines that are not here are ours and have one configuration.
CONFIGURATIONS: Mapping[str, Mapping[str, Configuration]] = {
    PYTORCH: TORCH,
    "MobileSpeech, ONNX Runtime fp32": ONNX,
    ONNX_INT8: {**ONNX, UINT8: OnnxConfiguration(spinning=False, weights="QUInt8")},
    PIPER: ONNX,
    KOKORO: ONNX,
}


def configurations(engine: str, threads: int) -> tuple[str, ...]:
    """Name the configurations of an engine that differ with so many threads; '' is the only one."""
    names = CONFIGURATIONS.get(engine, {"": None})
    return tuple(name for name in names if threads > 1 or name not in ONNX_THREADS)
