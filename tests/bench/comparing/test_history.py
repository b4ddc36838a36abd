"""A history takes steps where its runs did, drifts where they did, and is quiet otherwise."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from bench.cli import bench
from bench.comparing.changes import find_changes
from bench.results import Case, Header, Measurement, Outcome, Row, Run
from bench.stores.store import open_store
from devices.base import DeviceInfo
from devices.schedule import Schedule

NOISE = 0.02


def steady(count, seed):
    return np.exp(np.random.default_rng(seed).normal(0, NOISE, count))


def step_at(count, place, size, seed):
    return steady(count, seed) * np.where(np.arange(count) >= place, 1 + size, 1.0)


def places(medians):
    return [step.place for step in find_changes(medians)[0]]


def test_a_steady_series_has_no_step():
    """Hardly one in a hundred series of 20 points, and fewer the longer they are."""
    false = {n: sum(bool(places(steady(n, seed))) for seed in range(100)) for n in (20, 50, 200)}
    assert false[20] <= 3
    assert false[50] <= 1
    assert false[200] <= 1


@pytest.mark.parametrize("heavy", [3, 5])
def test_heavy_tails_are_no_steps(heavy):
    rng = np.random.default_rng(heavy)
    found = [places(np.exp(NOISE * rng.standard_t(heavy, 100))) for _ in range(100)]
    assert sum(map(bool, found)) <= 4


@pytest.mark.parametrize("size", [0.1, -0.1])
def test_a_step_of_five_times_the_noise_is_found_where_it_is(size):
    found = [places(step_at(60, 30, size, seed)) for seed in range(50)]
    exact = [one for one in found if len(one) == 1 and abs(one[0] - 30) <= 1]
    assert len(exact) >= 48


def test_a_step_three_runs_ago_is_found():
    found = [places(step_at(60, 57, 0.12, seed)) for seed in range(50)]
    assert sum(bool(one) and abs(one[-1] - 57) <= 1 for one in found) >= 47


def test_one_run_alone_is_no_step():
    """An alarm takes two runs in a row."""
    for seed in range(50):
        medians = steady(40, seed)
        medians[20] *= 1.5
        assert places(medians) == []


def test_levels_are_those_before_and_after():
    (step,), drift = find_changes(step_at(80, 40, 0.2, 1) * 7)
    assert step.before == pytest.approx(7, rel=0.02)
    assert step.after == pytest.approx(8.4, rel=0.02)
    assert drift is None


def test_two_steps_are_two():
    medians = steady(90, 1) * np.repeat([1.0, 1.2, 1.05], 30)
    assert [abs(place - at) <= 1 for place, at in zip(places(medians), (30, 60), strict=True)]


def test_a_slope_drifts_and_is_no_staircase():
    for seed in range(20):
        medians = steady(60, seed) * np.linspace(1, 1.3, 60)
        steps, drift = find_changes(medians)
        assert steps == []
        assert drift is not None
        assert drift.after / drift.before == pytest.approx(1.3, rel=0.05)


def test_a_steady_series_does_not_drift():
    drifts = [find_changes(steady(50, seed))[1] for seed in range(100)]
    assert sum(drift is not None for drift in drifts) <= 1


@pytest.mark.parametrize("level", [4096.0, 0.0, -3.0, 1e300, 1e-300])
def test_exact_numbers_have_a_step_where_they_change_and_none_where_they_do_not(level):
    medians = np.full(30, level)
    assert find_changes(medians) == ([], None)
    medians[20:] = level + max(abs(level), 1) * 0.05
    assert places(medians) == [20]


@pytest.mark.parametrize("count", range(8))
def test_a_few_runs_say_nothing(count):
    assert find_changes(np.linspace(1, 9, count)) == ([], None)


def test_only_the_newest_of_very_many_are_searched():
    medians = np.ones(7000)
    medians[1000:] = 2
    medians[6000:] = 3
    assert places(medians) == [6000]


DEVICE = DeviceInfo("host", "host", "a machine", "an os", "x86_64", "a chip", 2, 1 << 34)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Forty runs; one scheme became slower in the thirtieth, together with the system."""
    folder = tmp_path_factory.mktemp("results")
    store = open_store(folder)
    cases = tuple(Case(scheme, "xnnpack", "short", "tiny") for scheme in ("fp32", "8da8w"))
    for number in range(1, 41):
        late = number >= 30
        device = replace(DEVICE, fingerprint="new" if late else "old")
        header = Header(
            run="", started_at=f"2026-{number // 20 + 1:02d}-{number % 20 + 1:02d}T09:00:00+00:00",
            commit=f"{number:07x}", device=device, schedule=Schedule(), versions={}, model={},
            trained=False, passes=(16,), utterances={}, cases=cases,
        )  # fmt: skip
        slow = 1.1 if late else 1.0
        values = {"fp32": 0.5, "8da8w": 0.3 * slow}
        rows = tuple(
            Row(
                case,
                Outcome.OK,
                metrics={
                    "rtf": measurement(values[case.scheme] * steady(1, number)[0], "ratio"),
                    "pte_bytes": measurement(4096.0, "bytes"),
                },
            )
            for case in cases
        )
        journal = store.begin(header, "")
        store.finish(journal, Run(replace(header, run=journal.run), rows))
        journal.close()
    return folder


def measurement(value, unit, repeats=5):
    return Measurement(float(value), float(value), float(value), unit, (float(value),) * repeats)


def invoke(results, *arguments):
    return CliRunner().invoke(
        bench, ["--results", str(results), "history", *arguments], env={"COLUMNS": "160"}
    )


def kept(folder, repeats, metric="rtf"):
    """Keep a run per number of repeats; from the eleventh on the metric is half as large again."""
    store, case = open_store(folder), Case("fp32", "xnnpack", "short", "tiny")
    for number, count in enumerate(repeats):
        header = Header(
            run="", started_at=f"2026-01-{number + 1:02d}T09:00:00+00:00", commit=f"{number:07x}",
            device=DEVICE, schedule=Schedule(), versions={}, model={}, trained=False,
            passes=(16,), utterances={}, cases=(case,),
        )  # fmt: skip
        value = (1.5 if number >= 10 else 1.0) * steady(1, number)[0]
        row = Row(case, Outcome.OK, metrics={metric: measurement(value, "ratio", count)})
        journal = store.begin(header, "")
        store.finish(journal, Run(replace(header, run=journal.run), (row,)))
        journal.close()
    return folder


def test_runs_of_fewer_than_five_repeats_are_shown_and_take_no_step(tmp_path):
    folder = kept(tmp_path, [20] * 10 + [2] * 4)
    (series,) = json.loads(invoke(folder, "--json").stdout)["series"]
    assert series["steps"] == []
    assert series["points"]["judged"] == [True] * 10 + [False] * 4
    assert "4 not judged: under 5 repeats" in invoke(folder).stdout


def test_a_step_lies_between_the_runs_that_were_judged(tmp_path):
    folder = kept(tmp_path, [20] * 9 + [1, 1] + [20] * 3)
    (series,) = json.loads(invoke(folder, "--json").stdout)["series"]
    assert [step["place"] for step in series["steps"]] == [11]
    assert f"between {8:07x} and {11:07x}" in invoke(folder).stdout


def test_what_is_measured_once_per_run_is_judged_over_runs(tmp_path):
    folder = kept(tmp_path, [1] * 14, metric="compile_s")
    (series,) = json.loads(invoke(folder, "--json", "--metric", "compile_s").stdout)["series"]
    assert [step["place"] for step in series["steps"]] == [10]


def test_a_metric_that_is_no_longer_known_is_still_shown(tmp_path):
    folder = kept(tmp_path, [5] * 14, metric="gone_ms")
    (series,) = json.loads(invoke(folder, "--json", "--metric", "all").stdout)["series"]
    assert [step["verdict"] for step in series["steps"]] == ["changed"]


def test_history_names_what_changed_when_and_between_which_commits(results):
    said = invoke(results).stdout
    (change,) = [line for line in said.splitlines() if line.startswith("worse")]
    for words in ("rtf", f"{29:07x} and {30:07x}", "8da8w x xnnpack", "0.300 to 0.33", "+10"):
        assert words in change
    assert "the system changed too: old to new" in change
    assert "fp32" not in change


def test_history_as_json_has_every_point_and_step(results):
    document = json.loads(invoke(results, "--json", "--metric", "all").stdout)
    assert len(document["runs"]) == 40
    assert {(one["scheme"], one["metric"]) for one in document["series"]} == {
        (scheme, metric) for scheme in ("fp32", "8da8w") for metric in ("rtf", "pte_bytes")
    }
    for one in document["series"]:
        assert len(one["points"]["median"]) == len(one["points"]["run_id"]) == 40
        worse = (one["scheme"], one["metric"]) == ("8da8w", "rtf")
        assert [step["verdict"] for step in one["steps"]] == (["worse"] if worse else [])


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("--case", "8da8w"), 1),
        (("--case", "*short"), 2),
        (("--case", "8da8w", "--case", "fp32"), 2),
        (("--metric", "pte_bytes"), 2),
        (("--metric", "rtf", "--metric", "pte_bytes"), 4),
        (("--device", "host"), 2),
    ],
)
def test_history_shows_what_is_asked_for(results, arguments, lines):
    document = json.loads(invoke(results, "--json", *arguments).stdout)
    assert len(document["series"]) == lines


def test_history_lists_the_newest_runs_of_a_series(results):
    said = invoke(results, "--case", "fp32", "--last", "3").stdout
    assert [number in said for number in (f"{37:04d}_", f"{38:04d}_", f"{40:04d}_")] == [
        False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--metric", "rft"), 2, "Did you mean 'rtf'?"),
        (("--case", "nothing"), 2, "no case fits 'nothing'; there are: "),
        (("--device", "pixel8"), 2, "no run of the device 'pixel8'; there are runs of: "),
        (("--metric", "htp_ms"), 2, "unknown metric"),
    ],
)
def test_history_of_nothing_is_said_in_one_line(results, arguments, code, words):
    result = invoke(results, *arguments)
    assert result.exit_code == code
    (line,) = result.stderr.splitlines()
    assert words in line


def test_what_failed_last_is_told(results, tmp_path):
    store = open_store(tmp_path)
    found = open_store(results).find("latest").run
    failed = Row(found.rows[0].case, Outcome.RUN, "it crashed")
    journal = store.begin(found.header, "")
    run = replace(found, header=replace(found.header, run=journal.run))
    store.finish(journal, replace(run, rows=(failed, *found.rows[1:])))
    journal.close()
    assert "fp32 x xnnpack · short: run failed: it crashed" in invoke(tmp_path).stdout


@pytest.mark.parametrize(
    ("package", "place", "extra"),
    [
        ("duckdb", "", "[store]"),
        ("sqlalchemy", "postgresql://host/db", "[postgres]"),
        ("psycopg", "postgresql://host/db", "[postgres]"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra(
    results, monkeypatch, package, place, extra
):
    monkeypatch.setitem(sys.modules, package, None)
    result = invoke(place or results)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert extra in line
