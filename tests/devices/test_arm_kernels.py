"""Which of XNNPACK's kernels Arm processors get, by the names of operators in a trace."""

import os
import subprocess

import pytest
import torch
from standin_phone.root import CannotStandInError, qemu
from torch import nn

from devices.bundle import build_bundle
from devices.method_job import MethodJob
from devices.profiling import read_profile
from devices.runner_call import runner_arguments
from devices.schedule import Schedule
from lowering.single import lower_method
from model.errors import DeviceError

pytestmark = pytest.mark.slow
METHOD, INNER, COLUMNS, ROWS = "product", 64, 128, 16


@pytest.fixture(scope="module")
def linear_operator(tmp_path_factory):
    """Names the operator that a linear layer of a scheme becomes on an imitated processor."""
    try:
        emulator, bundle = qemu(), build_bundle("arm64-v8a")
    except (CannotStandInError, DeviceError) as reason:
        pytest.skip(str(reason))

    def name_of(scheme, processor):
        folder = tmp_path_factory.mktemp(scheme)
        inputs = (torch.zeros(1, ROWS, INNER),)
        lowered = lower_method(
            METHOD, nn.Linear(INNER, COLUMNS), inputs, scheme=scheme, backend="xnnpack"
        )
        pte = folder / "product.pte"
        pte.write_bytes(lowered.pte)
        job = MethodJob(pte, METHOD, tuple(tensor.numpy() for tensor in inputs))
        schedule = Schedule(warmup=0, iterations=1, threads=1)
        request = job.write(folder)["request.txt"]
        arguments = runner_arguments(pte, request, folder, schedule, profile=True)
        subprocess.run(
            [str(emulator), *map(str, bundle.command), *map(str, arguments)],
            cwd=bundle.folder,
            env={**os.environ, "QEMU_CPU": processor},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        (name,) = (one.name for one in read_profile(folder) if one.name.startswith("Fully"))
        return name

    return name_of


# QP8: activations packed for KleidiAI's kernels. QD8: XNNPACK's own.
@pytest.mark.parametrize(("scheme", "weights"), [("8da8w", "QC8W"), ("8da4w", "QB4W")])
@pytest.mark.parametrize(
    ("processor", "activations"), [("cortex-a76", "QP8"), ("cortex-a53", "QD8")]
)
def test_kleidiai_multiplies_where_the_processor_has_dot_products(
    linear_operator, scheme, weights, processor, activations
):
    assert f"(NC, {activations}, F32, {weights})" in linear_operator(scheme, processor)
