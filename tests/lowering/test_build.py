"""A compiler that crashes, hangs or raises is a reason; the others are built all the same."""

import dataclasses

import pytest

from bench.pipeline import Plan
from lowering import build
from model.choice import ModelChoice

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
