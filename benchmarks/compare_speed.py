"""What comparing two large runs costs: `python benchmarks/compare_speed.py --rows 10000`.

Makes two runs of so many cases, with every metric of the registry, the profile and the methods'
facts that real runs have, then compares them with `bench compare` in a fresh process, and prints
its wall time and peak memory.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from bench.metrics import METRICS
from bench.results import Case, Header, Measurement, Outcome, Row, Run, save_run
from devices.base import DeviceInfo, Schedule

MEASURED = """
import resource, sys
from bench.cli import bench
bench(standalone_mode=False)
own = resource.getrusage(resource.RUSAGE_SELF)
cpu_s = own.ru_utime + own.ru_stime
print(f"{cpu_s:.1f} s of processor, {own.ru_maxrss >> 10} MiB", file=sys.stderr)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--slower", type=float, default=1.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        paths = []
        for side, slower in (("0001_base", 1.0), ("0002_candidate", arguments.slower)):
            path = Path(name) / f"{side}.json"
            # In a process of its own: what this one held would count as its children's memory.
            making = get_context("spawn").Process(
                target=keep, args=(path, arguments.rows, arguments.repeats, slower)
            )
            making.start()
            making.join()
            paths.append(str(path))
            print(f"{side}: {path.stat().st_size / 1e6:.0f} MB")
        command = [sys.executable, "-c", MEASURED, "compare", *paths]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wall_s = time.perf_counter() - start
    print(done.stdout.splitlines()[0] if done.stdout else done.stderr)
    print(f"bench compare, {arguments.rows} rows: {wall_s:.1f} s, {done.stderr.splitlines()[-1]}")


if __name__ == "__main__":
    main()
