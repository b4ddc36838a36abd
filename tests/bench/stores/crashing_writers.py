"""Eight processes that write runs into one store, killed at random and started again.

`python crashing_writers.py PLACE RUNS KILLS SEED ACKNOWLEDGED`: stops when the store has so many
finished runs. Whatever a writer was told is written, it notes in a file of its own first thing
after; the names of these numbers must later be in the store, each once.
"""

import importlib
import itertools
import os
import random
import signal
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path

from bench.results import Case, Header
from bench.rows import assemble, done_rounds
from bench.stores.store import open_store
from devices.base import DeviceInfo
from devices.schedule import Schedule

WRITERS = 8
SCHEMES = ("fp32", "8da8w", "8da4w")
REPEATS = 3
STEP_S = 0.002  # what a repeat takes
CASES = tuple(Case(scheme, "xnnpack", "short", "tiny") for scheme in SCHEMES)
FACTS = {
    "warm_load_ms": 4.0, "base_rss_bytes": 100, "load_peak_rss_bytes": 200, "peak_rss_bytes": 300,
    "threads": 2, "affinity": "3", "backends": ["XnnpackBackend"], "warmup_ms": [120.0],
    "trials": [], "warnings": [], "audio_frames": 30, "codes_sha256": "", "code_agreement": 1.0,
}  # fmt: skip


def header():
    device = DeviceInfo("host", "host", "a machine", "an os", "x86_64", "a chip", 2, 1 << 34)
    return Header(
        run="", started_at="2026-02-11T09:14:03+00:00", commit="3f2a9c1", device=device,
        schedule=Schedule(repeats=REPEATS), versions={}, model={"name": "tiny"}, trained=False,
        passes=(16,), utterances={"short": {"text": "Good morning.", "prompt": "anna"}},
        cases=CASES,
    )  # fmt: skip


def write(place, runs, numbers, acknowledged):
    """Write runs until the store has enough; take up what killed ones left."""
    manifest, trial = manifest_and_trial()
    while True:
        store = open_store(place)
        if sum(finished for _, finished in store.names()) >= runs:
            return
        journal = store.resume("host") or store.begin(header(), "")
        entries = journal.entries()
        lowered = {entry["pair"]["scheme"] for entry in entries if entry["kind"] == "lowered"}
        for scheme in SCHEMES:
            if scheme not in lowered:
                facts = {"pair": {"scheme": scheme, "backend": "xnnpack"}}
                facts["manifest"] = {**manifest, "scheme": scheme}
                journal.append("lowered", facts)
        done = done_rounds(entries)
        for number, case in itertools.product(range(REPEATS), CASES):
            if (case, number) in done:
                continue
            time.sleep(STEP_S)
            name = next(numbers)  # unmistakable: the load time of this repeat
            facts = {**FACTS, "round": number, "load_ms": float(name), "trials": [trial]}
            subject = {name: value for name, value in asdict(case).items() if value}
            entry = {"case": subject, "facts": facts, "reference_frames": 30, "audio": ""}
            journal.append("repeat", entry)
            os.write(acknowledged, f"{name}\n".encode())
        store.finish(journal, assemble(journal.entries()))
        journal.close()


def manifest_and_trial():
    """Take a manifest and a trial as format 1 kept them."""
    from bench.stores.journal import FileJournal

    entries = FileJournal(Path(__file__).parents[2] / "format1" / "run.journal").entries()
    manifest = next(entry["manifest"] for entry in entries if entry["kind"] == "lowered")
    facts = next(entry["facts"] for entry in entries if entry["kind"] == "repeat")
    return manifest, facts["trials"][0]


def start(count, place, runs, folder):
    """Fork one writer, whose numbers no other has."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        name = folder / f"{count}.acknowledged"
        acknowledged = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        write(place, runs, itertools.count(1_000_000 * (count + 1)), acknowledged)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def preload(place):
    """Import once what every writer needs."""
    names = ["bench.stores.folder", "bench.metrics", "lowering.artifact"]
    if place.startswith("postgresql"):
        names += ["bench.stores.postgres", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"]
    for name in names:
        importlib.import_module(name)


def main(place, runs, kills, seed, folder):
    preload(place)
    chance = random.Random(seed)
    counter = itertools.count()
    living = {start(next(counter), place, runs, folder) for _ in range(WRITERS)}
    for _ in range(kills):
        time.sleep(chance.uniform(0.01, 0.1))
        victim = chance.choice(sorted(living))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        living.remove(victim)
        living.add(start(next(counter), place, runs, folder))
    for process in living:
        _, status = os.waitpid(process, 0)
        assert status == 0, f"a writer failed: {status}"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
