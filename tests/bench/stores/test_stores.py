"""A folder and a database keep the same runs, and answer the same questions alike."""

import contextlib
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import postgres_server
import pytest
from click.testing import CliRunner

from bench import pipeline
from bench.cli import bench
from bench.results import Case, Header, Measurement, Outcome, Row, Run
from bench.stores.folder import FolderStore
from bench.stores.store import find_kept, open_store
from devices.base import DeviceInfo
from devices.schedule import Schedule
from model.errors import ConfigError, DeviceUnavailableError, ResultError

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def server():
    with postgres_server.server() as url:
        yield url


@pytest.fixture(params=["folder", "postgres"])
def place(request, tmp_path, monkeypatch):
    """Where a store is: an empty folder, or an empty database."""
    monkeypatch.chdir(tmp_path)
    if request.param == "folder":
        return str(tmp_path / "results")
    return postgres_server.empty_database(request.getfixturevalue("server"))


@pytest.fixture
def store(place):
    return open_store(place)


def run_of(number, **rtf):
    """A run in which every scheme has one number."""
    device = DeviceInfo("host", "host", "a machine", "an os", "x86_64", "a chip", 2, 1 << 34)
    cases = tuple(Case(scheme, "xnnpack", "short", "tiny") for scheme in rtf)
    header = Header(
        run="", started_at=f"2026-02-{number:02d}T09:14:03+00:00", commit=f"{number:07x}",
        device=device, schedule=Schedule(), versions={}, model={}, trained=False, passes=(16,),
        utterances={"short": {"text": "Good morning.", "prompt": "anna"}}, cases=cases,
    )  # fmt: skip
    rows = (
        Row(case, Outcome.OK, metrics={"rtf": Measurement(value, value, value, "ratio", (value,))})
        for case, value in zip(cases, rtf.values(), strict=True)
    )
    return Run(header, tuple(rows))


def keep(store, run):
    journal = store.begin(run.header, "")
    named = replace(run, header=replace(run.header, run=journal.run))
    store.finish(journal, named)
    journal.close()
    return named


def test_a_run_comes_back_as_it_was(store, place, plan, device):
    finished = pipeline.run(plan, device, place, lambda step: None)
    assert store.find("latest").run == finished
    assert (store.find("latest").folder / finished.rows[0].audio).is_file()


def test_runs_are_numbered_and_found_by_number_name_and_device(store):
    first, second = (keep(store, run_of(day, fp32=1.0)) for day in (1, 2))
    assert (first.header.run, second.header.run) == ("0001_0000001", "0002_0000002")
    for name in ("0001", "0001_0000001", "host/0001"):
        assert store.find(name).run == first
    assert store.find("latest").run == second
    assert list(store.names()) == [("host/0001_0000001", True), ("host/0002_0000002", True)]


def test_runs_are_in_the_order_of_their_starts_whatever_the_time_of_their_files(store, tmp_path):
    for day in (3, 1, 2):
        keep(store, run_of(day, fp32=1.0))
    for path in tmp_path.glob("results/host/0002*.json"):  # as a copy might leave it
        os.utime(path, (2**31, 2**31))
    assert store.find("latest").run.header.commit == "0000003"
    assert [name[-1] for name, _ in store.names()] == ["1", "2", "3"]


def made_by(command, day, **changes):
    run = run_of(day, fp32=1.0)
    return replace(run, header=replace(run.header, made_by=command, **changes))


@pytest.mark.parametrize("command", ["ab", "calibrate", "search"])
def test_the_latest_run_and_a_history_are_those_of_bench_run(store, place, command):
    own = keep(store, run_of(1, fp32=1.0))
    other = keep(store, made_by(command, 2))
    assert store.find("latest").run == own
    assert store.find(other.header.run).run == other
    counted = {
        flags: json.loads(
            CliRunner().invoke(bench, ["--results", place, "history", "--json", *flags]).stdout
        )
        for flags in ((), ("--all",))
    }
    assert [len(one["runs"]) for one in counted.values()] == [1, 2]
    assert [len(one["series"][0]["points"]["median"]) for one in counted.values()] == [1, 2]


def test_where_only_other_commands_made_runs_none_is_the_latest(store, place):
    keep(store, made_by("ab", 1))
    with pytest.raises(ConfigError, match="called by name"):
        store.find("latest")
    result = CliRunner().invoke(bench, ["--results", place, "history"])
    assert (result.exit_code, "--all" in result.stderr) == (2, True)


def test_a_run_of_bench_ab_from_before_runs_said_so_is_known_by_its_session(store):
    own = keep(store, run_of(1, fp32=1.0))
    keep(store, made_by("", 2, session="s"))
    assert store.find("0002").run.header.made_by == "ab"
    if isinstance(store, FolderStore):
        assert store.find("latest").run == own


def test_what_is_not_there_is_said(store):
    with pytest.raises(ConfigError, match="no run '0042'"):
        store.find("0042")


def test_a_number_of_several_devices_is_ambiguous(store):
    run = run_of(1, fp32=1.0)
    keep(store, run)
    phone = replace(run.header.device, name="pixel8")
    keep(store, replace(run, header=replace(run.header, device=phone)))
    with pytest.raises(ConfigError, match="host/0001_0000001, pixel8/0001_0000001"):
        store.find("0001")
    assert store.find("pixel8/0001").run.header.device == phone


def test_a_file_is_found_by_its_path_whatever_the_store(store, place, tmp_path):
    run = keep(open_store(tmp_path / "other"), run_of(1, fp32=1.0))
    path = tmp_path / "other" / "host" / f"{run.header.run}.json"
    assert find_kept(str(path), place).run == run


def test_a_run_that_was_cut_short_is_listed_and_goes_on(store, place, plan, device):
    device.gone_after = 5
    with pytest.raises(DeviceUnavailableError):
        pipeline.run(plan, device, place, lambda step: None)
    ((name, finished),) = store.names()
    assert not finished
    device.gone_after = None
    resumed = pipeline.run(plan, device, place, lambda step: None, resume="")
    assert list(store.names()) == [(name, True)]
    assert {row.outcome for row in resumed.rows} == {Outcome.OK}
    assert store.resume("host") is None


def test_what_another_command_began_is_not_gone_on_with(store, place, plan, device):
    device.gone_after = 5
    with pytest.raises(DeviceUnavailableError):
        pipeline.run(replace(plan, made_by="calibrate"), device, place, lambda step: None)
    device.gone_after = None
    with pytest.raises(ConfigError, match="measured with another command"):
        pipeline.run(plan, device, place, lambda step: None, resume="")


def test_a_run_that_another_process_writes_is_not_resumed(store):
    journal = store.begin(run_of(1, fp32=1.0).header, "")
    assert store.resume("host") is None
    journal.close()
    again = store.resume("host")
    assert again is not None
    assert again.run == journal.run
    again.close()


def test_finishing_twice_changes_nothing(store):
    run = run_of(1, fp32=1.0)
    journal = store.begin(run.header, "")
    named = replace(run, header=replace(run.header, run=journal.run))
    store.finish(journal, named)
    store.finish(journal, named)
    journal.close()
    with store.archive() as archive:
        assert len(archive.runs()) == len(archive.points().median) == 1


@pytest.mark.parametrize("tag", ["../../escaped", "a b", "a/b", "x" * 200, "\n"])
def test_a_tag_that_is_no_name_is_refused_and_nothing_is_written(store, tag):
    with pytest.raises(ConfigError, match="--tag"):
        store.begin(run_of(1, fp32=1.0).header, tag)
    assert list(store.names()) == []


def test_points_are_asked_of_many_runs_by_series_and_by_time(store):
    days = {3: 1.2, 1: 1.0, 2: 1.1}  # kept in another order than they were started
    for day, value in days.items():
        keep(store, run_of(day, fp32=value, int8=value / 2))
    with store.archive() as archive:
        assert [run.started_at[:10] for run in archive.runs()] == [
            "2026-02-01", "2026-02-02", "2026-02-03",
        ]  # fmt: skip
        by_scheme = {series.scheme: series.id for series in archive.series()}
        assert list(archive.points([by_scheme["int8"]]).median) == [0.5, 0.55, 0.6]
        assert len(archive.points().median) == 6
        assert len(archive.points([]).median) == 0


def test_other_words_or_threads_are_another_series(store):
    run = run_of(1, fp32=1.0)
    keep(store, run)
    keep(store, replace(run, header=replace(run.header, schedule=Schedule(threads=4))))
    said = {"short": {"text": "Good evening.", "prompt": "anna"}}
    keep(store, replace(run, header=replace(run.header, utterances=said)))
    with store.archive() as archive:
        assert len({series.conditions for series in archive.series()}) == 3


def test_failures_are_kept_with_their_reasons(store):
    run = run_of(1, fp32=1.0)
    rows = (Row(run.rows[0].case, Outcome.RUN, "it crashed"),)
    keep(store, replace(run, rows=rows))
    with store.archive() as archive:
        (failure,) = archive.failures()
    assert (failure.scheme, failure.outcome, failure.reason) == ("fp32", "run failed", "it crashed")


def test_every_command_asks_the_store_that_bench_toml_names(store, place, tmp_path):
    run = keep(store, run_of(1, fp32=0.25))
    (tmp_path / "bench.toml").write_text(f'[store]\nurl = "{place}"\n')
    said = {
        arguments: CliRunner().invoke(bench, arguments)
        for arguments in (
            ("show", "0001", "--raw"), ("report", "latest", "--format", "json"),
            ("history", "--json"), ("list", "runs", "--json"),
        )
    }  # fmt: skip
    assert {result.exit_code for result in said.values()} == {0}, said
    for result in said.values():
        assert run.header.run in json.dumps(json.loads(result.stdout))
    elsewhere = CliRunner().invoke(bench, ["--results", str(tmp_path), "show", "latest"])
    assert elsewhere.exit_code == 2


@pytest.mark.parametrize(
    ("runs", "kills"),
    [(10, 20), pytest.param(60, 300, marks=pytest.mark.slow)],
    ids=["short", "long"],
)
def test_eight_writers_killed_at_random_lose_nothing_and_double_nothing(
    store, place, tmp_path, runs, kills
):
    command = [sys.executable, HERE / "crashing_writers.py", place, runs, kills, 7, tmp_path]
    root = str(HERE.parent.parent)
    subprocess.run([*map(str, command)], check=True, env={**os.environ, "PYTHONPATH": root})
    acknowledged = [
        float(line)
        for path in tmp_path.glob("*.acknowledged")
        for line in path.read_text().splitlines()
    ]
    names = [name for name, finished in store.names() if finished]
    assert len(names) == len(set(names)) >= runs
    kept = [store.find(name).run for name in names]
    rows = [row for run in kept for row in run.rows]
    assert all(len(run.rows) == 3 for run in kept)
    assert {len(row.metrics["load_ms"].samples) for row in rows} == {3}
    samples = Counter(sample for row in rows for sample in row.metrics["load_ms"].samples)
    with contextlib.ExitStack() as journals:  # each holds its claim until all are read
        while (journal := store.resume("host")) is not None:  # a last kill may have left some
            journals.callback(journal.close)
            repeats = (entry for entry in journal.entries() if entry["kind"] == "repeat")
            samples.update(repeat["facts"]["load_ms"] for repeat in repeats)
    assert set(samples.values()) == {1}
    assert set(acknowledged) <= set(samples)
    with store.archive() as archive:
        assert len(archive.runs()) == len(names)
        assert archive.problems in ((), [])


class TestFolder:
    """What only a folder of files can meet."""

    def test_the_index_follows_files_that_come_change_and_go(self, tmp_path):
        store = open_store(tmp_path)
        for day in (1, 2, 3):
            keep(store, run_of(day, fp32=float(day)))
        paths = sorted((tmp_path / "host").glob("*.json"))
        self.assert_medians(store, [1, 2, 3])
        paths[0].unlink()
        self.assert_medians(store, [2, 3])
        paths[1].write_bytes(paths[2].read_bytes())
        os.utime(paths[1], ns=(1, 1))
        with store.archive() as archive:
            assert "which another file holds too" in " ".join(archive.problems)
        paths[1].unlink()
        self.assert_medians(store, [3])

    def assert_medians(self, store, medians):
        with store.archive() as archive:
            assert list(archive.points().median) == medians

    def test_a_damaged_file_is_named_and_the_others_are_read(self, tmp_path):
        store = open_store(tmp_path)
        for day in (1, 2):
            keep(store, run_of(day, fp32=float(day)))
        (tmp_path / "host" / "0001_0000001.json").write_text("{")
        with store.archive() as archive:
            assert list(archive.points().median) == [2]
            assert len(archive.problems) == 1
            assert "0001_0000001.json" in archive.problems[0]

    @pytest.mark.parametrize("content", [b"", b"no database", b"\0" * 100_000])
    def test_a_damaged_index_is_made_anew(self, tmp_path, content):
        store = open_store(tmp_path)
        keep(store, run_of(1, fp32=1.0))
        self.assert_medians(store, [1])
        (index,) = tmp_path.glob(".index*.duckdb")
        index.write_bytes(content)
        self.assert_medians(store, [1])

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_cannot_be_written_can_be_asked(self, tmp_path):
        store = open_store(tmp_path)
        keep(store, run_of(1, fp32=1.0))
        tmp_path.chmod(0o500)
        self.assert_medians(store, [1])
        tmp_path.chmod(0o700)

    def test_a_kill_between_file_and_journal_leaves_one_run(self, tmp_path):
        store = open_store(tmp_path)
        run = run_of(1, fp32=1.0)
        journal = store.begin(run.header, "")
        content = journal.path.read_bytes()
        store.finish(journal, replace(run, header=replace(run.header, run=journal.run)))
        journal.close()
        journal.path.write_bytes(content)
        assert list(store.names()) == [(f"host/{journal.run}", True)]
        assert store.resume("host") is None
        assert not journal.path.exists()


def test_what_a_device_says_may_have_zero_bytes(store):
    run = run_of(1, fp32=1.0)
    device = replace(run.header.device, os="an\0 os")
    rows = (Row(run.header.cases[0], Outcome.RUN, "it said: \0"),)
    kept = keep(store, Run(replace(run.header, device=device), rows))
    assert store.find("latest").run == kept
    with store.archive() as archive:
        assert [one.reason.strip("\0\ufffd") for one in archive.failures()] == ["it said: "]


class TestPostgres:
    """What only a server can meet."""

    def test_a_server_that_restarts_during_a_run_loses_nothing(self, server, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        store = open_store(postgres_server.empty_database(server))
        run = run_of(1, fp32=1.0)
        journal = store.begin(run.header, "")
        journal.append("note", {"number": 1})
        postgres_server.end_connections(server)
        journal.append("note", {"number": 2})
        assert [entry.get("number") for entry in journal.entries()] == [None, 1, 2]
        store.finish(journal, replace(run, header=replace(run.header, run=journal.run)))
        assert store.find("latest").run.rows == run.rows
        journal.close()

    def test_a_server_that_is_not_there_is_one_line_without_the_password(self, tmp_path):
        url = f"postgresql://me:secret@/db?host={tmp_path}"
        with pytest.raises(ResultError, match="does not answer") as caught:
            open_store(url)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_tables_of_another_version_are_left_alone(self, server):
        place = postgres_server.empty_database(server)
        open_store(place)
        postgres_server.query(place, "UPDATE versions SET version = 99")
        with pytest.raises(ResultError, match="version 99"):
            open_store(place)

    def test_a_database_from_before_runs_said_what_made_them_is_brought_up_to_date(self, server):
        place = postgres_server.empty_database(server)
        own = keep(open_store(place), run_of(1, fp32=1.0))
        keep(open_store(place), made_by("", 2, session="s"))
        postgres_server.query(place, "ALTER TABLE runs DROP COLUMN made_by")
        store = open_store(place)
        assert store.find("latest").run == own
        with store.archive() as archive:
            assert [run.made_by for run in archive.runs()] == ["", "ab"]

    def test_what_a_database_holds_is_the_file_that_a_folder_would_hold(self, server, tmp_path):
        place = postgres_server.empty_database(server)
        run = run_of(1, fp32=1.0)
        kept = keep(open_store(place), run)
        keep(open_store(tmp_path), run)
        ((content,),) = postgres_server.query(place, "SELECT content FROM contents")
        assert bytes(content) == (tmp_path / "host" / f"{kept.header.run}.json").read_bytes()
        assert json.loads(bytes(content))["run"] == kept.header.run


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "sqlite:///x", "http://evil", "postgresql://:x:y"]
)
def test_a_url_that_is_none_of_ours_is_exit_code_2(url):
    with pytest.raises(ConfigError):
        open_store(url)
