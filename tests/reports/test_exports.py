"""Files for others' tools, read by those tools or checked against what they document."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import pytest

from bench.results import Outcome
from reports.formats import FORMATS

# pytorch/test-infra, clickhouse_db_schema/oss_ci_benchmark_v3/schema.sql: what we fill of it.
TEXTS = {str: str}  # Map(String, String)
SCHEMA_V3 = {
    "timestamp": int,
    "schema_version": str,
    "name": str,
    "head_sha": str,
    "runners": [
        {
            "name": str, "type": str, "cpu_info": str, "cpu_count": int, "mem_info": str,
            "avail_mem_in_gb": int, "gpu_info": str, "gpu_count": int, "gpu_mem_info": str,
            "avail_gpu_mem_in_gb": int, "extra_info": TEXTS,
        }
    ],
    "benchmark": {"name": str, "mode": str, "dtype": str, "extra_info": TEXTS},
    "model": {"name": str, "type": str, "backend": str, "origins": [str], "extra_info": TEXTS},
    "inputs": {str: {"dtype": str, "extra_info": TEXTS}},
    "dependencies": {
        str: {"repo": str, "branch": str, "sha": str, "version": str, "extra_info": TEXTS}
    },
    "metric": {
        "name": str, "benchmark_values": [float], "target_value": float, "extra_info": TEXTS
    },
}  # fmt: skip


def assert_fits(value, schema):
    """A value has the columns, and the types, that a table has."""
    if isinstance(schema, list):
        assert isinstance(value, list)
        for item in value:
            assert_fits(item, schema[0])
    elif isinstance(schema, dict) and str in schema:
        assert isinstance(value, dict)
        for key, item in value.items():
            assert type(key) is str
            assert_fits(item, schema[str])
    elif isinstance(schema, dict):
        assert set(value) == set(schema)
        for key, item in value.items():
            assert_fits(item, schema[key])
    elif schema is float:
        assert isinstance(value, int | float)
        assert abs(value) <= 3.4028235e38
    else:
        assert type(value) is schema


def huge(run):
    """The same run with numbers as large as they come."""
    rows = [
        replace(
            row,
            metrics={
                name: replace(m, median=1e308, low=1e308, high=1e308, samples=(1e308,) * 5)
                for name, m in row.metrics.items()
            },
        )
        for row in run.rows
    ]
    return replace(run, rows=tuple(rows))


def test_records_fit_the_schema_of_pytorch_s_database(run):
    records = json.loads(FORMATS["pytorch-v3"](run, None))
    for record in records:
        assert_fits(record, SCHEMA_V3)
    samples = sum(len(row.metrics) for row in run.rows)
    failures = [r for r in records if r["metric"]["name"] == "FAILURE_REPORT"]
    assert len(records) == samples + len(failures)
    assert len(failures) == sum(row.outcome is Outcome.RUN for row in run.rows) > 0
    values = {
        (r["benchmark"]["dtype"], *r["inputs"], r["metric"]["name"]): r["metric"][
            "benchmark_values"
        ]
        for r in records
    }
    row = run.rows[0]
    key = (row.case.scheme, row.case.utterance, "rtf")
    assert values[key] == list(row.metrics["rtf"].samples)


def test_what_32_bits_cannot_hold_is_left_out_of_the_database(run):
    names = {r["metric"]["name"] for r in json.loads(FORMATS["pytorch-v3"](huge(run), None))}
    assert names == {"FAILURE_REPORT"}


@pytest.mark.parametrize(
    ("name", "metric", "other"),
    [
        ("customSmallerIsBetter", "rtf", "token_agreement"),
        ("customBiggerIsBetter", "token_agreement", "rtf"),
    ],
)
def test_entries_are_what_github_action_benchmark_reads(run, name, metric, other):
    """`src/extract.ts`: an array of {name, value, unit, range, extra}; only `extra` may lack."""
    entries = json.loads(FORMATS[name](run, None))
    for entry in entries:
        assert set(entry) == {"name", "value", "unit", "range", "extra"}
        assert isinstance(entry["value"], int | float)
        assert all(isinstance(entry[key], str) for key in ("name", "unit", "range", "extra"))
    names = [entry["name"] for entry in entries]
    assert len(set(names)) == len(names)
    values = {entry["name"]: entry["value"] for entry in entries}
    row = run.rows[0]
    assert values[f"{metric} · {row.case}"] == row.metrics[metric].median
    assert f"{other} · {row.case}" not in values


def compare(folder, *options):
    """Run pytest-benchmark's own command on what lies in a folder."""
    command = ["-m", "pytest_benchmark", "--storage", folder.as_uri(), "compare", *options]
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def save(run, folder, number):
    """Write a run where pytest-benchmark looks for its own files."""
    path = folder / "Linux-CPython-3.11-64bit" / f"{number:04d}_run.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(FORMATS["pytest-benchmark"](run, None))
    return path


def slower(run, factor):
    rows = [
        replace(
            row,
            metrics={
                name: replace(
                    m, median=m.median * factor, samples=tuple(s * factor for s in m.samples)
                )
                for name, m in row.metrics.items()
            },
        )
        for row in run.rows
    ]
    return replace(run, rows=tuple(rows))


def test_pytest_benchmark_s_compare_works_on_our_files(run, tmp_path):
    path = save(run, tmp_path, 1)
    save(slower(run, 2), tmp_path, 2)
    columns = "--columns=median,mean,iqr,ops,outliers,rounds"
    said = compare(tmp_path, "--group-by=fullname", columns, "--sort=name", "--csv=out")
    name = "rtf[8da8w-xnnpack-plain-base] ("
    assert f"{name}0001_run)" in said
    lines = [line.split() for line in said.splitlines() if name in line]
    first, second = (float(line[2].replace(",", "")) for line in lines)
    assert second == pytest.approx(2 * first, rel=1e-3)
    assert [line[-1] for line in lines] == ["5", "5"]  # rounds: repeats
    (table,) = tmp_path.glob("out*.csv")
    assert "load_ms[fp32-xnnpack-plain-base]" in table.read_text()
    benchmarks = {b["name"]: b for b in json.loads(path.read_text())["benchmarks"]}
    row = next(row for row in run.rows if row.case.utterance == "plain")
    load = benchmarks[f"load_ms[{row.case.scheme}-xnnpack-plain-base]"]["stats"]
    assert load["median"] == pytest.approx(row.metrics["load_ms"].median / 1e3)


def test_the_statistics_are_pytest_benchmark_s_own(run):
    from pytest_benchmark.stats import Stats

    for benchmark in json.loads(FORMATS["pytest-benchmark"](run, None))["benchmarks"]:
        own = Stats()
        for second in benchmark["stats"]["data"]:
            own.update(second)
        said = own.as_dict()
        ours = benchmark["stats"]
        assert set(said) <= set(ours)
        for name in ("min", "max", "mean", "stddev", "median", "total", "rounds", "ops"):
            assert math.isclose(ours[name], said[name]), name


def test_huge_numbers_do_not_spoil_the_file(run):
    document = json.loads(FORMATS["pytest-benchmark"](huge(run), None), parse_constant=pytest.fail)
    assert document["benchmarks"] == []


def test_times_too_short_to_have_an_inverse_are_left_out(run):
    odd = replace(run.rows[0].metrics["rtf"], median=5e-324, samples=(5e-324, 5e-324))
    rows = (replace(run.rows[0], metrics={"load_ms": replace(odd, unit="ms"), "rtf": odd}),)
    document = json.loads(FORMATS["pytest-benchmark"](replace(run, rows=rows), None))
    assert document["benchmarks"] == []


def test_parquet_has_a_line_per_sample_and_says_of_which_run(run, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "samples.parquet"
    path.write_bytes(FORMATS["parquet"](run, None))
    query = "SELECT count(*), count(DISTINCT run), any_value(started_at) FROM read_parquet(?)"
    expected = sum(len(m.samples) for row in run.rows for m in row.metrics.values())
    found = duckdb.execute(query, [str(path)]).fetchone()
    assert found == (expected, 1, run.header.started_at)
    median = (
        "SELECT median(value) FROM read_parquet(?) WHERE metric = 'rtf'"
        " AND scheme = '8da8w' AND utterance = 'plain'"
    )
    row = next(r for r in run.rows if (r.case.scheme, r.case.utterance) == ("8da8w", "plain"))
    assert duckdb.execute(median, [str(path)]).fetchone() == (row.metrics["rtf"].median,)
