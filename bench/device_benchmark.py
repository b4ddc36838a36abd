"""What the pytest plugin does with a module: lower it, run it on a device, hand on the times."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bench.config import load_config
from bench.pytest_plugin import BASELINES, DeviceClock, MeasurementWarning, one_line
from bench.warnings import REMEDIES, NamedWarning, in_order, timing_warnings
from devices.base import Device, DeviceInfo
from devices.kinds import find_profile, open_device
from devices.method_job import DTYPES, MethodJob, MethodRepeat
from devices.profiles import Profile
from devices.schedule import Schedule
from lowering.eager_module import (
    EagerOutputs,
    call_eagerly,
    check_inputs,
    check_module,
    check_state,
    row_major,
)
from lowering.single import LoweredMethod, lower_method, why_not
from model.errors import DeviceError
from model.generate import Array

if TYPE_CHECKING:
    from torch import Tensor, nn

METHOD = "forward"
LOW_SNR_DB = 10  # a tenth of the outputs' energy: no scheme is that coarse
MOSTLY = 0.5
# Measurements that differ in one of these say nothing about the code.
CONDITIONS = (
    "device", "device_model", "os", "scheme", "backend", "inputs", "warmup", "iterations",
    "threads_asked",
)  # fmt: skip


@dataclass(frozen=True)
class OpenDevice:
    """A device that is there, with what it says of itself."""

    device: Device
    profile: Profile
    info: DeviceInfo


@dataclass(frozen=True, eq=False)
class Measured:
    """What a module does on a device.

    Attributes:
        round_ms: Per fresh process, the median over its calls.
        outputs: Of the last call, as the device gave them.
        snr_db: Of the outputs against the module in PyTorch; infinite where they are the same.
        peak_rss_bytes: Peak resident memory during the calls, median over processes.
        model_rss_bytes: The same less what was resident before the .pte was loaded.
        warnings: Named warnings (`bench list warnings`).
        lowered: The .pte, and how much of it was delegated and quantized.
    """

    round_ms: tuple[float, ...]
    outputs: tuple[Array, ...] = field(repr=False)
    snr_db: float
    peak_rss_bytes: float
    model_rss_bytes: float
    warnings: tuple[str, ...]
    lowered: LoweredMethod = field(repr=False)


def find_device(config: pytest.Config) -> Profile:
    """Find the profile that `--bench-device` names.

    Raises:
        ConfigError: There is none, or bench.toml is wrong.
    """
    return find_profile(
        config.getoption("bench_device"), load_config(config.getoption("bench_config")).devices
    )


def open_named_device(config: pytest.Config) -> OpenDevice:
    """Open the device that `--bench-device` names.

    Raises:
        ConfigError: There is none of that name.
        DeviceUnavailableError: It is not there, or not authorised.
    """
    profile = find_device(config)
    device = open_device(profile, lambda sentence: warnings.warn(sentence, stacklevel=2))
    return OpenDevice(device, profile, device.info())


class DeviceBenchmark:
    """The fixture: measures one module of a test.

    Args:
        request: Of the test.
        benchmark: pytest-benchmark's fixture, whose timer is `clock`.
        clock: Advances by what the device measures.
        opened: The device.
        folder: For the .pte.
    """

    def __init__(
        self,
        request: pytest.FixtureRequest,
        benchmark: Any,  # noqa: ANN401 - pytest-benchmark has no types
        clock: DeviceClock,
        opened: OpenDevice,
        folder: Path,
    ) -> None:
        option = request.config.getoption
        self.request = request
        self.benchmark = benchmark
        self.clock = clock
        self.opened = opened
        self.folder = folder
        self.schedule = Schedule(
            repeats=option("bench_repeats") if benchmark.enabled else 1,
            warmup=option("bench_warmup") if benchmark.enabled else 0,
            iterations=option("bench_iterations") if benchmark.enabled else 1,
            threads=option("bench_threads"),
        )

    def __call__(
        self,
        module: "nn.Module",
        *inputs: "Tensor",
        scheme: str = "fp32",
        backend: str = "xnnpack",
        samples: "Sequence[tuple[Tensor, ...]]" = (),
        min_delegated: float | None = None,
        min_quantized: float | None = None,
    ) -> Measured:
        """Lower a module, run it on the device, and give pytest-benchmark the device's times.

        A round is one fresh process on the device, and its time the median over the calls kept.
        The test is skipped, with the reason, where the device, the backend and the scheme do not
        go together; it fails where the module cannot be lowered or run, or where a quantizing
        scheme quantized nothing of it.

        Args:
            module: In fp32; left unchanged. Its `forward` takes tensors and returns tensors.
            inputs: What it takes, on the device too.
            scheme: Quantization scheme (`bench list schemes`).
            backend: Backend (`bench list backends`).
            samples: Inputs that a static scheme takes its ranges from; by default `inputs`.
            min_delegated: Least share of multiply-adds in delegates; by default the backend's own.
                With 0 nothing need be delegated.
            min_quantized: Least share of parameters that a quantizing scheme holds in integers; by
                default more than none. With 0 nothing need be quantized.
        """
        with one_line():
            reason = self.opened.profile.why_not(backend) or why_not(scheme, backend)
            if reason:
                pytest.skip(f"{scheme} x {backend}: {reason}")
            check_inputs(inputs, DTYPES)
            inputs = row_major(inputs)
            self.benchmark.extra_info.update(self.conditions(scheme, backend, inputs))
            self.check_comparable()
            with warnings.catch_warnings():
                # torch and ExecuTorch warn of their own insides by the dozen.
                warnings.simplefilter("ignore")
                check_module(module)
                calls = self.schedule.warmup + self.schedule.iterations
                expected = call_eagerly(module, inputs, calls, DTYPES)
                lowered = lower_method(
                    METHOD, module, inputs, scheme=scheme, backend=backend, samples=samples,
                    min_delegated=min_delegated, min_quantized=min_quantized,
                )  # fmt: skip
            check_state(expected.changed, lowered.state)
            measured = self.measure(lowered, expected, inputs)
        self.benchmark.extra_info.update(facts(measured))
        for name in measured.warnings:
            warnings.warn(MeasurementWarning(f"{name}: {REMEDIES[name]}"), stacklevel=2)
        return measured

    def conditions(self, scheme: str, backend: str, inputs: "tuple[Tensor, ...]") -> dict[str, Any]:
        """Name what a time only means something with."""
        info, schedule = self.opened.info, self.schedule
        return {
            "device": info.name,
            "device_model": info.model,
            "os": info.os,
            "emulated": info.emulated,
            "scheme": scheme,
            "backend": backend,
            "inputs": [f"{one.dtype} {list(one.shape)}".removeprefix("torch.") for one in inputs],
            "warmup": schedule.warmup,
            "iterations": schedule.iterations,
            "threads_asked": schedule.threads,
        }

    def check_comparable(self) -> None:
        """Fail, if --benchmark-compare-fail judges, where a baseline was measured otherwise."""
        judged = self.request.config.getoption("benchmark_compare_fail")
        now = self.benchmark.extra_info
        for known in self.request.config.stash[BASELINES]:
            before = known.get(self.benchmark.fullname)
            if before is None:
                warnings.warn(MeasurementWarning("the baseline lacks this test"), stacklevel=3)
                continue
            differing = [
                f"{name} was {before.get(name)}, is {now[name]}"
                for name in CONDITIONS
                if before.get(name) != now[name]
            ]
            words = f"not comparable with the baseline: {'; '.join(differing)}"
            if differing and judged:
                pytest.fail(f"{words}. Save a new baseline under these conditions", pytrace=False)
            if differing:
                warnings.warn(MeasurementWarning(words), stacklevel=3)

    def measure(
        self, lowered: LoweredMethod, expected: EagerOutputs, inputs: "tuple[Tensor, ...]"
    ) -> Measured:
        """Run a lowered module in fresh processes, each of them one round of pytest-benchmark."""
        pte = self.folder / "model.pte"
        pte.write_bytes(lowered.pte)
        job = MethodJob(pte, METHOD, tuple(one.numpy() for one in inputs))
        repeats: list[MethodRepeat] = []
        round_ms: list[float] = []

        def one_round() -> None:
            repeats.append(self.opened.device.measure(job, self.schedule))
            round_ms.append(median(trial.wall_ms for trial in repeats[-1].trials))
            self.clock.now_s += round_ms[-1] / 1e3

        self.benchmark.pedantic(one_round, rounds=self.schedule.repeats)
        outputs = repeats[-1].outputs
        snr_db = signal_to_noise_db(expected.last, outputs)
        return Measured(
            round_ms=tuple(round_ms),
            outputs=outputs,
            snr_db=snr_db,
            peak_rss_bytes=median(one.peak_rss_bytes for one in repeats),
            model_rss_bytes=median(one.peak_rss_bytes - one.base_rss_bytes for one in repeats),
            warnings=self.warnings_of(repeats, lowered, snr_db),
            lowered=lowered,
        )

    def warnings_of(
        self, repeats: Sequence[MethodRepeat], lowered: LoweredMethod, snr_db: float
    ) -> tuple[str, ...]:
        """Name the warnings about what was measured; about times only where they are measured."""
        holds = {
            NamedWarning.LOW_SNR: not snr_db >= LOW_SNR_DB,  # true where it is no number
            NamedWarning.MOSTLY_FLOAT: lowered.quantizing and lowered.quantized_macs_share < MOSTLY,
        }
        if not self.benchmark.enabled:
            return in_order(holds, set())
        times = [[trial.wall_ms for trial in repeat.trials] for repeat in repeats]
        holds |= {**timing_warnings(times), NamedWarning.EMULATED: self.opened.info.emulated}
        return in_order(holds, {name for repeat in repeats for name in repeat.warnings})


def facts(measured: Measured) -> Mapping[str, Any]:
    """Arrange what `extra_info` keeps of a measurement, beside its conditions."""
    lowered = measured.lowered
    return {
        "round_ms": list(measured.round_ms),
        "warnings": list(measured.warnings),
        "peak_rss_bytes": measured.peak_rss_bytes,
        "model_rss_bytes": measured.model_rss_bytes,
        "pte_bytes": len(lowered.pte),
        "delegated_macs_share": lowered.delegated_macs_share,
        "delegated_nodes_share": lowered.delegated_nodes_share,
        "other_operators": dict(lowered.other_operators),
        "quantized_macs_share": lowered.quantized_macs_share,
        "quantized_params_share": lowered.quantized_params_share,
        "compile_s": lowered.compile_s,
        "snr_db": measured.snr_db if math.isfinite(measured.snr_db) else None,
    }


def signal_to_noise_db(want: Sequence[Array], got: Sequence[Array]) -> float:
    """Compare outputs: infinite where they are the same.

    Values that are no number, or infinite, must be the same on both sides; where they are not, the
    noise is infinite.

    Raises:
        DeviceError: They differ in number or in shape.
    """
    shapes = [[one.shape for one in outputs] for outputs in (want, got)]
    if shapes[0] != shapes[1]:
        raise DeviceError(f"the device gave outputs of {shapes[1]}, PyTorch of {shapes[0]}")
    signal = noise = 0.0
    for one, other in zip(want, got, strict=True):
        expected, found = np.asarray(one, np.float64), np.asarray(other, np.float64)
        same = (expected == found) | (np.isnan(expected) & np.isnan(found))
        finite = np.isfinite(expected) & np.isfinite(found)
        if not np.all(same | finite):
            return -math.inf
        signal += float(np.sum(np.square(expected[finite])))
        noise += float(np.sum(np.square(expected[finite] - found[finite])))
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf
