"""The pytest plugin: a device's times are pytest-benchmark's rounds, and its compare-fail works."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import device_benchmark
from bench.device_benchmark import OpenDevice
from devices.base import DeviceInfo
from devices.method_job import CallTime, MethodRepeat
from devices.profiles import Profile
from lowering.eager_module import EagerOutputs
from lowering.single import LoweredMethod
from model.errors import DeviceError

pytest_plugins = ["pytester"]
# Warnings of the pytest inside are its output, not failures of the one around it.
pytestmark = pytest.mark.filterwarnings(
    "default", "ignore:Not saving anything, no benchmarks have been run"
)
ROOT = Path(__file__).resolve().parents[2]
# Without torch, which cannot be imported a second time in one process.
TEST = """
import numpy as np
import pytest
class Input:
    dtype, shape = "torch.float32", (2,)
    def detach(self):
        return self
    def numpy(self):
        return np.ones(2, np.float32)
def test_mine(device_benchmark):
    device_benchmark("a module", Input())
"""


class FakeDevice:
    """Answers with times that the test sets; remembers the schedules."""

    def __init__(self):
        self.times_ms = [3.0, 1.0, 2.0]
        self.schedules = []
        self.calls = []
        self.quantized_macs_share = None  # of a float scheme
        self.outputs = None  # those of PyTorch
        self.claims = 0

    @contextlib.contextmanager
    def claim(self):
        self.claims += 1
        yield

    def measure(self, job, schedule):
        self.schedules.append(schedule)
        trials = tuple(CallTime(ms + len(self.schedules) / 8, None) for ms in self.times_ms)
        return MethodRepeat(
            load_ms=5, warm_load_ms=4, base_rss_bytes=100, load_peak_rss_bytes=200,
            peak_rss_bytes=300, planned_bytes=None, threads=2, affinity="3", backends=(),
            warmup_ms=(), trials=trials, outputs=self.outputs or job.inputs, warnings=("HOT",),
        )  # fmt: skip


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Let the pytest inside measure although the one around it may be a worker of pytest-xdist."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture
def device(monkeypatch):
    """A device that is always there, and a lowering that needs no compiler."""
    fake = FakeDevice()

    def open_fake(config):
        name = config.getoption("bench_device")
        info = DeviceInfo(name, "host", "a machine", "an os", "x86_64", "a chip", 2, 1 << 34)
        return OpenDevice(fake, Profile(name, kind="host"), info)

    def lower_fake(*_, **__):
        return LoweredMethod(
            pte=b"pte", delegates=1, delegated_nodes_share=0.75, delegated_macs_share=0.5,
            other_operators={"add": 1}, quantizing=fake.quantized_macs_share is not None,
            quantized_macs_share=fake.quantized_macs_share or 0, quantized_params_share=0.25,
            left_out=(), state=(), planned_bytes=10, compile_s=0.1,
        )  # fmt: skip

    monkeypatch.setattr("pytest_benchmark.plugin.get_cpu_info", dict)  # takes seconds
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # so does importing all there are
    monkeypatch.setattr(device_benchmark, "open_named_device", open_fake)
    monkeypatch.setattr(device_benchmark, "lower_method", lower_fake)
    monkeypatch.setattr(device_benchmark, "check_inputs", lambda *_: None)
    monkeypatch.setattr(device_benchmark, "check_module", lambda *_: None)
    monkeypatch.setattr(device_benchmark, "row_major", lambda inputs: inputs)

    def call_fake(module, inputs, calls, dtypes):
        fake.calls.append(calls)
        return EagerOutputs((np.ones(2),), ())

    monkeypatch.setattr(device_benchmark, "call_eagerly", call_fake)
    return fake


@pytest.fixture
def run(pytester, device):
    """Runs a test in a pytest of its own; returns its result and what pytest-benchmark saved."""

    def run_test(*arguments, text=TEST):
        pytester.makepyfile(test_it=text)
        saved = pytester.path / "out.json"
        plugins = ("-p", "pytest_benchmark.plugin", "-p", "bench.pytest_plugin")
        result = pytester.runpytest_inprocess(*plugins, "--benchmark-json", saved, *arguments)
        return result, json.loads(saved.read_text())["benchmarks"] if saved.exists() else []

    return run_test


def test_a_round_is_the_median_over_the_calls_of_one_process(run, device):
    result, (saved,) = run("--bench-repeats", "3", "--bench-iterations", "7", "--bench-warmup", "2")
    result.assert_outcomes(passed=1)
    assert saved["stats"]["data"] == pytest.approx([2.125e-3, 2.25e-3, 2.375e-3])
    assert saved["options"]["timer"] == "device clock"
    assert {(one.warmup, one.iterations) for one in device.schedules} == {(2, 7)}


def test_extra_info_says_on_what_and_how_well_it_was_measured(run):
    _, (saved,) = run("--bench-device", "host-native")
    info = saved["extra_info"]
    assert (info["device"], info["scheme"], info["backend"]) == ("host-native", "fp32", "xnnpack")
    assert info["emulated"] is False
    assert info["warnings"] == ["HOT", "UNSTEADY", "FIRST_RUN_SLOW", "DRIFT"]
    assert info["peak_rss_bytes"] == 300
    assert info["model_rss_bytes"] == 200
    assert (info["delegated_macs_share"], info["delegated_nodes_share"]) == (0.5, 0.75)
    assert info["snr_db"] is None  # the outputs are equal
    assert info["inputs"] == ["float32 [2]"]


def test_named_warnings_are_warnings_of_pytest_with_their_remedies(run):
    result, _ = run("--bench-repeats", "2")
    result.stdout.fnmatch_lines(["*MeasurementWarning: FEW_REPEATS: under 5 repeats*"])
    failed, _ = run("-W", "error::bench.pytest_plugin.MeasurementWarning")
    failed.assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("outputs", "snr_db"),
    [([1.1, 1.1], 20), ([1.4, 1.4], 8), ([-1.0, 1.0], -3), ([np.nan, 1.0], -np.inf)],
)
@pytest.mark.parametrize("flags", [(), ("--benchmark-disable",)])
def test_outputs_far_from_pytorch_s_are_a_named_warning_although_the_test_asserts_nothing(
    run, device, outputs, snr_db, flags
):
    device.outputs = (np.array(outputs),)
    result, _ = run(*flags)
    result.assert_outcomes(passed=1)
    assert ("MeasurementWarning: LOW_SNR: " in result.stdout.str()) == (snr_db < 10)
    found = device_benchmark.signal_to_noise_db([np.ones(2)], device.outputs)
    assert found == pytest.approx(snr_db, abs=0.1)


@pytest.mark.parametrize(("share", "warned"), [(None, False), (0.49, True), (0.5, False)])
def test_a_quantizing_scheme_that_leaves_most_of_the_work_in_float_is_warned_of(
    run, device, share, warned
):
    device.quantized_macs_share = share
    result, _ = run()
    assert ("MeasurementWarning: MOSTLY_FLOAT: " in result.stdout.str()) == warned


def test_pytorch_calls_the_module_as_often_as_a_process_on_the_device(run, device):
    run("--bench-repeats", "2", "--bench-iterations", "7", "--bench-warmup", "2")
    assert device.calls == [9]


def test_outputs_that_are_no_numbers_are_equal_where_pytorch_has_none_too():
    odd = np.array([np.nan, np.inf, -np.inf, 3.0])
    assert device_benchmark.signal_to_noise_db([odd], [odd.copy()]) == np.inf
    assert device_benchmark.signal_to_noise_db([odd], [-odd]) == -np.inf


@pytest.mark.parametrize("found", [[], [np.ones((2, 1))], [np.ones(2), np.ones(2)]])
def test_outputs_of_another_number_or_shape_are_an_error_and_not_broadcast(found):
    with pytest.raises(DeviceError, match=r"the device gave outputs of .*PyTorch of \[\(2,\)\]"):
        device_benchmark.signal_to_noise_db([np.ones(2)], found)


def test_compare_fail_judges_the_device_s_times(run, device):
    judged = ("--benchmark-compare", "--benchmark-compare-fail=median:20%")
    run("--benchmark-autosave")
    device.schedules.clear()
    same, _ = run(*judged)
    assert same.ret == 0
    device.schedules.clear()
    device.times_ms = [6.0, 5.0, 4.0]
    slower, _ = run(*judged)
    assert slower.ret != 0
    slower.stderr.fnmatch_lines(["*Performance has regressed*"])


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--bench-device", "host-native"), "device was host, is host-native"),
        (("--bench-threads", "1"), "threads_asked was 0, is 1"),
        (("--bench-iterations", "3"), "iterations was 20, is 3"),
    ],
)
def test_a_baseline_under_other_conditions_is_refused_before_anything_is_measured(
    run, device, flags, said
):
    run("--benchmark-autosave")
    before = len(device.schedules)
    result, _ = run("--benchmark-compare", "--benchmark-compare-fail=min:5%", *flags)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*not comparable with the baseline: {said}*"])
    assert len(device.schedules) == before
    shown, _ = run("--benchmark-compare", *flags)
    shown.assert_outcomes(passed=1)
    shown.stdout.fnmatch_lines([f"*MeasurementWarning: not comparable*{said}*"])


def test_a_test_that_the_baseline_lacks_is_told(run):
    run("--benchmark-autosave")
    other = TEST.replace("test_mine", "test_other")
    result, _ = run("--benchmark-compare", "--benchmark-compare-fail=min:5%", text=other)
    result.stdout.fnmatch_lines(["*MeasurementWarning: the baseline lacks this test*"])


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--bench-device", "pixl8"), "*Did you mean 'pixel8'?*"),
        (("--bench-config", "nowhere.toml"), "*nowhere.toml*"),
        (("--bench-repeats", "0"), "*--bench-repeats: 0 is not in 1 to *"),
        (("--bench-iterations", "9" * 30), "*--bench-iterations: 9* is not in 1 to *"),
        (("--bench-threads", "257"), "*--bench-threads: 257 is not in 0 to 256"),
    ],
)
def test_a_wrong_option_is_a_usage_error(run, flags, said):
    result, _ = run(*flags)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])
    assert "Traceback" not in result.stderr.str()


def test_an_unknown_scheme_fails_in_one_line_with_the_nearest(run):
    result, _ = run(text=TEST.replace("Input())", "Input(), scheme='8da8')"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["unknown quantization scheme '8da8'. Did you mean '8da8w'?*"])
    assert "During handling" not in result.stdout.str()


def test_what_does_not_go_together_is_skipped_with_the_reason(run, device, monkeypatch):
    monkeypatch.setattr(device_benchmark, "why_not", lambda *_: "it has no such processor")
    result, _ = run("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*fp32 x xnnpack: it has no such processor*"])
    assert not device.schedules


def test_a_timer_of_one_s_own_is_refused_and_a_group_is_kept(run):
    mark = "@pytest.mark.benchmark({})\ndef test_mine"
    refused, _ = run(text=TEST.replace("def test_mine", mark.format("timer=int")))
    refused.stdout.fnmatch_lines(["*has the device's times: leave timer out*"])
    _, (saved,) = run(text=TEST.replace("def test_mine", mark.format("group='layers'")))
    assert saved["group"] == "layers"


def test_without_benchmarking_the_module_runs_once(run, device):
    result, _ = run("--benchmark-disable")
    result.assert_outcomes(passed=1)
    (schedule,) = device.schedules
    assert (schedule.warmup, schedule.iterations) == (0, 1)


def test_tests_of_a_device_are_benchmarks_to_pytest_benchmark(run):
    result, _ = run("--benchmark-skip")
    result.assert_outcomes(skipped=1)


def test_the_plugin_costs_pytest_no_imports():
    check = "import sys, bench.pytest_plugin; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, cwd=ROOT)


@pytest.mark.slow
def test_pytest_benchmark_is_asked_for_where_it_is_missing(pytester):
    pytester.makepyfile(TEST)
    result = pytester.runpytest_subprocess("-p", "no:benchmark")
    result.stdout.fnmatch_lines(["*needs pytest-benchmark: pip install pytest-benchmark*"])


LAYERS = """
import torch
def test_layers(device_benchmark):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(512, 512) for _ in range({count})]
    measured = device_benchmark(torch.nn.Sequential(*layers), torch.randn(32, 512))
    assert measured.snr_db > 60
    assert measured.lowered.delegated_macs_share == 1
"""


@pytest.mark.slow
def test_a_module_that_does_more_work_fails_the_comparison(pytester):
    """Ten times the layers, on the native runner, in processes of their own throughout."""
    arguments = ("--bench-device", "host-native", "--bench-threads", "1", "--benchmark-autosave")
    judged = ("--benchmark-compare", "--benchmark-compare-fail=median:400%")
    pytester.makepyfile(test_it=LAYERS.format(count=2))
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=1)
    same = pytester.runpytest_subprocess(*arguments, *judged)
    assert same.ret == 0
    pytester.makepyfile(test_it=LAYERS.format(count=20))
    slower = pytester.runpytest_subprocess(*arguments, *judged)
    assert slower.ret != 0
    slower.stderr.fnmatch_lines(["*Performance has regressed*"])


@pytest.mark.slow
def test_too_little_delegation_fails_with_what_is_outside(pytester):
    pytester.makepyfile("""
        import torch
        class Outside(torch.nn.Module):
            def forward(self, x):
                return torch.cumsum(x, 0)
        def test_outside(device_benchmark):
            device_benchmark(Outside(), torch.ones(4))
    """)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["lower failed: xnnpack took*outside are 1 cumsum*"])


@pytest.mark.slow
def test_a_layout_of_one_s_own_reaches_device_and_reference_alike_and_oddities_are_one_line(
    pytester,
):
    pytester.makepyfile("""
        import pytest, torch
        from torch import nn
        def test_channels_last(device_benchmark):
            torch.manual_seed(0)
            image = torch.randn(1, 3, 8, 8).to(memory_format=torch.channels_last)
            assert device_benchmark(nn.Conv2d(3, 4, 3), image).snr_db > 100
        class Sums(nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("total", torch.ones(4))
            def forward(self, x):
                self.total.add_(x)
                return self.total * 2
        def test_state(device_benchmark):
            measured = device_benchmark(Sums(), torch.randn(4), min_delegated=0)
            assert measured.snr_db > 100
        class Replaces(Sums):
            def forward(self, x):
                self.total = self.total / 2 + x
                return self.total
        def test_lost_state(device_benchmark):
            device_benchmark(Replaces(), torch.ones(4))
        class Two(nn.Linear):
            def forward(self, x):
                return super().forward(x), None
        def test_none(device_benchmark):
            device_benchmark(Two(4, 4), torch.ones(2, 4))
        def test_half(device_benchmark):
            device_benchmark(nn.Linear(4, 4).bfloat16(), torch.ones(2, 4).bfloat16(),
                             min_delegated=0)
        def test_convolution(device_benchmark):
            device_benchmark(nn.Conv1d(4, 4, 3), torch.ones(1, 4, 9), scheme="8da8w")
    """)
    result = pytester.runpytest_subprocess("--bench-repeats", "1")
    result.assert_outcomes(passed=2, failed=4)
    result.stdout.fnmatch_lines(
        [
            "export failed: forward changes total, and the exported program does not*",
            "output [[]1[]] of forward is None: wrap the module*",
            "input 0 is bfloat16; devices take*",
            "quantize failed: 8da8w quantized nothing; left in float: forward (Conv1d*",
        ]
    )
    assert "Traceback" not in result.stdout.str()
