"""Side by side on the same cores: MobileSpeech in every runtime, and every engine of packages.

Run: `python benchmarks/peers.py [--threads 1 2] [--rounds 5] [--only NAME...] [--json FILE]`.
Engines take turns: each round runs every engine once, in random order, each in a fresh process on
as many cores as it has threads, which loads, warms up on a sentence and says all of them. Load time
and memory are the process's, Python and its libraries included; the native runner's are its own.
`pip install 'mobilespeech-bench[peers]'` and `bench data fetch` bring the others; what is missing
is a row that says so.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from goals import Goal, Report, at_least

from bench.pipeline import Plan
from lowering.build import build_artifacts, build_references
from lowering.memory import rss_bytes
from model.choice import ModelChoice
from model.utterance import built_in_utterances

SENTENCES = ("short", "medium", "long")
SEED = 20240214


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
    setting = Setting(plan.choice, plan.options, artifacts, arguments.threads[0])
    start = time.perf_counter()
    engine = ENGINES[arguments.one](setting)
    load_s = time.perf_counter() - start
    engine.say(plan.utterances[0])
    spoken = {utterance.name: engine.say(utterance) for utterance in plan.utterances}
    loads_s = [one.load_s for one in spoken.values() if one.load_s is not None]
    peaks = [one.peak_rss_bytes for one in spoken.values() if one.peak_rss_bytes is not None]
    facts = {
        "load_s": median(loads_s or [load_s]),
        "peak_rss_bytes": max(peaks or [rss_bytes("VmHWM")]),
        "spoken": {name: asdict(one) for name, one in spoken.items()},
    }
    print(json.dumps(facts))


def measure(name: str, threads: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one engine in a process of its own, on as many cores as it has threads."""
    command = [sys.executable, __file__, "--one", name, "--threads", str(threads)]
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


def summary(name: str, threads: int, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over rounds; RTF is total time over total speech of a round."""
    row: dict[str, Any] = {"engine": name, "threads": threads}
    if failed := [found["failed"] for found in rounds if "failed" in found]:
        return {**row, "failed": failed[0]}
    spoken = [list(found["spoken"].values()) for found in rounds]
    longest = [found["spoken"][SENTENCES[-1]] for found in rounds]
    return {
        **row,
        "rtf": median(sum(s["wall_s"] for s in r) / sum(s["audio_s"] for s in r) for r in spoken),
        "first_audio_s": median(one["first_audio_s"] for one in longest),
        "load_s": median(found["load_s"] for found in rounds),
        "peak_rss_mb": median(found["peak_rss_bytes"] for found in rounds) / 1e6,
    }


def report_of(rows: Sequence[dict[str, Any]]) -> Report:
    """Hold our best native runner against everything else, per number of threads."""
    from peer_engines import NEURAL_PEERS

    rivals = {
        "MobileSpeech, ONNX Runtime int8": 1.5,
        "MobileSpeech, eager": 3.0,
        **dict.fromkeys(NEURAL_PEERS, 1.0),
    }
    goals = []
    for threads in dict.fromkeys(row["threads"] for row in rows):
        rtf = {row["engine"]: row.get("rtf") for row in rows if row["threads"] == threads}
        ours = {name: found for name, found in rtf.items() if found and "native" in name}
        best = min(ours, key=lambda name: ours[name], default="")
        for rival, times in rivals.items():
            if rival in rtf:
                said = f"{rival} on {threads} threads: {times} x as fast or more"
                goals.append(faster(said, ours.get(best), rtf[rival], times, best))
    return Report("Peers", rows, goals)


def faster(said: str, ours: float | None, other: float | None, times: float, how: str) -> Goal:
    """State by how much a real-time factor is below another."""
    ratio = other / ours if ours and other else None
    remark = (
        f"{how}, RTF {ours:.3f} against {other:.3f}" if ours and other else "one of them failed"
    )
    return at_least(said, ratio, times, "x", remark)


def chosen(arguments: argparse.Namespace) -> list[str]:
    from peer_engines import ENGINES

    return [name for name in ENGINES if not arguments.only or name in arguments.only]


def compare(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Take turns, round by round."""
    names = chosen(arguments)
    pairs = [(name, threads) for threads in arguments.threads for name in names]
    found: dict[tuple[str, int], list[dict[str, Any]]] = {pair: [] for pair in pairs}
    order = random.Random(SEED)
    for number in range(arguments.rounds):
        for pair in order.sample(pairs, len(pairs)):
            found[pair].append(measure(*pair, arguments))
            print(f"round {number + 1}: {pair[0]}, {pair[1]} threads", file=sys.stderr)
    return [summary(*pair, rounds) for pair, rounds in found.items()]


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
    parser.add_argument("--only", nargs="*", help="names of engines")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one_engine(arguments)
        return
    prepare(arguments)
    report = report_of(compare(arguments))
    if arguments.json:
        report.save(arguments.json)
    print(report.markdown())


if __name__ == "__main__":
    main()
