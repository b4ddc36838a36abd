"""One repeat on this machine, in a process of its own: `python -m devices.host_child`.

Takes the native runner's arguments, leaves the same files and answers alike. The runtime is
ExecuTorch's Python binding, so that memory includes the interpreter and torch: `base_rss_bytes`
tells how much.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from devices.base import Job, Repeat, Trial
from devices.exchange import read_request, write_report
from lowering.memory import reset_peak, rss_bytes
from lowering.runtime import LoadedProgram, registered_backends, set_threads
from model.errors import HarnessError, InputError, StageFailedError
from model.generate import Synthesis, synthesize

# Exit statuses and names that the native runner gives to what `synthesize` raises.
STATUS: Mapping[type[HarnessError], tuple[int, str]] = {
    StageFailedError: (10, "execute"),
    InputError: (12, "length"),
}


def timed_load(pte: Path) -> tuple[LoadedProgram, float]:
    """Load every method, and tell how many milliseconds it took."""
    start = time.perf_counter()
    program = LoadedProgram(pte)
    return program, (time.perf_counter() - start) * 1e3


def as_trial(speech: Synthesis) -> Trial:
    """Keep the times of a synthesis."""
    return Trial(speech.wall_ms, speech.first_audio_ms, speech.stage_ms, set_input_ms=None)


def measure(job: Job, threads: int, warmup: int, iterations: int) -> Repeat:
    """Load, warm up, and measure some syntheses."""
    threads = set_threads(threads)
    backends = registered_backends()
    base = rss_bytes()
    program, load_ms = timed_load(job.pte)
    load_peak = rss_bytes("VmHWM")
    _, warm_load_ms = timed_load(job.pte)
    reset_peak()
    speech = [synthesize(program.call, job.limits, job.request) for _ in range(warmup + iterations)]
    return Repeat(
        load_ms=load_ms,
        warm_load_ms=warm_load_ms,
        base_rss_bytes=base,
        load_peak_rss_bytes=load_peak,
        peak_rss_bytes=rss_bytes("VmHWM"),
        planned_bytes=None,
        threads=threads,
        affinity=f"{sum(1 << cpu for cpu in os.sched_getaffinity(0)):x}",
        backends=backends,
        warmup_ms=tuple(one.wall_ms for one in speech[:warmup]),
        trials=tuple(as_trial(one) for one in speech[warmup:]),
        codes=speech[-1].codes,
        waveform=speech[-1].waveform,
    )


def profile(job: Job, threads: int, folder: Path) -> None:
    """Trace the operators of one synthesis after a warm-up, one ETDump per method."""
    set_threads(threads)
    synthesize(LoadedProgram(job.pte).call, job.limits, job.request)
    program = LoadedProgram(job.pte, traced=True)
    synthesize(program.call, job.limits, job.request)
    program.write_etdumps(folder)


def main() -> None:
    """Run one repeat, or one profile, as the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--request", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--warmup", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    job = read_request(arguments.request, arguments.model)
    try:
        if arguments.profile:
            profile(job, arguments.threads, arguments.out)
        else:
            repeat = measure(job, arguments.threads, arguments.warmup, arguments.iterations)
            write_report(arguments.out, repeat)
    except tuple(STATUS) as error:
        status, kind = STATUS[type(error)]
        print(json.dumps({"error": kind, "what": str(error)}))
        sys.exit(status)
    print(json.dumps({"ok": True}))


if __name__ == "__main__":
    main()
