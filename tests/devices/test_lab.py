"""Devices beside other machines: real engines, real processes, real devices of this machine."""

import contextlib
import dataclasses
import hashlib
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from devices import lab_worker
from devices.base import ProcessFacts, Reading
from devices.lab import LabDevice, LocalEngine, open_lab
from devices.lab_config import Lab
from devices.method_job import MethodJob
from devices.schedule import Schedule
from model.errors import CacheError, ConfigError, DeviceError, DeviceUnavailableError

ONCE = Schedule(repeats=1, warmup=0, iterations=1, threads=1)
MEMBERS = {"host": "left", "host-native": "right"}


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """One method of a small .pte."""
    import torch
    from executorch.exir import to_edge

    program = torch.export.export(torch.nn.ReLU(), (torch.zeros(3),))
    path = tmp_path_factory.mktemp("relu") / "model.pte"
    path.write_bytes(to_edge({"forward": program}).to_executorch().buffer)
    return MethodJob(path, "forward", (np.array([-1.0, 0.0, 2.0], np.float32),))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the worker's own, that has the runner and nothing else."""
    from lowering.cache import cache_root

    bundles = cache_root() / "bundles"
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path))
    (tmp_path / "bundles").symlink_to(bundles)
    return tmp_path


@pytest.fixture
def dask(cache):
    """A scheduler, and what starts a worker of some name."""
    distributed = pytest.importorskip("distributed")
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(
            distributed.LocalCluster(n_workers=0, dashboard_address=None, processes=True)
        )

        def start(name):
            command = [
                *(sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address),
                *("--name", name, "--nthreads", "1", "--no-nanny", "--no-dashboard"),
            ]
            return stack.enter_context(ended(subprocess.Popen(command, stderr=subprocess.DEVNULL)))

        yield cluster.scheduler_address, start


@contextlib.contextmanager
def ended(process):
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def check_both(members, task, cache):
    for name, device in members.items():
        assert device.info().kind == name
        found = device.measure(task, ONCE)
        assert found.outputs[0].tolist() == [0.0, 0.0, 2.0]
        assert found.threads == 1
        assert any(operator.method == "forward" for operator in device.profile(task, ONCE))
    assert len(list((cache / "lab").glob("*/model.pte"))) == 1


@pytest.mark.slow
def test_local_processes_measure_their_devices(native_bundle, task, cache):
    with open_lab(Lab(members=MEMBERS), "lab/*", {}) as members:
        check_both(members, task, cache)


@pytest.mark.slow
def test_dask_workers_measure_the_devices_beside_them(native_bundle, task, cache, dask):
    scheduler, start = dask
    for worker in MEMBERS.values():
        start(worker)
    with open_lab(Lab(scheduler, MEMBERS), "lab/*", {}) as members:
        wait_for(members)
        check_both(members, task, cache)


def wait_for(members):
    """Wait until every worker has found its scheduler."""
    for device in members.values():
        for _ in range(300):
            with contextlib.suppress(DeviceUnavailableError):
                device.info()
                break
            time.sleep(0.1)


@pytest.mark.slow
def test_a_lost_worker_is_a_lost_device_and_the_other_goes_on(native_bundle, task, cache, dask):
    scheduler, start = dask
    workers = {name: start(name) for name in MEMBERS.values()}
    with open_lab(Lab(scheduler, MEMBERS), "lab/*", {}) as members:
        wait_for(members)
        workers["right"].kill()
        with pytest.raises(DeviceUnavailableError, match="right"):
            members["host-native"].measure(task, ONCE)
        assert members["host"].measure(task, ONCE).outputs[0].tolist() == [0.0, 0.0, 2.0]


@pytest.mark.slow
def test_a_worker_lost_while_it_measures_is_a_lost_device(native_bundle, cache, dask):
    scheduler, start = dask
    worker = start("right")
    with open_lab(Lab(scheduler, {"host": "right"}), "lab/*", {}) as members:
        wait_for(members)
        killer = subprocess.Popen(["sh", "-c", f"sleep 1; kill -9 {worker.pid}"])
        with pytest.raises(DeviceUnavailableError, match="right"):
            members["host"]._engine.call("right", time.sleep, 1000)
        killer.wait()


@pytest.mark.slow
def test_a_lost_process_is_a_lost_device():
    with contextlib.closing(LocalEngine({"left"})) as engine:
        device = LabDevice("host", {}, "left", engine)
        with pytest.raises(DeviceUnavailableError, match="'left' was lost"):
            device._engine.call("left", os._exit, 3)


class SameProcess:
    """An engine that calls here."""

    def call(self, worker, function, *arguments):
        return function(*arguments)


def test_what_a_device_tells_of_itself_comes_back_with_what_it_found(monkeypatch, tmp_path, cache):
    readings = (
        Reading("2026-02-11T09:00:00+00:00", 0, 30.1, 2400000, "power_supply"),
        Reading("2026-02-11T09:00:20+00:00", None, None, 2000000),
    )
    facts = {
        "load_ms": 1.0, "warm_load_ms": 1.0, "base_rss_bytes": 1, "load_peak_rss_bytes": 1,
        "peak_rss_bytes": 1, "planned_bytes": 0, "threads": 1, "affinity": "1", "backends": (),
        "warmup_ms": (),
    }  # fmt: skip

    @dataclasses.dataclass(frozen=True)
    class Errand(lab_worker.ErrandTask):
        def read(self, folder):
            return ProcessFacts(**facts)

    class Phone:
        def measure(self, task, schedule):
            files = {"report.json": b"{}"}
            told = {"warnings": ("THROTTLED",), "readings": readings}
            return lab_worker.FoundFiles(**facts, **told, files=files)

    monkeypatch.setattr(lab_worker, "opened", lambda *_: Phone())
    (tmp_path / "model.pte").write_bytes(b"model")
    task = Errand(tmp_path / "model.pte", {"report.json": 100}, {})
    found = LabDevice("pixel8", {}, "left", SameProcess()).measure(task, ONCE)
    assert found.readings == readings
    assert found.warnings == ("THROTTLED",)


class ClaimedPhone:
    """A phone that counts who has opened and claimed it."""

    def __init__(self):
        self.opened, self.claims, self.measured = 0, [], []

    @contextlib.contextmanager
    def claim(self):
        if self.claims.count("taken") > self.claims.count("given back"):
            raise DeviceUnavailableError("in use by another run")
        self.claims.append("taken")
        try:
            yield
        finally:
            self.claims.append("given back")

    def profile(self, task, schedule):
        self.measured.append(tuple(self.claims))
        return ()


@pytest.fixture
def member(monkeypatch, tmp_path, cache):
    """A member of a lab, its phone and a task."""
    phone = ClaimedPhone()

    def open_it(*_):
        phone.opened += 1
        return phone

    monkeypatch.setattr(lab_worker, "opened", open_it)
    (tmp_path / "model.pte").write_bytes(b"model")
    task = lab_worker.ErrandTask(tmp_path / "model.pte", {}, {})
    return LabDevice("pixel8", {}, "left", SameProcess()), phone, task


def test_a_member_is_claimed_at_its_worker_for_the_whole_run(member):
    device, phone, task = member
    with device.claim():
        for _ in range(3):
            device.profile(task, ONCE)
    assert phone.measured == [("taken",)] * 3
    assert phone.claims == ["taken", "given back"]
    assert phone.opened == 1


def test_a_second_run_is_refused_by_the_worker(member):
    device, _, task = member
    other = LabDevice("pixel8", {}, "left", SameProcess())
    with device.claim():
        with pytest.raises(DeviceUnavailableError, match="in use"), other.claim():
            pass
        device.profile(task, ONCE)
    with other.claim():
        pass


def test_a_claim_that_was_left_alone_ends_and_is_taken_anew_when_asked(member, monkeypatch):
    monkeypatch.setattr(lab_worker, "LEASE_S", 0.05)
    device, phone, task = member
    with device.claim():
        for _ in range(1000):
            if phone.claims == ["taken", "given back"]:
                break
            time.sleep(0.01)
        device.profile(task, ONCE)
    assert phone.claims == ["taken", "given back"] * 2


def test_errors_of_a_device_come_back_by_name(tmp_path, cache):
    (tmp_path / "model.pte").write_bytes(b"no program")
    task = MethodJob(tmp_path / "model.pte", "forward", (np.zeros(3, np.float32),))
    board = {"board": {"kind": "linux", "address": "pi@127.0.0.1:1"}}
    pytest.importorskip("paramiko")
    gone = LabDevice("board", board, "left", SameProcess())
    with pytest.raises(DeviceUnavailableError, match=r"board: .*is the board on"):
        gone.measure(task, ONCE)
    wrong = LabDevice("board", {"board": {"kind": "linux"}}, "left", SameProcess())
    with pytest.raises(DeviceError, match="needs an address"):
        wrong.measure(task, ONCE)


def test_a_pte_is_sent_once_and_checked(tmp_path, cache):
    content = b"model"
    sha256 = "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"
    assert lab_worker.has_model(sha256) == {"ok": False}
    assert lab_worker.keep_model(sha256, content + b"x") == {"gone": "the .pte arrived changed"}
    assert lab_worker.has_model(sha256) == {"ok": False}
    assert lab_worker.keep_model(sha256, content) == {"ok": None}
    assert lab_worker.has_model(sha256) == {"ok": True}
    assert "failed" in lab_worker.has_model("../../etc")


def test_a_worker_measures_no_model_that_was_changed(cache):
    content = b"a model"
    sha256 = hashlib.sha256(content).hexdigest()
    errand = {"sha256": sha256, "results": {}, "request": {}}
    lab_worker.keep_model(sha256, content)
    path = lab_worker.task_of(errand).pte
    path.write_bytes(b"another")
    with pytest.raises(CacheError, match=r"model\.pte was changed"):
        lab_worker.task_of(errand)
    assert lab_worker.has_model(sha256) == {"ok": False}
    assert lab_worker.keep_model(sha256, content) == {"ok": None}
    assert lab_worker.task_of(errand).pte.read_bytes() == content


def test_a_worker_of_another_version_is_told(monkeypatch):
    device = LabDevice("host", {}, "left", SameProcess())
    answers = iter([{"ok": "older"}, {"ok": "newer"}])
    monkeypatch.setattr(lab_worker, "sources", lambda: next(answers))
    with pytest.raises(DeviceUnavailableError, match="another version"):
        device.info()


def test_an_unknown_member_and_a_missing_scheduler_are_told():
    with (
        pytest.raises(ConfigError, match="pixel88"),
        open_lab(Lab(members={"pixel88": ""}), "lab/*", {}),
    ):
        pass
    pytest.importorskip("distributed")
    with (
        pytest.raises(DeviceUnavailableError, match="no Dask scheduler"),
        open_lab(Lab("tcp://127.0.0.1:1", MEMBERS), "lab/*", {}),
    ):
        pass
