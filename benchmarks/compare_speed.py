"""What comparing two large runs costs: `python benchmarks/compare_speed.py --rows 10000`.

Makes two runs of so many cases, with every metric of the registry, the profile and the methods'
facts that real runs have, then compares them with `bench compare` in a fresh process, and prints
its wall time and peak memory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from bench.metrics import METRICS
from bench.results import Case, Header, Measurement, Outcome, Row, Run, save_run
from devices.base import DeviceInfo
from devices.schedule import Schedule

MEASURED = """
import json, resource, sys
from pathlib import Path
from bench.cli import bench
bench(standalone_mode=False)
own = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss, which begins with what the parent had.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
print(json.dumps([own.ru_utime + own.ru_stime, int(peak.split()[1]) * 1024]), file=sys.stderr)
"""
METHODS = ("prompt_encoder", "text_encoder", "duration_predictor", "smd", "codec_decoder")


def made_up_run(rows: int, repeats: int, slower: float, name: str) -> Run:
    rng = np.random.default_rng(len(name))
    device = DeviceInfo("lab", "host", "a machine", "an os", "x86_64", "a chip", 8, 1 << 34)
    cases = tuple(Case("fp32", "xnnpack", f"utterance-{n}", "base") for n in range(rows))
    facts = {
        "delegates": 1, "delegated_nodes": 30, "other_operators": {"embedding": 1},
        "delegated_macs_share": 1.0, "planned_bytes": 1000, "quantized_params": 0,
        "total_params": 1_000_000, "quantized_macs": 0, "total_macs": 1_000_000_000,
        "calibration_samples": 0, "snr_db": 40.0, "max_abs_error": 1e-3,
    }  # fmt: skip
    operator = {"method": "smd", "delegate": "XnnpackBackend", "calls": 15, "total_ms": 10.0}
    operators = tuple({**operator, "name": f"Fully Connected #{n}"} for n in range(40))
    found = []
    for case in cases:
        metrics = {}
        for metric, entry in METRICS.items():
            level = 0.9 if entry.absolute else 100.0
            spread = np.zeros(repeats) if entry.exact else 0.01 * rng.standard_normal(repeats)
            factor = slower if metric in ("rtf", "smd_ms") else 1.0
            samples = level * factor * np.exp(spread)
            values = tuple(samples.tolist())
            metrics[metric] = Measurement(
                float(np.median(samples)), min(values), max(values), entry.unit, values
            )
        found.append(
            Row(case, Outcome.OK, metrics=metrics, operators=operators,
                methods=dict.fromkeys(METHODS, facts), warnings=("UNTRAINED",))
        )  # fmt: skip
    header = Header(
        run=name, started_at="2026-01-01T00:00:00+00:00", commit="", device=device,
        schedule=Schedule(repeats), versions={}, model={}, trained=False, passes=(8,),
        utterances={}, cases=cases,
    )  # fmt: skip
    return Run(replace(header), tuple(found))


def keep(path: Path, rows: int, repeats: int, slower: float) -> None:
    save_run(path, made_up_run(rows, repeats, slower, path.stem))


@dataclass(frozen=True)
class Cost:
    """What a command cost in a process of its own: seconds, and its largest memory."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    said: str


def cost_of(*arguments: str) -> Cost:
    """Run `bench` with arguments in a fresh process."""
    command = [sys.executable, "-c", MEASURED, *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    wall_s = time.perf_counter() - start
    cpu_s, peak_bytes = json.loads(done.stderr.splitlines()[-1])
    return Cost(wall_s, cpu_s, peak_bytes, done.stdout)


def make_runs(folder: Path, rows: int, repeats: int, slower: float) -> list[Path]:
    """Make the files of two runs, in processes of their own, so that no memory stays here."""
    paths = [folder / "0001_base.json", folder / "0002_candidate.json"]
    for path, factor in zip(paths, (1.0, slower), strict=True):
        arguments = (path, rows, repeats, factor)
        making = get_context("spawn").Process(target=keep, args=arguments)
        making.start()
        making.join()
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--slower", type=float, default=1.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        paths = make_runs(Path(name), given.rows, given.repeats, given.slower)
        print(f"two files of {paths[0].stat().st_size / 1e6:.0f} MB")
        cost = cost_of("compare", *map(str, paths))
    print(cost.said.splitlines()[0])
    print(
        f"bench compare, {given.rows} rows: {cost.wall_s:.1f} s, {cost.cpu_s:.1f} s of processor,"
        f" {cost.peak_bytes / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    main()
