"""Kills `bench run` again and again at random moments, and looks whether anything is lost.

A run is started, killed with SIGKILL after a random time (itself and the processes it has started),
resumed and killed again some times, and then let to its end; then the next run begins. After every
kill, each repeat that the journal held before must be in it still, unchanged; in each finished run,
every case must have all its repeats, the ones from before the kills among them.

    python benchmarks/kills.py --kills 50 -- --device host-native --model tiny --utterance short
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
Repeats = dict[tuple[str, ...], dict[str, object]]  # by case and round


class LostError(Exception):
    """A finished repeat is gone, or was measured twice."""


def start(results: Path, flags: list[str], *, resume: bool) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench", "--results", str(results), "run", "-q", *flags]
    return subprocess.Popen(
        [*command, "--resume"] if resume else command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def kill(running: subprocess.Popen[bytes]) -> None:
    """End a run and all that it has started, as a power cut would."""
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()


def entries_of(results: Path) -> list[dict[str, object]]:
    """Read the whole lines of the one journal, if there is one."""
    journals = list(results.glob("*/*.journal"))
    text = journals[0].read_text() if journals else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def repeats_of(entries: list[dict[str, object]]) -> Repeats:
    found: Repeats = {}
    for entry in entries:
        if entry["kind"] == "repeat":
            case, facts = entry["case"], entry["facts"]
            assert isinstance(case, dict)
            assert isinstance(facts, dict)
            key = (*map(str, case.values()), str(facts["round"]))
            if key in found:
                raise LostError(f"measured twice: {key}")
            found[key] = facts
    return found


def check_kept(before: Repeats, after: Repeats) -> None:
    for key, facts in before.items():
        if after.get(key) != facts:
            raise LostError(f"a kill took away {key}")


def check_finished(results: Path, before: Repeats, repeats: int) -> None:
    """Look into the newest finished run."""
    newest = max(results.glob("*/*.json"), key=lambda path: path.stat().st_mtime)
    lines = newest.read_text()
    rows = {
        (row["case"]["scheme"], row["case"]["backend"], row["case"]["utterance"]): row
        for row in json.loads(lines)["rows"]
    }
    for row in rows.values():
        samples = row["metrics"]["load_ms"]["samples"]
        if row["outcome"] != "ok" or len(samples) != repeats:
            raise LostError(f"{row['case']}: {row['outcome']}, {len(samples)} of {repeats} repeats")
    for key, facts in before.items():
        if facts["load_ms"] not in rows[key[:3]]["metrics"]["load_ms"]["samples"]:
            raise LostError(f"the finished run has not got {key}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--per-run", type=int, default=6, help="most kills of one run")
    parser.add_argument(
        "--within", type=float, help="seconds to kill within; default a whole run's"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("flags", nargs="*", help="of `bench run`, behind --")
    options = parser.parse_args()
    flags = [*options.flags, "--repeats", str(options.repeats)]
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        results = Path(folder)
        begin = time.monotonic()
        whole = start(results, flags, resume=False)
        errors = whole.communicate()[1].decode(errors="replace")
        whole_s = time.monotonic() - begin
        if whole.returncode != 0:
            sys.exit(f"the run without kills fails: {errors}")
        check_finished(results, {}, options.repeats)
        print(f"a run without kills takes {whole_s:.1f} s", flush=True)
        within_s = options.within or whole_s
        kills, of_run, runs, stages, survived = 0, 0, 0, Counter[str](), 0
        known: Repeats = {}
        while kills < options.kills or of_run:
            entries = entries_of(results)
            running = start(results, flags, resume=bool(entries))
            try:
                spared = kills == options.kills or of_run == options.per_run
                limit_s = None if spared else chance.uniform(0, within_s)
                errors = running.communicate(timeout=limit_s)[1].decode(errors="replace")
            except subprocess.TimeoutExpired:
                kill(running)
                kills, of_run = kills + 1, of_run + 1
                entries = entries_of(results)
                now = repeats_of(entries)
                check_kept(known, now)
                known = now
                survived += len(now)
                stages[str(entries[-1]["kind"]) if entries else "nothing"] += 1
                continue
            if running.returncode != 0:
                raise LostError(f"status {running.returncode}: {errors}")
            check_finished(results, known, options.repeats)
            known, of_run, runs = {}, 0, runs + 1
    after = ", ".join(f"{count} after {kind!r}" for kind, count in stages.most_common())
    print(f"{kills} kills ({after}) over {runs} runs")
    print(f"{survived} finished repeats were in the journal when killed: none lost, none redone")


if __name__ == "__main__":
    main()
