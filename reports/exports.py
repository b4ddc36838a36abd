"""Runs in the formats of others' tools, so that what reads those reads ours.

Upstream, each at the place that says what it takes:

- PyTorch's benchmark database, schema version 3:
  pytorch/test-infra `clickhouse_db_schema/oss_ci_benchmark_v3/schema.sql`
- github-action-benchmark: benchmark-action/github-action-benchmark `src/extract.ts`
- pytest-benchmark: ionelmc/pytest-benchmark `src/pytest_benchmark/stats.py`
"""

import statistics
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from bench.metrics import METRICS, Better
from bench.results import Case, Header, Measurement, Outcome, Run
from model.errors import ConfigError

Record = dict[str, Any]

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
LARGEST_SQUARE = 1e150  # beyond it, variances overflow
SMALLEST = 1e-150  # below it, they vanish, and calls per second overflow
# What one of a unit is in seconds: pytest-benchmark knows no other unit. A real-time factor is
# seconds per second of speech.
SECONDS: Mapping[str, float] = MappingProxyType({"s": 1, "ms": 1e-3, "ratio": 1})


def measured(run: Run) -> Iterator[tuple[Case, str, Measurement]]:
    """List every metric of every case that was measured."""
    for row in run.rows:
        for name, measurement in row.metrics.items():
            yield row.case, name, measurement


def pytorch_records(run: Run) -> list[Record]:
    """Write a record per case and metric, with all samples; a failure is a record too.

    Values that its 32-bit floats cannot hold are left out.
    """
    records = [
        pytorch_record(run.header, case, name, measurement.samples, measurement.unit)
        for case, name, measurement in measured(run)
        if max(map(abs, measurement.samples)) <= LARGEST_FLOAT32
    ]
    for row in run.rows:
        if row.outcome not in (Outcome.OK, Outcome.SKIPPED):
            failure = pytorch_record(run.header, row.case, "FAILURE_REPORT", (1.0,), "")
            failure["metric"]["extra_info"] = {
                "failure_type": "DEVICE_JOB",
                "outcome": str(row.outcome),
                "reason": row.reason,
            }
            records.append(failure)
    return records


def pytorch_record(
    header: Header, case: Case, metric: str, samples: tuple[float, ...], unit: str
) -> Record:
    """Arrange one record as the columns of the table are."""
    device = header.measured_on(case)
    said = header.utterances.get(case.utterance, {})
    return {
        "timestamp": int(datetime.fromisoformat(header.started_at).timestamp()),
        "schema_version": "v3",
        "name": "mobilespeech-bench",
        "head_sha": header.commit.rstrip("+"),
        "runners": [
            {
                "name": device.model,
                "type": device.os,
                "cpu_info": device.abi,
                "cpu_count": device.cores,
                "mem_info": "",
                "avail_mem_in_gb": device.memory_bytes // 2**30,
                "gpu_info": "",
                "gpu_count": 0,
                "gpu_mem_info": "",
                "avail_gpu_mem_in_gb": 0,
                "extra_info": {"soc": device.soc, "emulated": str(device.emulated).lower()},
            }
        ],
        "benchmark": {
            "name": "mobilespeech-bench",
            "mode": "inference",
            "dtype": case.scheme,
            "extra_info": {"run": header.run, "threads": str(header.schedule.threads)},
        },
        "model": {
            "name": f"mobilespeech-{case.model}",
            "type": "OSS model",
            "backend": case.backend,
            "origins": [],
            "extra_info": {"trained": str(header.trained).lower(), **header.model},
        },
        "inputs": {case.utterance: {"dtype": "text", "extra_info": dict(said)}},
        "dependencies": {
            name: {"repo": "", "branch": "", "sha": "", "version": version, "extra_info": {}}
            for name, version in header.versions.items()
        },
        "metric": {
            "name": metric,
            "benchmark_values": list(samples),
            "target_value": 0.0,
            "extra_info": {"unit": unit},
        },
    }


def action_entries(run: Run, better: Better) -> list[Record]:
    """Write an entry per case and metric for github-action-benchmark.

    Args:
        run: The run.
        better: One file holds what is better "lower" or "higher"; the tool takes one of them.
    """
    return [
        {
            "name": f"{name} · {case}",
            "value": measurement.median,
            "unit": measurement.unit,
            "range": f"{measurement.low:.6g} to {measurement.high:.6g}",
            "extra": f"{len(measurement.samples)} samples on {run.header.device.model},"
            f" run {run.header.run}",
        }
        for case, name, measurement in measured(run)
        if name in METRICS and METRICS[name].better == better
    ]


def pytest_document(run: Run) -> Record:
    """Write what `pytest --benchmark-save` would: a benchmark per case, a round per repeat.

    Only times and real-time factors are taken, in seconds and seconds per second of speech.
    """
    header = run.header
    benchmarks = [
        pytest_benchmark(header, case, name, measurement)
        for case, name, measurement in measured(run)
        if measurement.unit in SECONDS
        and min(measurement.samples) > SMALLEST
        and max(measurement.samples) < LARGEST_SQUARE
    ]
    device = header.device
    return {
        "machine_info": {
            "node": device.name,
            "processor": device.soc,
            "machine": device.abi,
            "system": device.os,
            "release": device.fingerprint,
            "cpu": {"brand_raw": device.soc, "count": device.cores},
        },
        "commit_info": {
            "id": header.commit.rstrip("+"),
            "time": header.started_at,
            "dirty": header.commit.endswith("+"),
            "project": "mobilespeech-bench",
            "branch": "",
        },
        "benchmarks": benchmarks,
        "datetime": header.started_at,
        "version": "5.1.0",  # of pytest-benchmark, whose format this is
    }


def pytest_benchmark(header: Header, case: Case, metric: str, measurement: Measurement) -> Record:
    """Arrange one benchmark with its statistics."""
    param = "-".join(part for part in vars(case).values() if part)
    name = f"{metric}[{param}]"
    seconds = [sample * SECONDS[measurement.unit] for sample in measurement.samples]
    return {
        "group": metric,
        "name": name,
        "fullname": f"{header.device.name}::{name}",
        "params": vars(case),
        "param": param,
        "extra_info": {"run": header.run, "unit": measurement.unit},
        "options": {
            "disable_gc": False,
            "timer": "device",
            "min_rounds": header.schedule.repeats,
            "max_time": 0.0,
            "min_time": 0.0,
            "warmup": header.schedule.warmup > 0,
        },
        "stats": pytest_statistics(seconds, header.schedule.iterations),
    }


def pytest_statistics(seconds: list[float], iterations: int) -> Record:
    """Take the statistics that pytest-benchmark keeps."""
    low, middle, high = np.quantile(seconds, (0.25, 0.5, 0.75)).tolist()
    mean = statistics.fmean(seconds)
    deviation = statistics.stdev(seconds) if len(seconds) > 1 else 0.0
    fence = 1.5 * (high - low)
    inside = [second for second in seconds if low - fence <= second <= high + fence]
    strays = sum(abs(second - mean) > deviation for second in seconds)
    return {
        "min": min(seconds),
        "max": max(seconds),
        "mean": mean,
        "stddev": deviation,
        "rounds": len(seconds),
        "median": middle,
        "iqr": high - low,
        "q1": low,
        "q3": high,
        "iqr_outliers": len(seconds) - len(inside),
        "stddev_outliers": strays,
        "outliers": f"{strays};{len(seconds) - len(inside)}",
        "ld15iqr": min(inside),
        "hd15iqr": max(inside),
        "ops": 1 / mean,
        "total": sum(seconds),
        "data": seconds,
        "iterations": iterations,
    }


def parquet(run: Run) -> bytes:
    """Write one sample per line, each with its run, device and commit, so that files can be joined.

    Raises:
        ConfigError: DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise ConfigError(
            "Parquet files need DuckDB: pip install 'mobilespeech-bench[store]'"
        ) from None
    from reports.frames import samples_frame

    header = run.header
    frame = samples_frame(run)
    facts = {
        "run": header.run,
        "started_at": header.started_at,
        "commit": header.commit,
        "host": header.device.name,
    }
    for place, (name, value) in enumerate(facts.items()):
        frame.insert(place, name, value)
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "samples.parquet"
        connection.register("samples", frame)
        connection.execute(f"COPY samples TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        return path.read_bytes()
