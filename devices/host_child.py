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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from devices.base import Job, Repeat, Trial
from devices.exchange import read_request, write_report
from devices.method_job import (
    CallTime,
    MethodJob,
    MethodRepeat,
    asks_for_method,
    read_method_request,
    write_method_report,
)
from devices.schedule import Schedule
from lowering.memory import free_unused, reset_peak, rss_bytes
from lowering.runtime import LoadedProgram, registered_backends, set_threads
from model.errors import HarnessError, InputError, StageFailedError
from model.generate import Array, Call, Synthesis, synthesize

Trials = TypeVar("Trials", Trial, CallTime)
Result = TypeVar("Result")
# One iteration: runs methods through a `Call`, and returns its times and its result.
Iterate = Callable[[Call], tuple[Trials, Result]]
# Loads every method of a .pte, and tells how many milliseconds it took.
Load = Callable[[Path], tuple[LoadedProgram, float]]

# Exit statuses and names that the native runner gives to what `synthesize` raises.
STATUS: Mapping[type[HarnessError], tuple[int, str]] = {
    StageFailedError: (10, "execute"),
    InputError: (12, "length"),
}


@dataclass(frozen=True)
class Measured(Generic[Trials, Result]):
    """What a process found: fields of `ProcessFacts`, times per iteration, the last result."""

    facts: dict[str, Any]
    trials: tuple[Trials, ...]
    result: Result


def timed_load(pte: Path) -> tuple[LoadedProgram, float]:
    """Load every method, and tell how many milliseconds it took."""
    start = time.perf_counter()
    program = LoadedProgram(pte)
    return program, (time.perf_counter() - start) * 1e3


def second_load_ms(pte: Path, load: Load) -> float:
    """Load once more, and let go of that copy, which no synthesis uses."""
    _, milliseconds = load(pte)
    return milliseconds


def measure(
    pte: Path, schedule: Schedule, iterate: Iterate[Trials, Result], load: Load = timed_load
) -> Measured[Trials, Result]:
    """Load, warm up, and iterate; only the last result is kept, so that none adds to the peak."""
    threads = set_threads(schedule.threads)
    backends = registered_backends()
    base = rss_bytes()
    program, load_ms = load(pte)
    load_peak = rss_bytes("VmHWM")
    warm_load_ms = second_load_ms(pte, load)
    free_unused()
    reset_peak()
    trials: list[Trials] = []
    last: list[tuple[Trials, Result]] = []
    for _ in range(schedule.warmup + schedule.iterations):
        last.clear()  # before the next result is made
        last.append(iterate(program.call))
        trials.append(last[0][0])
    facts = {
        "load_ms": load_ms,
        "warm_load_ms": warm_load_ms,
        "base_rss_bytes": base,
        "load_peak_rss_bytes": load_peak,
        "peak_rss_bytes": rss_bytes("VmHWM"),
        "planned_bytes": None,
        "threads": threads,
        "affinity": f"{sum(1 << cpu for cpu in os.sched_getaffinity(0)):x}",
        "backends": backends,
        "warmup_ms": tuple(trial.wall_ms for trial in trials[: schedule.warmup]),
    }
    return Measured(facts, tuple(trials[schedule.warmup :]), last[0][1])


def profile(pte: Path, threads: int, iterate: Callable[[Call], object], folder: Path) -> None:
    """Trace the operators of one iteration after a warm-up, one ETDump per method."""
    set_threads(threads)
    iterate(LoadedProgram(pte).call)
    program = LoadedProgram(pte, traced=True)
    iterate(program.call)
    program.write_etdumps(folder)


def say(job: Job, call: Call) -> tuple[Trial, Synthesis]:
    """Say what a job says, once."""
    speech = synthesize(call, job.limits, job.request)
    return Trial(speech.wall_ms, speech.first_audio_ms, speech.stage_ms, None), speech


def call_method(job: MethodJob, call: Call) -> tuple[CallTime, tuple[Array, ...]]:
    """Call the method of a job, once."""
    start = time.perf_counter()
    outputs = call(job.method, job.inputs)
    return CallTime((time.perf_counter() - start) * 1e3, None), tuple(outputs)


def measure_speech(
    job: Job,
    schedule: Schedule,
    folder: Path,
    adapt: Callable[[Call], Call] | None = None,
    load: Load = timed_load,
) -> None:
    """Measure an utterance, and write down what was found.

    Args:
        job: What to say.
        schedule: How often.
        folder: For what was found.
        adapt: Lets the program be called like one that takes any length, where it does not.
        load: Loads the program.
    """
    found = measure(job.pte, schedule, lambda call: say(job, adapt(call) if adapt else call), load)
    codes, waveform = found.result.codes, found.result.waveform
    write_report(folder, Repeat(**found.facts, trials=found.trials, codes=codes, waveform=waveform))


def measure_method(job: MethodJob, schedule: Schedule, folder: Path) -> None:
    """Measure a method, and write down what was found."""
    found = measure(job.pte, schedule, partial(call_method, job))
    repeat = MethodRepeat(**found.facts, trials=found.trials, outputs=found.result)
    write_method_report(folder, repeat)


def serve(request: Path, pte: Path, out: Path, schedule: Schedule, *, traced: bool) -> None:
    """Do what a request asks for: speak, or call one method; measured or traced."""
    if asks_for_method(request):
        method_job = read_method_request(request, pte)
        if traced:
            profile(pte, schedule.threads, partial(call_method, method_job), out)
        else:
            measure_method(method_job, schedule, out)
    else:
        job = read_request(request, pte)
        if traced:
            profile(pte, schedule.threads, partial(say, job), out)
        else:
            measure_speech(job, schedule, out)


def parse() -> tuple[argparse.Namespace, Schedule]:
    """Read the arguments of one repeat, or of one profile."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--request", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--warmup", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    schedule = Schedule(warmup=given.warmup, iterations=given.iterations, threads=given.threads)
    return given, schedule


@contextmanager
def answer() -> Iterator[None]:
    """Say on standard output how what runs inside went, as the native runner does."""
    try:
        yield
    except tuple(STATUS) as error:
        status, kind = STATUS[type(error)]
        print(json.dumps({"error": kind, "what": str(error)}))
        sys.exit(status)
    print(json.dumps({"ok": True}))


def main() -> None:
    """Run one repeat, or one profile, as the arguments say."""
    given, schedule = parse()
    with answer():
        serve(given.request, given.model, given.out, schedule, traced=given.profile)


if __name__ == "__main__":
    main()
