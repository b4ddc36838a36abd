"""A user's own runner: methods timed one by one, and a synthesis composed of their times."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from standin_phone.local_link import LocalLink, ScriptedLink

from bench.evidence import facts_of
from devices import bundle
from devices.bundle import TARGETS
from devices.composed import (
    ComposedRunner,
    calls_of,
    check_executor,
    often_enough,
    read_log,
)
from devices.host_native import host_abi
from devices.kinds import open_device
from devices.method_job import MethodJob
from devices.profiles import Profile, load_profiles
from devices.remote import Launch
from devices.schedule import Schedule
from devices.shell import CommandFailedError, ShellResult
from devices.store import Store
from lowering.cache import cache_key, cache_root
from model.entries import publish, usable
from model.errors import ConfigError, DeviceError

SCHEDULE = Schedule(repeats=1, warmup=1, iterations=2, threads=1)
LOG = """
I 00:00:00.000690 executorch:executor_runner.cpp:181] Resetting threadpool with num threads = 4
I 00:00:00.1 executorch:executor_runner.cpp:190] Setting up CPU planned buffer 0, size 1000.
I 00:00:00.1 executorch:executor_runner.cpp:190] Setting up CPU planned buffer 1, size 24.
I 00:00:00.1 executorch:executor_runner.cpp:200] Model loaded in 12.500000 ms.
I 00:00:00.2 executorch:executor_runner.cpp:300] Iteration 1 of 3: 9.000000 ms
I 00:00:00.2 executorch:executor_runner.cpp:300] Iteration 2 of 3: 4.000000 ms
I 00:00:00.2 executorch:executor_runner.cpp:300] Iteration 3 of 3: 5.000000 ms
"""


def test_a_log_is_read_without_the_warm_up():
    times = read_log(LOG, SCHEDULE, qnn=False)
    assert times.ms == (4.0, 5.0)
    assert (times.load_ms, times.planned_bytes, times.threads) == (12.5, 1024, 4)


def test_the_log_of_a_runner_for_qnn_tells_an_average():
    log = "I 00:00:00.1 executorch:x.cpp:1] 2 inference took 8.0 ms, avg 4.000000 ms\n"
    times = read_log(log, SCHEDULE, qnn=True)
    assert (times.ms, times.load_ms, times.threads) == ((4.0,), None, None)


@pytest.mark.parametrize("log", ["", LOG[:-100], "Iteration 1 of 3: 1e9 ms"])
def test_a_runner_built_without_a_log_is_told_how_to_build_it(log):
    with pytest.raises(DeviceError, match="EXECUTORCH_ENABLE_LOGGING"):
        read_log(log, SCHEDULE, qnn=False)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (1, "status 1"),
        (137, "no log that can be read says by whom"),
        (126, "not started"),
        (139, "crashed with SIGSEGV"),
        (159, "seccomp forbids a system call"),
    ],
)
def test_the_end_of_a_runner_is_told_in_its_own_words(code, says):
    result = ShellResult("x", code, "", "")
    with pytest.raises(CommandFailedError, match=says) as caught:
        check_executor(ScriptedLink(""), result, "pid 17\nE 00:00 it is \x1b[2Jso\n")
    assert str(caught.value).endswith("it is \\x1b[2Jso")


def test_calls_are_those_of_the_longest_speech(make_job, tmp_path):
    job = make_job(tmp_path / "model.pte", passes=(8, 2, 1, 1, 1, 1, 1, 1), chunk_frames=30)
    calls = calls_of(job)
    assert (calls["smd"], calls["head_0"], calls["head_1"], calls["head_7"]) == (16, 8, 2, 1)
    assert calls["codec_decoder"] == -(-job.limits.max_frames // 30)
    assert calls["prompt_encoder"] == calls["text_encoder"] == calls["duration_predictor"] == 1


@pytest.mark.parametrize(("ms", "often"), [((2000.0,), 1), ((10.0, 20.0), 100), ((0.0,), 10_000)])
def test_short_methods_are_called_often_so_that_their_memory_is_seen(ms, often):
    assert often_enough(ms) == often


def test_a_runner_that_is_no_file_is_a_wrong_configuration(tmp_path):
    link = LocalLink(tmp_path)
    with pytest.raises(ConfigError, match="no runner at"):
        ComposedRunner(link, Store(link, str(tmp_path)), tmp_path / "none")


def test_this_machine_takes_no_runner_of_one_s_own():
    profile = Profile("host-native", kind="host-native", runner="executor_runner")
    with pytest.raises(ConfigError, match="for phones and boards"):
        open_device(profile, print)


# ---- A double of the runners, on a real .pte -----------------------------------------------------


DOUBLE = Path(__file__).parent / "executor_runner.cpp"


@pytest.fixture(scope="session")
def executor_runner():
    """The double, with the libraries that it needs beside it: compiled once, and kept."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    target = TARGETS[host_abi()]
    parts = [DOUBLE.read_text(), bundle.executorch_version(), bundle.compiler_version(target)]
    folder = cache_root() / "tests" / cache_key([*parts, *bundle.FLAGS])
    if not usable(folder):
        publish(folder, lambda temporary: compile_double(temporary, target))
    return folder / "executor_runner"


def compile_double(folder, target):
    sources = folder / "sources"
    sources.mkdir()
    shutil.copy(DOUBLE, sources / "runner.cpp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "SOURCES", sources)
        bundle.fill_bundle(folder, target, bundle.runtime_folder(target))
    for name in (*bundle.C_LIBRARIES, target.loader):
        (folder / name).unlink()
    (folder / "runner").rename(folder / "executor_runner")
    shutil.rmtree(sources)
    shutil.copy(folder / "executor_runner", folder / "qnn_executor_runner")


@pytest.fixture
def watched_briefly(monkeypatch):
    """Look at a method's memory for a tenth of the time that a phone is given."""
    monkeypatch.setattr("devices.composed.WATCHED_MS", 100.0)


@pytest.fixture
def own(tmp_path, executor_runner, watched_briefly):
    """Opens the runner on this machine's shell, by name."""
    link = LocalLink(tmp_path / "link", {"logcat": "exit 1"})

    def open_runner(name="executor_runner"):
        path = executor_runner.with_name(name)
        return ComposedRunner(link, Store(link, str(tmp_path / "base")), path)

    return open_runner


@pytest.fixture
def target(tmp_path):
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["executor_runner", "qnn_executor_runner"])
def test_a_repeat_is_composed_of_real_times(tiny_pte, make_job, own, target, name):
    job = make_job(tiny_pte, passes=(2, 1, 1, 1, 1, 1, 1, 1))
    own(name).run(job, SCHEDULE, Launch(0, 300.0), target)
    repeat = job.read(target)
    assert repeat.warnings == ("COMPOSED",)
    assert repeat.composed_frames == job.limits.max_frames
    assert (repeat.codes.shape[1], len(repeat.waveform)) == (0, 0)
    assert len(repeat.trials) == (1 if "qnn" in name else 2)  # which tells an average
    assert repeat.peak_rss_bytes > 1_000_000
    assert repeat.planned_bytes > 0
    for trial in repeat.trials:
        assert set(trial.stage_ms) == {
            *("prompt_encoder", "text_encoder", "duration_predictor", "smd", "head", "codec"),
        }
        assert trial.wall_ms == pytest.approx(sum(trial.stage_ms.values()))
        assert 0 < trial.first_audio_ms < trial.wall_ms
    facts = facts_of(repeat, 0, repeat.codes)
    assert (facts.audio_frames, facts.code_agreement) == (job.limits.max_frames, None)


@pytest.mark.slow
def test_every_method_is_traced(tiny_pte, make_job, own, target):
    job = make_job(tiny_pte)
    own().run(job, SCHEDULE, Launch(0, 300.0, profile=True), target)
    assert {path.stem for path in target.glob("*.etdump")} == set(calls_of(job))
    assert all(path.stat().st_size > 1000 for path in target.glob("*.etdump"))


@pytest.mark.slow
def test_a_pte_that_is_none_is_the_runner_s_own_error(make_job, own, target, tmp_path):
    (tmp_path / "model.pte").write_bytes(b"nonsense")
    with pytest.raises(CommandFailedError, match="Failed to parse model file"):
        own().run(make_job(tmp_path / "model.pte"), SCHEDULE, Launch(0, 60.0), target)


@pytest.mark.slow
def test_one_method_of_another_model_is_refused(own, target, tmp_path):
    (tmp_path / "model.pte").write_bytes(b"nonsense")
    with pytest.raises(DeviceError, match="composes speech"):
        own().run(MethodJob(tmp_path / "model.pte", "x", ()), SCHEDULE, Launch(0, 9), target)


@pytest.mark.slow
def test_a_phone_is_measured_with_it(
    phone_amd64, executor_runner, tiny_pte, make_job, watched_briefly
):
    profile = replace(
        load_profiles()["standin-amd64"],
        address=phone_amd64.address,
        runner=str(executor_runner),
    )
    device = open_device(profile, print)
    repeat = device.measure(make_job(tiny_pte), SCHEDULE)
    assert set(repeat.warnings) == {"COMPOSED", "EMULATED"}
    assert repeat.trials[0].wall_ms > 0
