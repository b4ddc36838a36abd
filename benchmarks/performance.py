"""Write docs/performance.md from real runs: every goal, met or not, and what was tried where not.

Run: `python benchmarks/performance.py [--only NAME...] [--read] [--quick]`.
The benchmarks run one after the other, each within a time limit; one that fails is a row that says
why, and the others go on. What they found is kept (`--out DIR`): `--only` runs some and takes the
others from there, `--read` runs none. NAME.json that a script wrote there by itself (`--json`)
counts as well.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from goals import Goal, Report, goal_row, load, table
from model_under_test import SCHEMES, lowered
from peer_configurations import CONFIGURATIONS, PYTORCH

from bench.pipeline import git_commit
from devices.host import host_info, instruction_sets
from lowering.cache import ROOT, cache_root, pins
from model.choice import ModelChoice

HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "performance.md"
NOTES = HERE / "performance_notes.toml"
BRIEF = ("--model", "tiny", "--schemes", "fp32")
SHORT = (*BRIEF, "--repeats", "1", "--iterations", "1")


# All but those whose figures goals do not need: ExecuTorch in Python.
ENGINES = (
    *CONFIGURATIONS,
    *(f"MobileSpeech, native runner {scheme}" for scheme in SCHEMES),
)


@dataclass(frozen=True)
class Script:
    """One benchmark.

    Attributes:
        name: As `--only` takes it.
        file: In this folder.
        limit_s: After which it is stopped; about twice what it takes on two idle cores.
        arguments: Beside `--json`.
        quick: Beside `--json` in place of them, to see that it works.
    """

    name: str
    file: str
    limit_s: float
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()


SCRIPTS = (
    Script("roofline", "roofline.py", 900, quick=SHORT),
    Script("first-audio", "first_audio.py", 400, quick=SHORT),
    Script(
        "memory",
        "memory_slope.py",
        400,
        quick=(*BRIEF, "--syntheses", "50"),
    ),
    Script("threads", "threads.py", 400, quick=SHORT),
    Script(
        "schedules",
        "schedules.py",
        600,
        quick=(*SHORT, "--sentences", "0"),
    ),
    Script(
        "peers",
        "peers.py",
        3600,
        arguments=("--rounds", "1", "--only", *ENGINES),
        quick=(
            "--model",
            "tiny",
            "--rounds",
            "1",
            "--threads",
            "1",
            "--trials",
            "0",
            "--only",
            PYTORCH,
        ),
    ),
    *(
        Script(
            name,
            "harness_cost.py",
            limit_s,
            arguments=("--only", *parts, "--model", "base"),
            quick=("--only", *parts, "--quick"),
        )
        for name, limit_s, parts in (
            ("cold", 2400, ("cold",)),
            ("warm", 600, ("warm",)),
            ("growth", 900, ("large", "growth")),
        )
    ),
)


@dataclass(frozen=True)
class Kept:
    """How the result of a script came about.

    Attributes:
        commit: Of the project when it ran.
        at: ISO 8601, UTC.
        wall_s: How long it took.
        load: Of the machine over the minute before it started; busy cores of others.
        reason: Why it failed; empty where it did not.
    """

    commit: str
    at: str
    wall_s: float
    load: float
    reason: str = ""


def run(script: Script, folder: Path, *, quick: bool) -> Kept:
    """Run one script; its result is in `folder/NAME.json`, or the reason why there is none here."""
    found = folder / f"{script.name}.json"
    found.unlink(missing_ok=True)
    arguments = script.quick if quick else script.arguments
    command = [sys.executable, str(HERE / script.file), *arguments, "--json", str(found)]
    at, start, reason = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter(), ""
    load = os.getloadavg()[0]
    log = folder / f"{script.name}.log"
    with (
        log.open("w") as said,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            status = process.wait(script.limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with the runners that it has started
            status, reason = 0, f"it did not finish within {script.limit_s:.0f} s"
    if status:
        reason = (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
    if not reason and not found.exists():
        reason = "it wrote no result"
    return Kept(git_commit(), at, time.perf_counter() - start, load, reason)


def result_of(script: Script, folder: Path, kept: Kept | None) -> Report:
    """Read what a script found; where there is nothing, a report that says why."""
    found = folder / f"{script.name}.json"
    reason = kept.reason if kept is not None else ""
    if not reason and found.exists():
        return load(found)
    reason = reason or "it was not run"
    return Report(script.name.capitalize(), (), [Goal("all of it", None, "", None, reason)])


def noted(goals: Sequence[Goal], notes: Mapping[str, str]) -> str:
    """List what was tried for each goal that is not met: notes whose key the goal contains."""
    lines = []
    for goal in goals:
        if goal.met is False:
            tried = [note for key, note in notes.items() if key in goal.goal]
            said = " ".join(tried) or "Nothing was tried yet."
            lines.append(f"- **{goal.goal}.** {said}")
    return "\n".join(lines)


def machine() -> str:
    """Describe this computer and what the figures were taken with."""
    info = host_info("host", "host")
    rows = [
        {"of": "processor", "is": f"{info.soc}, {info.cores} cores ({info.abi})"},
        {
            "of": "instruction sets",
            "is": ", ".join(instruction_sets()) or "none of those looked for",
        },
        {"of": "memory", "is": f"{info.memory_bytes / 1e9:.1f} GB"},
        {"of": "system", "is": f"{info.os}, {info.fingerprint}"},
        {"of": "versions", "is": ", ".join(f"{name} {number}" for name, number in pins().items())},
    ]
    return table(rows)


def page(reports: Mapping[str, Report], kept: Mapping[str, Kept]) -> str:
    """Format the whole page: the machine, all goals, what was tried, every table."""
    goals = [
        {"of": report.title, **goal_row(goal)}
        for report in reports.values()
        for goal in report.goals
    ]
    every = [goal for report in reports.values() for goal in report.goals]
    notes: Mapping[str, str] = tomllib.loads(NOTES.read_text(encoding="utf-8"))
    met, missed = (sum(goal.met is answer for goal in every) for answer in (True, False))
    made = [
        {
            "benchmark": name,
            "commit": one.commit,
            "at": one.at,
            "load before": one.load,
            "took, s": one.wall_s,
            "failed": one.reason,
        }
        for name, one in kept.items()
    ]
    parts = [
        "# Performance",
        "Generated by `python benchmarks/performance.py`; do not edit. All times were measured on"
        " this machine at the times listed below. Compare times only within one table: the load of"
        " the machine differs between benchmarks.",
        machine(),
        table(made) if made else "",
        f"## Goals\n\n{met} met, {missed} not met, {len(every) - met - missed} without a verdict.",
        table(goals) if goals else "",
        "## What was tried where a goal is not met",
        noted(every, notes) or "Every goal that has a verdict is met.",
        *(
            f"## {report.title}\n\n{table(report.rows)}"
            for report in reports.values()
            if report.rows
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def read_kept(folder: Path) -> dict[str, Kept]:
    """Read how earlier results came about."""
    path = folder / "runs.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    return {name: Kept(**fields) for name, fields in found.items()}


def prepare(*, quick: bool) -> None:
    """Lower what the scripts load, so that no script's limit contains it."""
    for name, schemes in (("tiny", ("fp32",)), *(() if quick else (("base", SCHEMES),))):
        try:
            lowered(ModelChoice(name), schemes)
        except SystemExit as failure:  # the scripts that need it will say so
            print(f"{name}: {failure}", file=sys.stderr)
    if not quick:
        # In a process of its own, so that torch does not stay in the memory of this one.
        exporting = get_context("spawn").Process(target=export_base_to_onnx)
        exporting.start()
        exporting.join()


def export_base_to_onnx() -> None:
    from peer_engines import export_to_onnx

    export_to_onnx(ModelChoice("base"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[script.name for script in SCRIPTS])
    parser.add_argument("--read", action="store_true", help="run nothing: write the page anew")
    parser.add_argument("--quick", action="store_true", help="see that it works: tiny, and briefly")
    parser.add_argument("--out", type=Path, default=cache_root() / "performance")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    kept = read_kept(arguments.out)
    if not arguments.read:
        prepare(quick=arguments.quick)
    for script in SCRIPTS:
        if arguments.read or (arguments.only and script.name not in arguments.only):
            continue
        print(f"{script.name} ...", file=sys.stderr, flush=True)
        kept[script.name] = run(script, arguments.out, quick=arguments.quick)
        print(f"  {kept[script.name].reason or 'done'}", file=sys.stderr, flush=True)
        everything = {name: asdict(one) for name, one in kept.items()}
        (arguments.out / "runs.json").write_text(json.dumps(everything, indent=1))
    reports = {s.name: result_of(s, arguments.out, kept.get(s.name)) for s in SCRIPTS}
    arguments.page.write_text(page(reports, kept))
    print(arguments.page)


if __name__ == "__main__":
    main()
