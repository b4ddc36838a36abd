"""The native runner against the Python loop, on the same .pte."""

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from devices.exchange import read_report, write_request
from devices.runner_call import runner_arguments
from devices.schedule import Schedule
from lowering.runtime import LoadedProgram, set_threads
from model.decoding import MASK
from model.generate import STAGES, synthesize

pytestmark = pytest.mark.slow

ONCE = Schedule(warmup=0, iterations=1, threads=1)


def reference(job):
    """Run the Python loop over a job's .pte."""
    set_threads(1)
    return synthesize(LoadedProgram(job.pte).call, job.limits, job.request)


@pytest.fixture
def run(native_bundle, tmp_path):
    """Runs the runner on a job; returns its exit status, its answer, and the results' folder."""

    def run_runner(job, schedule=ONCE, *extra, out=tmp_path, request=None, profile=False):
        request = request or tmp_path / "request.txt"
        if not request.exists():
            write_request(request, job)
        done = subprocess.run(
            [
                *native_bundle.command,
                *runner_arguments(job.pte, request, out, schedule, profile=profile),
                *extra,
            ],
            cwd=native_bundle.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, json.loads(done.stdout), out

    return run_runner


JOBS = {
    "two sentences": {},
    "joint passes": {"passes": (8,)},
    "no noise": {"temperature": 0.0, "position_temperature": 0.0},
    "other seed and noise": {"seed": 2**62, "temperature": 0.6, "top_k": 7},
    "several passes on fine levels": {"passes": (4, 2, 2, 2, 1, 1, 1, 1)},
    "long prompt, which is cut": {"prompt_frames": 1001},
    "odd prompt": {"prompt_frames": 7},
    "one chunk": {"chunk_frames": 1000},
    "tiny chunks": {"phonemes": (9,), "chunk_frames": 1},
    "many sentences": {"phonemes": (5, 6, 7, 8, 9)},
    "complete before the passes are over": {"phonemes": (2, 3)},
}


def check_equal(job, run):
    status, answer, out = run(job)
    assert (status, answer) == (0, {"ok": True})
    repeat, expected = read_report(out), reference(job)
    np.testing.assert_array_equal(repeat.codes, expected.codes)
    np.testing.assert_allclose(repeat.waveform, expected.waveform, atol=1e-6)


@pytest.mark.parametrize("options", JOBS.values(), ids=JOBS)
def test_codes_and_waveform_equal_those_of_the_python_loop(tiny_pte, make_job, run, options):
    check_equal(make_job(tiny_pte, **options), run)


def test_so_they_do_with_8_bit_weights_and_activations(int8_pte, make_job, run):
    check_equal(make_job(int8_pte), run)


def test_so_they_do_where_fine_channels_stay_unknown(tiny_pte, make_job, run):
    job = make_job(tiny_pte, passes=(2, 1, 1))
    check_equal(job, run)
    codes = read_report(run(job)[2]).codes
    assert (codes[:3] < MASK).all()
    assert (codes[3:] == MASK).all()


def test_the_shortest_sentences_are_decoded_whole(tiny_pte, make_job, run):
    status, _, out = run(make_job(tiny_pte, phonemes=(2, 3)))
    codes = read_report(out).codes
    assert status == 0
    assert not (codes == MASK).any()


def test_the_report_holds_what_was_asked_for(tiny_pte, make_job, run):
    status, _, out = run(make_job(tiny_pte), Schedule(warmup=2, iterations=3, threads=2))
    repeat = read_report(out)
    assert status == 0
    assert (len(repeat.warmup_ms), len(repeat.trials)) == (2, 3)
    assert repeat.threads == 2
    assert "XnnpackBackend" in repeat.backends
    assert repeat.warnings == ()
    assert repeat.load_ms > 0 < repeat.warm_load_ms
    assert 0 < repeat.base_rss_bytes < repeat.load_peak_rss_bytes
    assert repeat.base_rss_bytes < repeat.peak_rss_bytes
    assert repeat.planned_bytes > 0
    for trial in repeat.trials:
        assert tuple(sorted(trial.stage_ms)) == tuple(sorted(STAGES))
        assert 0 < trial.first_audio_ms <= trial.wall_ms
        assert 0 < trial.set_input_ms < sum(trial.stage_ms.values()) <= trial.wall_ms


def test_a_slowdown_is_in_the_time_of_the_synthesis_and_in_no_stage(tiny_pte, make_job, run):
    schedule = Schedule(warmup=1, iterations=8, threads=1)
    status, _, out = run(make_job(tiny_pte), schedule, "--slower-percent", "100")
    assert status == 0
    trials = read_report(out).trials
    shares = [trial.wall_ms / sum(trial.stage_ms.values()) for trial in trials]
    assert 2 <= min(shares) < 2.1  # what lies between the stages is slowed, too
    assert all(trial.first_audio_ms <= trial.wall_ms / 2 for trial in trials)


def test_every_iteration_gives_the_same_speech(tiny_pte, make_job, run, tmp_path):
    (tmp_path / "more").mkdir()
    job = make_job(tiny_pte)
    _, _, once = run(job)
    _, _, more = run(job, Schedule(warmup=3, iterations=3, threads=1), out=tmp_path / "more")
    for name in ("codes.bin", "waveform.bin"):
        assert (once / name).read_bytes() == (more / name).read_bytes()


def test_affinity_limits_the_threads(tiny_pte, make_job, run):
    schedule = Schedule(warmup=0, iterations=1, threads=0)
    status, _, out = run(make_job(tiny_pte), schedule, "--affinity", "1")
    assert status == 0
    repeat = read_report(out)
    assert (repeat.threads, repeat.affinity) == (1, "1")


def test_a_profile_leaves_a_trace_of_every_method(tiny_pte, make_job, run):
    from executorch.devtools import Inspector

    status, _, out = run(make_job(tiny_pte, phonemes=(6,)), profile=True)
    assert status == 0
    assert json.loads((out / "report.json").read_text()) == {"format": 1}
    names = {path.stem for path in out.glob("*.etdump")}
    assert names == {
        "prompt_encoder", "text_encoder", "duration_predictor", "smd", "codec_decoder",
        *(f"head_{channel}" for channel in range(8)),
    }  # fmt: skip
    (block,) = Inspector(etdump_path=str(out / "smd.etdump")).event_blocks
    assert block.name == "Execute"
    (execute,) = (event for event in block.events if event.name == "Method::execute")
    assert len(execute.perf_data.raw) == 15  # one synthesis, without the warm-up
    assert any(event.is_delegated_op for event in block.events)


def test_too_long_speech_is_named(tiny_pte, make_job, run):
    job = make_job(tiny_pte)
    status, answer, _ = run(replace(job, limits=replace(job.limits, max_frames=10)))
    assert (status, answer["error"]) == (12, "length")
    assert "shorter sentences" in answer["what"]


def test_a_phoneme_that_the_model_lacks_is_no_crash(tiny_pte, make_job, run):
    job = make_job(tiny_pte)
    request = replace(job.request, sentences=((99_999, 3, 4),))
    status, answer, _ = run(replace(job, request=request))
    assert (status, answer["error"]) == (10, "execute")


def test_a_text_beyond_the_models_bound_is_refused(tiny_pte, make_job, run):
    status, answer, _ = run(make_job(tiny_pte, phonemes=(300,)))
    assert (status, answer["error"]) == (9, "input")
    assert "1x300" in answer["what"]


@pytest.mark.parametrize("kept", [0, 1, 100, 0.3, 0.999])
def test_a_truncated_pte_is_no_crash(tiny_pte, make_job, run, tmp_path, kept):
    content = tiny_pte.read_bytes()
    size = int(len(content) * kept) if isinstance(kept, float) else kept
    (tmp_path / "model.pte").write_bytes(content[:size])
    status, answer, _ = run(make_job(tmp_path / "model.pte"))
    assert (status, answer["error"]) == (4, "program")


def test_a_missing_method_is_named(make_job, run, tmp_path):
    import torch
    from executorch.exir import to_edge

    program = torch.export.export(torch.nn.ReLU(), (torch.zeros(1),))
    content = to_edge({"forward": program}).to_executorch().buffer
    (tmp_path / "model.pte").write_bytes(content)
    status, answer, _ = run(make_job(tmp_path / "model.pte"))
    assert (status, answer["error"]) == (5, "method")
    assert "prompt_encoder" in answer["what"]
