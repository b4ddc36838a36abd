"""One method of any .pte, on the Python runtime and on the native runner: files, values, errors."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from devices.android import open_android
from devices.host import Host
from devices.host_native import HostNative
from devices.method_job import (
    DTYPES,
    CallTime,
    MethodJob,
    MethodRepeat,
    asks_for_method,
    read_method_request,
    write_method_report,
)
from devices.profiles import load_profiles
from devices.schedule import Schedule
from lowering.cache import cache_key, cache_root, pins
from lowering.single import lower_method
from model.entries import publish, usable
from model.errors import ConfigError, DeviceError

ONCE = Schedule(warmup=1, iterations=3, threads=1)
ARRAYS = tuple(np.arange(6).reshape(1, 2, 3).astype(name) for name in DTYPES)


@pytest.fixture
def repeat():
    return MethodRepeat(
        load_ms=1.5, warm_load_ms=0.5, base_rss_bytes=10, load_peak_rss_bytes=20, peak_rss_bytes=30,
        planned_bytes=None, threads=2, affinity="3", backends=("XnnpackBackend",), warmup_ms=(9.0,),
        trials=(CallTime(2.0, None), CallTime(3.0, 0.25)), outputs=ARRAYS,
    )  # fmt: skip


def test_a_request_reads_back_as_it_was(tmp_path):
    job = MethodJob(tmp_path / "model.pte", "forward", (*ARRAYS, np.float32(3.5)[()].reshape(())))
    files = job.write(tmp_path)
    assert asks_for_method(files["request.txt"])
    back = read_method_request(files["request.txt"], job.pte)
    assert back.method == "forward"
    for want, got in zip(job.inputs, back.inputs, strict=True):
        assert (want.dtype, want.shape) == (got.dtype, got.shape)
        np.testing.assert_array_equal(want, got)


def test_a_report_reads_back_as_it_was(repeat, tmp_path):
    write_method_report(tmp_path, repeat)
    back = MethodJob(tmp_path, "forward", ()).read(tmp_path)
    for spec in dataclasses.fields(MethodRepeat):
        if spec.name != "outputs":
            assert getattr(back, spec.name) == getattr(repeat, spec.name)
    for want, got in zip(ARRAYS, back.outputs, strict=True):
        assert want.dtype == got.dtype
        np.testing.assert_array_equal(want, got)


def test_an_input_of_a_type_that_devices_do_not_take_is_named(tmp_path):
    with pytest.raises(ConfigError, match="input 1 is complex64; devices take bool"):
        MethodJob(tmp_path, "forward", (ARRAYS[0], np.zeros(2, np.complex64))).write(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("outputs.bin", b"short"),
        ("outputs.json", b"[{}]"),
        ("outputs.json", b"7"),
        ("outputs.json", b'[{"dtype": "object", "shape": [1]}]'),
        ("outputs.json", b'[{"dtype": "int8", "shape": [-1]}]'),
        ("report.json", b"["),
        ("report.json", b'{"format": 2}'),
        ("report.json", b'{"format": 1}'),
    ],
)
def test_a_damaged_result_is_a_device_error(repeat, tmp_path, name, content):
    write_method_report(tmp_path, repeat)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DeviceError):
        MethodJob(tmp_path, "forward", ()).read(tmp_path)


@pytest.mark.parametrize("text", ["", "format 1\nmethod x\ninput float32 -3\n", "a b\nc d\ne f\n"])
def test_a_damaged_request_is_a_device_error(tmp_path, text):
    (tmp_path / "request.txt").write_text(text)
    (tmp_path / "inputs.bin").write_bytes(b"")
    with pytest.raises(DeviceError, match="cannot be read"):
        read_method_request(tmp_path / "request.txt", tmp_path)


@pytest.fixture(scope="session")
def two_outputs_pte():
    """A method with an integer and a float input, and a float and an integer output."""
    folder = cache_root() / "tests" / cache_key(["two outputs", pins()])
    if not usable(folder):
        publish(folder, lambda temporary: lower_two_outputs(temporary / "model.pte"))
    return folder / "model.pte"


def lower_two_outputs(path):
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    class TwoOutputs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = torch.nn.Embedding(10, 4)
            self.embed.weight.data = torch.arange(40.0).reshape(10, 4)
            self.twice = torch.nn.Linear(4, 4, bias=False)
            self.twice.weight.data = 2 * torch.eye(4)

        def forward(self, ids, offset):
            return self.twice(self.embed(ids) + offset), ids + 1

    example = (torch.tensor([[1, 2, 3]]), torch.zeros(1, 3, 4))
    program = torch.export.export(TwoOutputs().eval(), example)
    edge = to_edge_transform_and_lower({"forward": program}, partitioner=[XnnpackPartitioner()])
    path.write_bytes(edge.to_executorch().buffer)


INPUTS = (np.array([[4, 0, 9]]), np.full((1, 3, 4), 0.5, np.float32))


@pytest.mark.slow
@pytest.mark.parametrize("device", [Host(), HostNative()], ids=["host", "host-native"])
def test_a_device_gives_times_memory_and_outputs_of_a_method(
    native_bundle, two_outputs_pte, device
):
    repeat = device.measure(MethodJob(two_outputs_pte, "forward", INPUTS), ONCE)
    rows = np.arange(40.0).reshape(10, 4)[INPUTS[0]]
    np.testing.assert_allclose(repeat.outputs[0], 2 * (rows + 0.5))
    np.testing.assert_array_equal(repeat.outputs[1], INPUTS[0] + 1)
    assert (len(repeat.warmup_ms), len(repeat.trials), repeat.threads) == (1, 3, 1)
    assert all(trial.wall_ms > 0 for trial in repeat.trials)
    assert 0 < repeat.base_rss_bytes < repeat.peak_rss_bytes


@pytest.mark.slow
@pytest.mark.parametrize("device", [Host(), HostNative()], ids=["host", "host-native"])
def test_a_device_traces_a_method(native_bundle, two_outputs_pte, device):
    operators = device.profile(MethodJob(two_outputs_pte, "forward", INPUTS), ONCE)
    assert {operator.method for operator in operators} == {"forward"}
    assert any(operator.delegate for operator in operators)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "inputs", "said"),
    [
        ("backward", INPUTS, "has no method backward"),
        ("forward", INPUTS[:1], "has 2 inputs, not 1"),
        ("forward", (INPUTS[0], np.zeros((1, 7, 4), np.float32)), "refuses input 1"),
        ("forward", (INPUTS[1], INPUTS[1]), "refuses input 0"),
    ],
)
def test_a_call_that_does_not_fit_the_method_is_named(
    native_bundle, two_outputs_pte, method, inputs, said
):
    with pytest.raises(DeviceError, match=said):
        HostNative().measure(MethodJob(two_outputs_pte, method, inputs), ONCE)


@pytest.mark.slow
@pytest.mark.parametrize("device", [Host(), HostNative()], ids=["host", "host-native"])
def test_every_process_starts_with_the_state_of_the_module_and_adds_to_it_call_by_call(
    native_bundle, device, tmp_path
):
    import torch

    class Sums(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("total", torch.full((2,), 10.0))

        def forward(self, x, factor):
            self.total.add_(x)
            return self.total * factor

    inputs = (torch.ones(2), torch.tensor(2.0))
    lowered = lower_method(
        "forward", Sums(), inputs, scheme="fp32", backend="xnnpack", min_delegated=0
    )
    pte = tmp_path / "model.pte"
    pte.write_bytes(lowered.pte)
    job = MethodJob(pte, "forward", tuple(one.numpy() for one in inputs))
    for _ in range(2):
        repeat = device.measure(job, ONCE)
        assert repeat.outputs[0].tolist() == [2 * (10 + ONCE.warmup + ONCE.iterations)] * 2


@pytest.mark.slow
def test_a_phone_calls_a_method_too(phone_amd64, native_bundle, two_outputs_pte):
    profile = replace(load_profiles()["standin-amd64"], address=phone_amd64.address)
    repeat = open_android(profile).measure(MethodJob(two_outputs_pte, "forward", INPUTS), ONCE)
    np.testing.assert_array_equal(repeat.outputs[1], INPUTS[0] + 1)
    assert len(repeat.trials) == 3
    assert "EMULATED" in repeat.warnings
