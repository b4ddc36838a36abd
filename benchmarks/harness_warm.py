"""A warm `bench run`: how soon it measures, what it does besides, and whether that disturbs."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from goals import Goal, Report, at_most
from harness_cold import environment, plan_of

from bench.commands.view import PlainView
from bench.pipeline import Plan, header_of, measure_case, run
from bench.progress import Progress
from bench.results import Case
from bench.stores.store import open_store
from devices.base import Found, Job, OperatorTime, ProcessFacts, Repeat, Task
from devices.host import Host
from devices.schedule import Schedule
from lowering.cache import cache_root
from lowering.reference import read_reference

FIRST_S, OVERHEAD, DISTURBANCE = 3.0, 0.10, 0.02
AS_CLICK = 1.5  # "as fast as": what a reader would not notice
# `bench`, with children that say when they begin.
STAMPED = """
import functools
import devices.host
devices.host.run_child = functools.partial(devices.host.run_child, module="stamped_child")
from bench.cli import bench
bench()
"""
CLICK = """
import click{}
@click.command()
def main():
    "Do nothing."
main()
"""
# The runtime alone: no memory is read, nothing is watched, shown or stored.
BARE = """
import json, sys
from pathlib import Path
from devices.exchange import read_request
from lowering.runtime import LoadedProgram, set_threads
from model.generate import synthesize
set_threads(int(sys.argv[3]))
job = read_request(Path(sys.argv[1]), Path(sys.argv[2]))
call = LoadedProgram(job.pte).call
wall_ms = [synthesize(call, job.limits, job.request).wall_ms for _ in range(int(sys.argv[4]))]
print(json.dumps(wall_ms))
"""


def wall_s(*arguments: str, **variables: str) -> float:
    """Run Python with arguments; returns how long it took."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**environment(cache_root()), **variables},
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments[:3])} failed: {done.stderr[-2000:]}")
    return time.perf_counter() - start


def starting(pair: tuple[Path, Path], times: int) -> Report:
    """Hold the start of commands against that of a bare click command, in turns."""
    commands = {
        "bare click": ("-c", CLICK.format(""), "--help"),
        "bare click and numpy": ("-c", CLICK.format(", numpy"), "--help"),
        "bench --help": ("-m", "bench", "--help"),
        "bench compare --help": ("-m", "bench", "compare", "--help"),
        "bench compare of two runs of a row": ("-m", "bench", "compare", *map(str, pair)),
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(times + 1):
        for name, arguments in commands.items():
            seconds = wall_s(*arguments)
            if number:  # the first also writes bytecode and reads files from disk
                taken[name].append(seconds)
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    click = medians["bare click"]
    rows = [
        {"command": name, "wall (s)": seconds, "of bare click": seconds / click}
        for name, seconds in medians.items()
    ]
    with_numpy = medians["bare click and numpy"] / click
    remark = f"median of {times}, in turns; what needs numpy cannot be below x {with_numpy:.1f}"
    goals = [
        at_most(f"{name}: as fast as bare click (x {AS_CLICK})", seconds / click, AS_CLICK, "x",
                remark)
        for name, seconds in medians.items() if name.startswith("bench")
    ]  # fmt: skip
    return Report("Starting commands", rows, goals)


def first_measurement(model: str, times: int) -> Report:
    """Measure from the start of a warm `bench run` to the first synthesis of its first child."""
    seconds = []
    for _ in range(times + 1):
        with tempfile.TemporaryDirectory() as name:
            stamp = Path(name) / "stamp"
            start = time.time()
            wall_s(
                "-c", STAMPED, "--results", name, "run", "--model", model, "--device", "host",
                "--scheme", "fp32", "--utterance", "short", "--repeats", "1", "--warmup", "0",
                "--iterations", "1", "--quiet", FIRST_SYNTHESIS=str(stamp),
            )  # fmt: skip
            seconds.append(float(stamp.read_text()) - start)
    found = statistics.median(seconds[1:])
    goal = at_most(
        f"warm run to its first measurement in under {FIRST_S:.0f} s", found, FIRST_S, "s",
        f"`{model}`, median of {times}; most of it is the child importing torch, whose libraries"
        " ExecuTorch's bindings are linked to",
    )  # fmt: skip
    return Report("To the first measurement", [{"start": "warm", "wall (s)": found}], [goal])


class WatchedHost(Host):
    """The host, which adds up what it took."""

    def __init__(self) -> None:
        self.measuring_s = self.speaking_s = self.loading_s = self.profiling_s = 0.0

    def measure(self, job: Task[Found], schedule: Schedule) -> Found:
        start = time.perf_counter()
        repeat = super().measure(job, schedule)
        self.measuring_s += time.perf_counter() - start
        assert isinstance(repeat, Repeat)
        iterations = sum(repeat.warmup_ms) + sum(trial.wall_ms for trial in repeat.trials)
        self.speaking_s += iterations / 1e3
        self.loading_s += (repeat.load_ms + repeat.warm_load_ms) / 1e3
        return repeat

    def profile(self, job: Task[ProcessFacts], schedule: Schedule) -> tuple[OperatorTime, ...]:
        start = time.perf_counter()
        found = super().profile(job, schedule)
        self.profiling_s += time.perf_counter() - start
        return found


def one_scheme(model: str) -> Plan:
    """Plan what the default suite measures, for one of its schemes."""
    plan = plan_of(model)
    return Plan(plan.device_name, plan.choice, ("fp32",), plan.backends, plan.utterances)


def overhead(model: str) -> Report:
    """Measure fp32 of the default suite, warm, and say what was not synthesis."""
    device = WatchedHost()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        run(one_scheme(model), device, Path(name), lambda _: None)
    total = time.perf_counter() - start
    parts = {
        "syntheses": device.speaking_s,
        "loading the .pte, twice each": device.loading_s,
        "starting and ending processes": device.measuring_s - device.speaking_s - device.loading_s,
        "the profile": device.profiling_s,
        "all else: planning, checks, journal, results": total
        - device.measuring_s
        - device.profiling_s,
    }
    rows = [
        {"part": name, "wall (s)": seconds, "share (%)": 100 * seconds / total}
        for name, seconds in parts.items()
    ]
    share = 100 * (1 - device.speaking_s / total)
    name = f"time outside of iterations at most {OVERHEAD:.0%} of a run of default length"
    remark = (
        f"`{model}`, fp32, 2 utterances, 5 fresh processes each. Processes are not forked from one"
        " that has torch: their memory layout, which a repeat is to vary, would be the same"
    )
    if model != "base":
        remark += f". Default is `base`, which speaks longer: --model base tells; `{model}` cannot"
        return Report("Overhead", rows, [Goal(name, share, "%", None, remark)])
    return Report("Overhead", rows, [at_most(name, share, 100 * OVERHEAD, "%", remark)])


def disturbance(model: str, rounds: int) -> Report:
    """Measure with everything that watches, shows and stores, and with nothing of it, in turns."""
    plan, host = one_scheme(model), Host()
    case = plan.cases()[0]
    taken: dict[str, list[float]] = {"bench": [], "runtime alone": []}
    with tempfile.TemporaryDirectory() as name, PlainView() as view:
        store = open_store(Path(name) / "results")
        with closing(store.begin(header_of(plan, host.info()), "")) as journal:
            artifact = plan.lowering(case.scheme, case.backend).read()
            reference = read_reference(plan.reference(plan.utterance(case.utterance)))
            job = Job(artifact.pte, artifact.manifest.limits, reference.request)
            request = job.write(Path(name))["request.txt"]
            for number in range(rounds):
                measure_case(plan, case, host, journal, number=number, artifact=artifact)
                view.show(Progress("measure", number + 1, rounds, str(case)))
                taken["runtime alone"].append(statistics.median(bare(request, job, plan.schedule)))
            taken["bench"] = list(medians_of(journal.entries(), case))
    middle = {how: statistics.median(values) for how, values in taken.items()}
    rows = [
        {"how": how, "synthesis (ms)": middle[how], "from": min(values), "to": max(values)}
        for how, values in taken.items()
    ]
    change = 100 * (middle["bench"] / middle["runtime alone"] - 1)
    goal = at_most(
        f"watching, showing and storing change a time by at most {DISTURBANCE:.0%}",
        abs(change), 100 * DISTURBANCE, "%",
        f"`{model}`, {rounds} processes each, in turns; {change:+.2f} %. Nothing of it runs during"
        " an iteration: memory and load are read before and after, the rest is another process's",
    )  # fmt: skip
    return Report("Disturbance", rows, [goal])


def bare(request: Path, job: Job, schedule: Schedule) -> list[float]:
    """Measure in a process that does nothing else; returns milliseconds per iteration."""
    count = schedule.warmup + schedule.iterations
    done = subprocess.run(
        [sys.executable, "-c", BARE, request, job.pte, str(schedule.threads), str(count)],
        capture_output=True,
        text=True,
        check=True,
    )
    wall_ms: list[float] = json.loads(done.stdout.splitlines()[-1])
    return wall_ms[schedule.warmup :]


def medians_of(entries: Any, case: Case) -> Iterator[float]:
    """Read the median synthesis of every repeat in a journal."""
    for entry in entries:
        if entry["kind"] == "repeat":
            yield statistics.median(trial["wall_ms"] for trial in entry["facts"]["trials"])
