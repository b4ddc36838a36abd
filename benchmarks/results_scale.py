"""How reading, comparing and drawing grow with the rows of a run, and histories with its samples.

Run: `python benchmarks/results_scale.py [--largest 100000] [--samples 1000000]`. Run files and a
folder of runs are made up in a temporary folder; every step is then measured in a fresh process:
processor seconds, and the largest memory, both with all imports.
"""

import argparse
import itertools
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from goals import table

from bench.metrics import METRICS
from bench.results import Case, Header, Measurement, Outcome, Row, Run, save_run
from devices.base import DeviceInfo
from devices.schedule import Schedule

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 5
SCHEMES = ("fp32", "8da8w", "8da4w", "int8-static")
OPERATORS = tuple(
    {"method": "smd", "name": f"operator {n}", "delegate": "", "calls": 9, "total_ms": 1.0 + n}
    for n in range(12)
)
# What is timed of a step. RUN, OTHER and FOLDER are set before.
STEPS = {
    "load": "from bench.results import load_run\nload_run(RUN)",
    "rows as a frame": "from bench.results import load_run\nfrom reports.frames import rows_frame\n"
    "rows_frame(load_run(RUN))",
    "samples as a frame": "from bench.results import load_run\n"
    "from reports.frames import samples_frame\nsamples_frame(load_run(RUN))",
    "compare two": "from bench.comparing.compare import compare\n"
    "from bench.results import load_run\nfrom bench.comparing.terms import Terms\n"
    "compare(load_run(RUN), load_run(OTHER), Terms())",
}
HISTORY = (
    "from bench.comparing.history import Wanted, read_history\n"
    "from bench.stores.store import open_store\n"
    "with open_store(FOLDER).archive() as archive:\n"
    "    read_history(archive, Wanted(metrics=METRICS))"
)
WRAPPED = """
import json, resource, sys, time
from pathlib import Path
RUN, OTHER, FOLDER = map(Path, sys.argv[1:4])
METRICS = tuple(sys.argv[4:])
exec(sys.stdin.read())
usage = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss, which begins with what the parent had.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
print(json.dumps([usage.ru_utime + usage.ru_stime, int(peak.split()[1]) * 1024]))
"""


def header(cases: tuple[Case, ...]) -> Header:
    device = DeviceInfo("host", "host", "a machine", "an os", "x86_64", "a chip", 2, 1 << 34)
    return Header(
        run="0001_0000001", started_at="2026-02-11T09:14:03+00:00", commit="0000001",
        device=device, schedule=Schedule(repeats=REPEATS), versions={"torch": "2.13.0"},
        model={"name": "base"}, trained=False, passes=(16,), cases=cases,
        utterances={case.utterance: {"text": case.utterance, "prompt": "a"} for case in cases},
    )  # fmt: skip


def made_up(count: int, rng: np.random.Generator, level: float = 1.0) -> Run:
    """A run of so many rows with every metric that a run has without scoring its speech."""
    cases = tuple(
        Case(scheme, "xnnpack", f"u{number}", "base")
        for number in range(math.ceil(count / len(SCHEMES)))
        for scheme in SCHEMES
    )[:count]
    names = [(name, metric) for name, metric in METRICS.items() if metric.judge is None]
    plain = [(name, metric) for name, metric in names if metric.weigh is None]
    values = level * rng.lognormal(0, 0.02, (count, len(plain), REPEATS))
    rows = []
    for case, row in zip(cases, values.tolist(), strict=True):
        measured = {
            name: measurement(samples if metric.timed else samples[:1], metric.unit)
            for (name, metric), samples in zip(plain, row, strict=True)
        }
        rows.append(Row(case, Outcome.OK, metrics=measured, operators=OPERATORS))
    return Run(header(cases), tuple(rows))


def measurement(samples: list[float], unit: str) -> Measurement:
    middle = sorted(samples)[len(samples) // 2]
    return Measurement(middle, min(samples), max(samples), unit, tuple(samples))


def measure(step: str, *paths: Path, metrics: tuple[str, ...] = ()) -> tuple[float, float]:
    """Run a step in a fresh process; returns processor seconds and the largest memory in bytes."""
    command = [sys.executable, "-c", WRAPPED, *map(str, paths), *metrics]
    done = subprocess.run(command, input=step, capture_output=True, text=True, check=True, cwd=ROOT)
    cpu_s, memory_bytes = json.loads(done.stdout.splitlines()[-1])
    return cpu_s, memory_bytes


def growth(folder: Path, largest: int) -> Iterator[Mapping[str, Any]]:
    """Measure every step for 1 row, 10 rows and so on."""
    rng = np.random.default_rng(1)
    for power in itertools.count():
        count = 10**power
        if count > largest:
            return
        paths = folder / "base.json", folder / "other.json"
        for path in paths:
            save_run(path, made_up(count, rng))
        cells: dict[str, Any] = {"rows": count, "file (MB)": paths[0].stat().st_size / 1e6}
        for name, step in STEPS.items():
            cpu_s, memory_bytes = measure(step, *paths, folder)
            cells |= {f"{name} (s)": cpu_s, f"{name} (MB)": memory_bytes / 1e6}
        yield cells


def histories(folder: Path, samples: int) -> Iterator[Mapping[str, Any]]:
    """Measure a history of so many samples: with no index yet, with one, and of all metrics."""
    rng = np.random.default_rng(2)
    (folder / "host").mkdir()
    start, made, count = datetime(2026, 1, 1, tzinfo=UTC), 0, 0
    while made < samples:
        count += 1
        run = made_up(12, rng, level=1.1 if made > samples / 2 else 1.0)
        name = f"{count:04d}_{count:07x}"
        started_at = (start + timedelta(hours=count)).isoformat()
        conditions = replace(run.header, run=name, commit=f"{count:07x}", started_at=started_at)
        save_run(folder / "host" / f"{name}.json", replace(run, header=conditions))
        made += sum(len(m.samples) for row in run.rows for m in row.metrics.values())
    questions = {
        "RTF, first question: every file is read": ("rtf",),
        "RTF, any later one": ("rtf",),
        "all metrics": (),
    }
    for question, metrics in questions.items():
        cpu_s, memory_bytes = measure(HISTORY, folder, folder, folder, metrics=metrics)
        yield {
            f"history of {made:,} samples in {count:,} runs": question,
            "s": cpu_s,
            "MB": memory_bytes / 1e6,
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=100_000)
    parser.add_argument("--samples", type=int, default=1_000_000)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(table(list(growth(Path(name), flags.largest))), flush=True)
    print()
    with tempfile.TemporaryDirectory() as name:
        print(table(list(histories(Path(name), flags.samples))))
