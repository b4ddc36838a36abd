"""Side by side on the same cores: MobileSpeech in every runtime, and every engine of packages.

Run: `python benchmarks/peers.py [--threads 1 2] [--rounds 5] [--only NAME...] [--json FILE]`.
Every engine first tries each of its configurations (`peer_configurations.py`), `--trials` times;
the one with the lowest real-time factor is measured again. A goal has no verdict where a
configuration of the rival has no result (`--trials 0`, or it failed). Engines take turns: each
round runs every engine once, in random order, each in a fresh process on as many cores as it has
threads, which loads, says all sentences to warm up, and says all of them again. Load time and
memory are the process's, Python and its libraries included; the native runner's are its own.
`pip install 'mobilespeech-bench[peers]'` and `bench data fetch` bring the others; what is missing
is a row that says so.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

from goals import Goal, Report, at_least
from peer_configurations import NEURAL_PEERS, ONNX_INT8, PYTORCH, configurations

from bench.pipeline import Plan
from devices.host import instruction_sets
from lowering.build import build_artifacts, build_references
from lowering.memory import rss_bytes
from model.choice import ModelChoice
from model.utterance import built_in_utterances

SENTENCES = ("short", "medium", "long")
SEED = 20240214
Pair = tuple[str, int]  # engine and threads
Rounds = list[dict[str, Any]]


def plan_of(arguments: argparse.Namespace) -> Plan:
    from peer_engines import SCHEMES

    utterances = tuple(built_in_utterances()[name] for name in SENTENCES)
    choice = ModelChoice(arguments.model, arguments.checkpoint)
    return Plan("host", choice, SCHEMES, ("xnnpack",), utterances)


def one_engine(arguments: argparse.Namespace) -> None:
    """Load one engine, say every sentence, print what was found: the child's side."""
    from peer_engines import ENGINES, Setting

    plan = plan_of(arguments)
    artifacts = {scheme: plan.lowering(scheme, "xnnpack") for scheme in plan.schemes}
    setting = Setting(
        plan.choice,
        plan.options,
        artifacts,
        arguments.threads[0],
        arguments.one,
        arguments.configuration,
    )
    start = time.perf_counter()
    engine = ENGINES[arguments.one](setting)
    load_s = time.perf_counter() - start
    for utterance in plan.utterances:  # all: compilers and memory plans are made per length
        engine.say(utterance)
    spoken = {utterance.name: engine.say(utterance) for utterance in plan.utterances}
    loads_s = [one.load_s for one in spoken.values() if one.load_s is not None]
    peaks = [one.peak_rss_bytes for one in spoken.values() if one.peak_rss_bytes is not None]
    facts = {
        "load_s": median(loads_s or [load_s]),
        "peak_rss_bytes": max(peaks or [rss_bytes("VmHWM")]),
        "spoken": {name: asdict(one) for name, one in spoken.items()},
    }
    print(json.dumps(facts))


def measure(
    name: str, threads: int, configuration: str, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Run one engine in a process of its own, on as many cores as it has threads."""
    command = [sys.executable, __file__, "--one", name, "--threads", str(threads)]
    command += ["--configuration", configuration]
    command += ["--model", arguments.model]
    if arguments.checkpoint:
        command += ["--checkpoint", str(arguments.checkpoint)]
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:threads])  # the child inherits it, and has no others
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        os.sched_setaffinity(0, cores)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def rtf_of(found: dict[str, Any]) -> float:
    """Total time over total speech; infinite where it failed."""
    if "failed" in found:
        return math.inf
    spoken = found["spoken"].values()
    return float(sum(one["wall_s"] for one in spoken) / sum(one["audio_s"] for one in spoken))


def fastest(trials: Mapping[str, Rounds]) -> str:
    """Name the configuration with the lowest median real-time factor; the first of equals."""
    return min(trials, key=lambda name: median(map(rtf_of, trials[name]))) if trials else ""


def summary(pair: Pair, chosen: str, trials: Mapping[str, Rounds], rounds: Rounds) -> Rounds:
    """Make the rows of one engine: what was measured, then each configuration that was tried.

    Args:
        pair: The engine and its threads.
        chosen: The configuration that was measured.
        trials: What the trials of each configuration found; empty where none was tried.
        rounds: What the rounds found.
    """
    row: dict[str, Any] = {"engine": pair[0], "threads": pair[1], "configuration": chosen}
    tried = [{**row, "configuration": name, **trial_cells(found)} for name, found in trials.items()]
    if failed := [found["failed"] for found in rounds if "failed" in found]:
        return [{**row, "failed": failed[0]}, *tried]
    longest = [found["spoken"][SENTENCES[-1]] for found in rounds]
    measured = {
        "rtf": median(map(rtf_of, rounds)),
        "first_audio_s": median(one["first_audio_s"] for one in longest),
        "load_s": median(found["load_s"] for found in rounds),
        "peak_rss_mb": median(found["peak_rss_bytes"] for found in rounds) / 1e6,
    }
    return [{**row, **measured}, *tried]


def trial_cells(found: Rounds) -> dict[str, Any]:
    """Arrange what trials of one configuration found."""
    rtf = median(map(rtf_of, found))
    if math.isfinite(rtf):
        return {"trial_rtf": rtf}
    return {"failed": next(one["failed"] for one in found if "failed" in one)}


def report_of(rows: Sequence[dict[str, Any]]) -> Report:
    """Hold our best native runner against everything else, per number of threads."""
    rivals = {ONNX_INT8: 1.5, PYTORCH: 3.0, **dict.fromkeys(NEURAL_PEERS, 1.0)}
    goals = []
    for threads in dict.fromkeys(row["threads"] for row in rows):
        of_all = [row for row in rows if row["threads"] == threads]
        tried = {(row["engine"], row["configuration"]) for row in of_all if "trial_rtf" in row}
        measured = {row["engine"]: row for row in of_all if "rtf" in row}
        ours = [name for name in measured if "native" in name]
        best = min(ours, key=lambda name: measured[name]["rtf"], default="")
        for rival, times in rivals.items():
            if rival in {row["engine"] for row in of_all}:
                cores = "1 thread" if threads == 1 else f"{threads} threads"
                said = f"{times} x as fast as {rival} or more, on {cores}"
                untried = [c for c in configurations(rival, threads) if (rival, c) not in tried]
                goal = faster(said, measured.get(best), measured.get(rival), times)
                goals.append(without_verdict(goal, untried) if untried else goal)
    return Report("Peers", rows, goals)


def faster(
    said: str, ours: Mapping[str, Any] | None, rival: Mapping[str, Any] | None, times: float
) -> Goal:
    """State by how much a real-time factor is below that of a rival in its fastest configuration.

    Args:
        said: The goal's words.
        ours: Our row; None where nothing was measured.
        rival: The rival's row; None likewise.
        times: By how much ours should be below.
    """
    if ours is None or rival is None:
        return at_least(said, None, times, "x", "one of the two engines failed")
    remark = (
        f"{ours['engine']}, RTF {ours['rtf']:.3f} against {rival['rtf']:.3f}"
        f" ({rival['configuration']}); this machine has"
        f" {', '.join(instruction_sets()) or 'no instruction set that was looked for'}"
    )
    return at_least(said, rival["rtf"] / ours["rtf"], times, "x", remark)


def without_verdict(goal: Goal, untried: Sequence[str]) -> Goal:
    """Give no verdict: a configuration that has no result may be the rival's fastest."""
    remark = f"{goal.remark}; configurations without a result: {'; '.join(untried)}"
    return replace(goal, measured=None, met=None, remark=remark)


def chosen(arguments: argparse.Namespace) -> list[str]:
    from peer_engines import ENGINES

    return [name for name in ENGINES if not arguments.only or name in arguments.only]


def compare(
    arguments: argparse.Namespace, run: Callable[[str, int, str], dict[str, Any]]
) -> Rounds:
    """Try every configuration, and measure the fastest of each engine, taking turns round by round.

    Args:
        arguments: Of the command line.
        run: Measures an engine once, with so many threads, in a configuration.
    """
    pairs = [(name, threads) for threads in arguments.threads for name in chosen(arguments)]
    order = random.Random(SEED)
    # Engines of one configuration, which has no name, have nothing to try.
    cases = [(pair, one) for pair in pairs for one in configurations(*pair) if one]
    trials: dict[Pair, dict[str, Rounds]] = {pair: {} for pair in pairs}
    if arguments.trials:
        for pair, configuration in cases:
            trials[pair][configuration] = []
    for _ in range(arguments.trials):
        for pair, configuration in order.sample(cases, len(cases)):
            trials[pair][configuration].append(run(*pair, configuration))
            print(f"tried: {pair[0]}, {pair[1]} threads: {configuration}", file=sys.stderr)
    best = {pair: fastest(trials[pair]) or configurations(*pair)[0] for pair in pairs}
    found: dict[Pair, Rounds] = {pair: [] for pair in pairs}
    for number in range(arguments.rounds):
        for pair in order.sample(pairs, len(pairs)):
            found[pair].append(run(*pair, best[pair]))
            print(f"round {number + 1}: {pair[0]}, {pair[1]} threads", file=sys.stderr)
    return [row for pair in pairs for row in summary(pair, best[pair], trials[pair], found[pair])]


def prepare(arguments: argparse.Namespace) -> None:
    """Make what engines load, so that no engine's time contains it."""
    from peer_engines import export_to_onnx

    plan, names = plan_of(arguments), chosen(arguments)
    if any("ONNX" in name for name in names):
        export_to_onnx(plan.choice)
    loaded = [name for name in names if "ExecuTorch" in name or "runner" in name]
    wanted = [scheme for scheme in plan.schemes if any(n.endswith(scheme) for n in loaded)]
    specs = [plan.lowering(scheme, "xnnpack") for scheme in wanted]
    build_references([ref for spec in specs for ref in (*spec.calibration, spec.verification)])
    for built in build_artifacts(specs):
        if built.reason:
            sys.exit(f"{built.spec.scheme}: {built.reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="base")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=1, help="of each configuration; 0 for none")
    parser.add_argument("--only", nargs="*", help="names of engines")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--configuration", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one_engine(arguments)
        return
    prepare(arguments)
    report = report_of(compare(arguments, lambda *case: measure(*case, arguments)))
    if arguments.json:
        report.save(arguments.json)
    print(report.markdown())


if __name__ == "__main__":
    main()
