"""Rivals are measured in the fastest of their configurations, and no goal is met without that."""

import argparse
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from peer_configurations import (
    CONFIGURATIONS,
    KOKORO,
    ONNX,
    ONNX_INT8,
    PIPER,
    PYTORCH,
    OnnxConfiguration,
    configurations,
)
from peers import SENTENCES, compare, report_of

OURS = "MobileSpeech, native runner 8da8w"


class Machine:
    """Answers with an RTF per engine, threads and configuration; remembers what it was asked."""

    def __init__(self, rtf):
        self.rtf = rtf
        self.asked = []

    def __call__(self, engine, threads, configuration):
        self.asked.append((engine, threads, configuration))
        rtf = self.rtf(engine, threads, configuration)
        if rtf is None:
            return {"failed": "no such option"}
        one = {"wall_s": 2 * rtf, "audio_s": 2.0, "first_audio_s": rtf}
        return {"load_s": 1.0, "peak_rss_bytes": 1, "spoken": dict.fromkeys(SENTENCES, one)}


def compared(machine, *engines, threads=(2,), trials=1, rounds=3):
    arguments = argparse.Namespace(only=engines, threads=threads, trials=trials, rounds=rounds)
    return compare(arguments, machine)


def goals_of(rows):
    rivals = {row["engine"] for row in rows}
    goals = report_of(rows).goals
    return {name: goal for goal in goals for name in rivals if f"as fast as {name} or" in goal.goal}


@pytest.fixture(autouse=True)
def _engines(monkeypatch):
    """Names of engines, without what they import."""
    names = dict.fromkeys([OURS, *CONFIGURATIONS])
    monkeypatch.setitem(sys.modules, "peer_engines", argparse.Namespace(ENGINES=names))


def spins(engine, threads, configuration):
    """ONNX Runtime as it was found: twice as slow where thirteen pools spin."""
    if engine == OURS:
        return 0.05
    return 0.06 if "no spinning" in configuration else 0.24


def test_a_rival_is_measured_in_its_fastest_configuration_and_each_is_listed():
    machine = Machine(spins)
    measured, *tried = compared(machine, ONNX_INT8)
    assert "no spinning" in measured["configuration"]
    assert measured["rtf"] == pytest.approx(0.06)
    assert [row["configuration"] for row in tried] == [*CONFIGURATIONS[ONNX_INT8]]
    for row in tried:
        quiet = "no spinning" in row["configuration"]
        assert row["trial_rtf"] == pytest.approx(0.06 if quiet else 0.24)
    assert machine.asked[-3:] == [(ONNX_INT8, 2, measured["configuration"])] * 3


def test_a_goal_is_held_against_the_fastest_configuration():
    goal = goals_of(compared(Machine(spins), OURS, ONNX_INT8))[ONNX_INT8]
    assert goal.measured == pytest.approx(1.2)
    assert goal.met is False
    assert "no spinning" in goal.remark
    assert "this machine has" in goal.remark


@pytest.mark.parametrize("rival", [PYTORCH, ONNX_INT8, PIPER, KOKORO])
def test_no_goal_has_a_verdict_while_a_configuration_of_the_rival_has_no_figure(rival):
    untried = goals_of(compared(Machine(spins), OURS, rival, trials=0))[rival]
    assert untried.met is None
    assert untried.measured is None
    last = configurations(rival, 2)[-1]
    fails = Machine(lambda *case: None if case[2] == last else spins(*case))
    rows = compared(fails, OURS, rival)
    assert {"failed": "no such option"}.items() <= rows[-1].items()
    goal = goals_of(rows)[rival]
    assert goal.met is None
    assert f"without a result: {last}" in goal.remark


def test_a_rival_that_always_fails_is_a_reason():
    rows = compared(Machine(lambda engine, *_: 0.05 if engine == OURS else None), OURS, PIPER)
    assert goals_of(rows)[PIPER].met is None
    assert all("failed" in row for row in rows if row["engine"] == PIPER)


def test_what_concerns_threads_is_tried_only_with_more_than_one():
    assert configurations(OURS, 1) == configurations(OURS, 2) == ("",)
    assert set(configurations(PIPER, 2)) == set(ONNX)
    assert {"one pool", "one thread"} & set(configurations(PIPER, 1)) == set()
    assert "defaults" in configurations(PIPER, 1)


def test_no_two_configurations_of_an_engine_are_the_same():
    for known in CONFIGURATIONS.values():
        assert len(set(known.values())) == len(known)


def test_configurations_reach_onnx_runtime_s_session_options():
    ort = pytest.importorskip("onnxruntime")
    sys.modules.pop("peer_engines")  # the real one
    pytest.importorskip("peer_engines")
    from peer_engines import session_options

    quiet = session_options(OnnxConfiguration(spinning=False, arena=False, denormals=False), 2)
    assert quiet.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert quiet.get_session_config_entry("session.inter_op.allow_spinning") == "0"
    assert quiet.get_session_config_entry("session.set_denormal_as_zero") == "1"
    assert not quiet.enable_cpu_mem_arena
    assert (quiet.intra_op_num_threads, quiet.inter_op_num_threads) == (2, 1)
    split = session_options(OnnxConfiguration(block_base=4, memory_pattern=False), 2)
    assert split.get_session_config_entry("session.dynamic_block_base") == "4"
    assert not split.enable_mem_pattern
    defaults = session_options(OnnxConfiguration(), 2)
    assert defaults.graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    assert defaults.use_per_session_threads
    side_by_side = session_options(OnnxConfiguration(parallel=True), 3)
    assert side_by_side.execution_mode == ort.ExecutionMode.ORT_PARALLEL
    assert side_by_side.inter_op_num_threads == 3
    assert not session_options(OnnxConfiguration(shared_pool=True), 1).use_per_session_threads
    assert session_options(OnnxConfiguration(threads=1), 2).intra_op_num_threads == 1
