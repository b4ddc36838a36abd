"""A compiler that crashes, hangs or raises is a reason; the others are built all the same."""

import dataclasses
import os
import subprocess
import sys

import pytest

from bench.pipeline import Plan
from lowering import build
from lowering.memory import available_bytes
from model.choice import ModelChoice
from model.errors import CacheError

WORKERS = """
import os
import time


def work(spec):
    if spec.scheme == "fp32":
        os.abort()
    if spec.scheme == "8da8w":
        time.sleep(60)
    if spec.scheme == "8da4w":
        os._exit(9)
    return "", 0.5
"""


@pytest.fixture
def specs(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "made_up_compilers.py").write_text(WORKERS)
    monkeypatch.syspath_prepend(tmp_path)  # the children look there too
    import made_up_compilers

    monkeypatch.setattr(build, "timed_lower", made_up_compilers.work)
    schemes = ("fp32", "8da8w", "8da4w", "mixed")
    plan = Plan("host", ModelChoice("tiny"), schemes, ("xnnpack",), ())
    return [plan.lowering(scheme, "xnnpack") for scheme in schemes]


@pytest.mark.slow
def test_a_crash_a_hang_and_an_exit_are_reasons_and_not_the_end(specs):
    built = list(build.build_artifacts(specs, jobs=4, limit_s=15))
    reasons = {one.spec.scheme: one.reason for one in built}
    assert "signal 6" in reasons["fp32"]
    assert "stopped after 15 s" in reasons["8da8w"]
    assert "status 9" in reasons["8da4w"]
    assert reasons["mixed"] == ""
    assert built[-1].wall_s == 0.5


def test_what_a_compiler_raises_is_a_reason(specs, monkeypatch):
    def fail(_):
        raise KeyError("an operator of its own")

    monkeypatch.undo()
    monkeypatch.setattr(build, "lower", fail)
    reason, wall_s = build.timed_lower(dataclasses.replace(specs[0]))
    assert "KeyError" in reason
    assert wall_s >= 0


def test_a_cache_that_cannot_be_written_is_one_line_before_anything_is_made(
    specs, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "file" / "cache"))
    for make in (build.build_references, lambda specs: list(build.build_artifacts(specs))):
        with pytest.raises(CacheError, match=r"cannot be written in .*: make room, or name"):
            make(specs[0].calibration if make is build.build_references else specs)


def test_a_child_without_a_log_works_all_the_same(tmp_path):
    (tmp_path / "file").write_text("no folder")
    command = [sys.executable, "-c", "from lowering.build import be_quiet; be_quiet(); print(1)"]
    environment = {**os.environ, "MOBILESPEECH_CACHE": str(tmp_path / "file" / "cache")}
    subprocess.run(command, env=environment, check=True)


LOWERING = """
import hashlib
import sys

import torch

from lowering.single import lower_method


def lowered(scheme):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.GELU(), torch.nn.Linear(64, 32))
    inputs = (torch.randn(1, 4, 32),)
    found = lower_method("forward", module, inputs, scheme=scheme, backend="xnnpack")
    return hashlib.sha256(found.pte).hexdigest()


if __name__ == "__main__":
    print(lowered(sys.argv[1]))
"""


@pytest.mark.slow
def test_forks_side_by_side_lower_to_the_bytes_of_fresh_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)  # the children look there too
    path = tmp_path / "made_up_lowering.py"
    path.write_text(LOWERING)
    from made_up_lowering import lowered

    schemes = ("fp32", "8da8w", "int8-static")
    with build.new_pool(2) as pool:
        futures = [pool.schedule(lowered, args=[scheme]) for scheme in schemes]
        forked = {scheme: found.result() for scheme, found in zip(schemes, futures, strict=True)}
    for scheme in schemes:
        command = [sys.executable, str(path), scheme]
        fresh = subprocess.run(command, capture_output=True, text=True, check=True)
        assert fresh.stdout.split()[-1] == forked[scheme], scheme


def test_as_many_side_by_side_as_processors_and_memory_allow(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr(build, "available_bytes", lambda: 2 * build.BYTES_PER_COMPILE + 1)
    assert build.workers() == 2
    monkeypatch.setattr(build, "available_bytes", lambda: 100 * build.BYTES_PER_COMPILE)
    assert build.workers() == 4
    monkeypatch.setattr(build, "available_bytes", lambda: 1)
    assert build.workers() == 1


def test_available_memory_is_read_in_bytes():
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0.001 * total < available_bytes() <= total
