import stat
from dataclasses import replace

import numpy as np
import pytest

from devices import host_native
from devices.bundle import Bundle
from devices.host_native import HostNative, host_abi
from devices.runner_call import LONGEST, REMEDIES, check_outcome, runner_arguments
from devices.schedule import Schedule
from model.errors import DeviceError

ONCE = Schedule(warmup=0, iterations=1, threads=1)


@pytest.fixture
def fake_runner(tmp_path, monkeypatch):
    """Puts a shell script in the runner's place; `$out` is the results' folder."""

    class Fake(Bundle):
        command = ("./runner",)

    folder = tmp_path / "bundle"
    folder.mkdir()

    def install(script):
        text = f'#!/bin/sh\nwhile [ "$1" != --out ]; do shift; done\nout=$2\n{script}\n'
        (folder / "runner").write_text(text)
        (folder / "runner").chmod(stat.S_IRWXU)
        monkeypatch.setattr(host_native, "build_bundle", lambda abi: Fake(folder, "", abi))

    return install


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("kill -SEGV $$", "crashed with SIGSEGV"),
        ("echo bad alloc >&2; kill -ABRT $$", "crashed with SIGABRT; its last words: bad alloc"),
        ("exit 139", "crashed with SIGSEGV"),
        ("exit 0", "status 0 and the answer ''"),
        ("exit 1", "status 1 and the answer ''"),
        ("echo nonsense; exit 7", "status 7 and the answer 'nonsense'"),
        ("echo '[1]'", "status 0 and the answer '\\[1\\]'"),
        ("echo '{\"ok\":true}'", "report.* cannot be read"),
        ("echo garbage >$out/report.json; echo '{\"ok\":true}'", "report.* cannot be read"),
        ("head -c 20000000 /dev/zero; exit 3", "status 3 and the answer"),
        ('printf \'{"error":"open","what":"a.pte is no file"}\'; exit 3', "a.pte is no file"),
        ('printf \'{"error":"open","what":[]}\'; exit 3', "status 3 and the answer"),
        ("printf '\\377\\376'; exit 4", "status 4 and the answer"),
    ],
)
def test_a_runner_that_ends_badly_gives_one_clear_line(
    fake_runner, make_job, tmp_path, script, said
):
    fake_runner(script)
    with pytest.raises(DeviceError, match=said) as caught:
        HostNative().measure(make_job(tmp_path / "model.pte"), ONCE)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 3 * LONGEST


def test_a_runner_that_hangs_is_stopped(fake_runner, make_job, tmp_path):
    fake_runner("exec sleep 60")
    with pytest.raises(DeviceError, match="did not finish within"):
        HostNative(time_limit_s=0.2).measure(make_job(tmp_path / "model.pte"), ONCE)


def test_every_exit_status_has_a_remedy():
    header = (host_native.build_bundle.__globals__["SOURCES"] / "failure.h").read_text()
    statuses = {
        int(line.split("=")[1].split(",")[0]) for line in header.splitlines() if " = " in line
    }
    assert statuses == set(REMEDIES)
    for status in statuses:
        with pytest.raises(DeviceError, match="the runner failed: this is why"):
            check_outcome(status, '{"error": "x", "what": "this is why"}', "")


def test_the_schedule_reaches_the_runner(tmp_path):
    schedule = Schedule(warmup=2, iterations=5, threads=3)
    arguments = runner_arguments(tmp_path, tmp_path, tmp_path, schedule, affinity=0xF0)
    pairs = dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert pairs["--warmup"] == "2"
    assert pairs["--iterations"] == "5"
    assert pairs["--threads"] == "3"
    assert pairs["--affinity"] == "f0"
    assert "--profile" in runner_arguments(tmp_path, tmp_path, tmp_path, schedule, profile=True)


def test_a_missing_model_is_named(native_bundle, make_job, tmp_path):
    with pytest.raises(DeviceError, match=r"none\.pte is no file"):
        HostNative().measure(make_job(tmp_path / "none.pte"), ONCE)


def test_the_device_describes_this_machine():
    info = HostNative().info()
    assert (info.name, info.kind, info.abi) == ("host-native", "host-native", host_abi())
    assert info.cores > 0
    assert info.memory_bytes > 0


@pytest.mark.slow
def test_speech_equals_that_of_the_device_host(native_bundle, tiny_pte, make_job):
    from devices.host import Host

    job = make_job(tiny_pte)
    native, python = HostNative().measure(job, ONCE), Host().measure(job, ONCE)
    np.testing.assert_array_equal(native.codes, python.codes)
    np.testing.assert_allclose(native.waveform, python.waveform, atol=1e-6)


@pytest.mark.slow
def test_a_profile_names_operators_of_every_method(native_bundle, tiny_pte, make_job):
    operators = HostNative().profile(make_job(tiny_pte, phonemes=(6,)), replace(ONCE, warmup=1))
    assert {"smd", "head_7", "codec_decoder", "prompt_encoder"} <= {op.method for op in operators}
    smd = [op for op in operators if op.method == "smd" and op.delegate]
    assert smd
    assert all(op.total_ms >= 0 and op.calls > 0 for op in smd)
