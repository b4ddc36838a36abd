"""Three ways to write the codec's inverse STFT for XNNPACK, and what each costs on one thread.

Run: `python benchmarks/istft.py [--frames 375] [--repeats 30]`. Each is exported with a dynamic
length, lowered, checked against the first one's output in eager mode, and timed in turns.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.devtools.backend_debug import get_delegation_info
from executorch.exir import to_edge_transform_and_lower
from executorch.extension.pybindings import portable_lib
from executorch.runtime import Runtime
from torch import Tensor, nn
from torch.nn import functional as F

from model.codec.spectral import N_BIN, N_FFT, OVERHANG, InverseSTFT, synthesis_basis
from model.config import FRAME_RATE_HZ, HOP_LENGTH


class MatrixAndPads(nn.Module):
    """One matrix product per frame, then four shifted blocks added up."""

    def __init__(self) -> None:
        super().__init__()
        self.basis = nn.Parameter(synthesis_basis())

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """Synthesise (B, T, 641) real and imaginary parts to (B, T * 320) samples."""
        frames = F.linear(torch.cat((real, imaginary), -1), self.basis)
        blocks = frames.split(HOP_LENGTH, -1)
        total = sum(F.pad(block, (0, 0, i, 3 - i)) for i, block in enumerate(blocks))
        half = HOP_LENGTH // 2
        hops = torch.cat((total[:, 1:-2, half:], total[:, 2:-1, :half]), -1)
        return hops.reshape(real.shape[0], -1)


class TransposedConvolution(nn.Module):
    """A transposed convolution of kernel 1280 and stride 320."""

    def __init__(self) -> None:
        super().__init__()
        self.basis = nn.Parameter(synthesis_basis().T[:, None].contiguous())

    def forward(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """Synthesise (B, T, 641) real and imaginary parts to (B, T * 320) samples."""
        spectrum = torch.cat((real, imaginary), -1).transpose(1, 2)
        waveform = F.conv_transpose1d(spectrum, self.basis, stride=HOP_LENGTH, padding=OVERHANG)
        return waveform[:, 0]


WAYS: dict[str, Callable[[], nn.Module]] = {
    "convolution of kernel 5": InverseSTFT,
    "matrix and pads": MatrixAndPads,
    "transposed convolution": TransposedConvolution,
}


def lower(module: nn.Module, inputs: tuple[Tensor, Tensor]) -> tuple[bytes, int, int]:
    """Lower with a dynamic length; returns the .pte, its delegates and the nodes outside."""
    frames = torch.export.Dim("frames", min=2, max=1536)
    shapes = ({1: frames}, {1: frames})
    program = torch.export.export(module, inputs, dynamic_shapes=shapes, strict=True)
    edge = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    info = get_delegation_info(edge.exported_program().graph_module)
    return (
        edge.to_executorch().buffer,
        info.num_delegated_subgraphs,
        info.num_non_delegated_nodes,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=375)
    parser.add_argument("--repeats", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    portable_lib._unsafe_reset_threadpool(1)

    generator = torch.Generator().manual_seed(0)
    inputs = tuple(
        torch.randn(1, arguments.frames, N_BIN, generator=generator) / N_FFT for _ in range(2)
    )
    expected = InverseSTFT()(*inputs)
    methods, rows = {}, {}
    for name, build in WAYS.items():
        try:
            pte, delegates, outside = lower(build().eval(), inputs)
            # The program must outlive its method.
            program = Runtime.get().load_program(pte)
            methods[name] = (program, program.load_method("forward"))
        except Exception as error:  # whatever a backend raises is the finding
            print(f"{name:25s} cannot be lowered: {str(error).splitlines()[0]}")
            continue
        distance = float((methods[name][1].execute(inputs)[0] - expected).abs().max())
        rows[name] = (
            f"{len(pte) / 1e6:.1f} MB, {delegates} delegates, {outside} nodes outside,"
            f" max difference {distance:.1e}"
        )
    times_s: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(arguments.repeats):
        for name, (_, method) in methods.items():
            start = time.perf_counter()
            method.execute(inputs)
            times_s[name].append(time.perf_counter() - start)
    audio_s = arguments.frames / FRAME_RATE_HZ
    for name, row in rows.items():
        median, best = statistics.median(times_s[name]), min(times_s[name])
        print(
            f"{name:25s} {1e3 * median / audio_s:6.2f} ms per second of audio"
            f" (best {1e3 * best / audio_s:.2f})  {row}"
        )


if __name__ == "__main__":
    main()
