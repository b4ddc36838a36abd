"""One table of all pairs: the best are marked, and of every other it is said what is wrong."""

import json
from dataclasses import replace

import pytest

from bench.results import Case
from reports.schemes import NO_METRICS, TABLES, compared_schemes


@pytest.fixture
def whole(run):
    """Every case of the run that went well, under schemes that finished all of theirs."""
    good = ("fp32", "8da8w")
    return replace(run, rows=tuple(row for row in run.rows if row.case.scheme in good))


def why(run):
    schemes = compared_schemes(run)
    return {(line.scheme, line.backend): line.why for line in schemes.itertuples()}


def test_the_fastest_comes_first_and_what_won_has_no_excuse(whole):
    schemes = compared_schemes(whole)
    assert list(schemes["scheme"]) == ["8da8w", "fp32"]
    assert list(schemes["pareto"]) == [True, True]  # fp32 is the closest to itself
    assert list(schemes["why"]) == ["", ""]


def test_a_pair_without_numbers_says_why(run):
    reasons = why(run)
    assert reasons["int8-static", "xnnpack"].startswith("run failed (1 of 3 cases): the runner")
    assert reasons["8da4w", "xnnpack"].startswith("skipped (1 of 3 cases): groups of 32")
    assert "; 1.31 x slower than fp32: " in reasons["8da4w", "xnnpack"]


def test_what_is_slower_than_fp32_is_explained_from_the_profile(run):
    plain = replace(run, rows=tuple(r for r in run.rows if r.case.utterance == "plain"))
    assert why(plain)["8da4w", "xnnpack"].startswith("1.32 x slower than fp32: 40.8 % of time in")


def test_a_slower_backend_is_explained_against_the_pair_that_beats_it(whole):
    slow = [
        replace(
            row,
            case=Case("fp32", "portable", row.case.utterance, row.case.model),
            metrics={
                **row.metrics,
                "rtf": replace(row.metrics["rtf"], median=9 * row.metrics["rtf"].median),
                "delegated_time_share": replace(row.metrics["delegated_time_share"], median=0.0),
            },
            operators=tuple({**operator, "delegate": ""} for operator in row.operators),
        )
        for row in whole.rows
        if row.case.scheme == "fp32"
    ]
    reason = why(replace(whole, rows=(*whole.rows, *slow)))["fp32", "portable"]
    assert reason.startswith("9.00 x slower than fp32 x xnnpack: 100 % of time in ")
    assert "outside the delegate (fp32 x xnnpack: 0.9 %)" in reason


def test_what_is_as_fast_and_larger_is_beaten_by_its_size(whole):
    large = [
        replace(
            row,
            case=replace(row.case, scheme="mixed"),
            metrics={
                **row.metrics,
                "pte_bytes": replace(row.metrics["pte_bytes"], median=1e9),
            },
        )
        for row in whole.rows
        if row.case.scheme == "8da8w"
    ]
    reason = why(replace(whole, rows=(*whole.rows, *large)))["mixed", "xnnpack"]
    assert reason == "no faster than 8da8w x xnnpack, which is better in Size"


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_every_pair_and_every_reason_is_in_the_table(run, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    said = " ".join(TABLES[name](run).split())
    for words in ("fp32", "8da8w", "8da4w", "int8-static", "RTF", "groups of 32", "UNTRAINED"):
        assert words in said


def test_json_is_one_document_in_which_nothing_unknown_is_a_number(run):
    document = json.loads(TABLES["json"](run))
    assert {line["scheme"] for line in document["schemes"]} == {
        "fp32", "8da8w", "8da4w", "int8-static",
    }  # fmt: skip
    assert all(line["wer"] is None for line in document["schemes"])


@pytest.mark.parametrize("name", TABLES)
def test_no_name_or_reason_becomes_markup_or_control(hostile_run, name):
    said = TABLES[name](hostile_run)
    assert "\x1b" not in said
    if name == "markdown":
        assert "<img" not in said


@pytest.mark.parametrize("few", ["fp32", "8da4w"])
def test_a_pair_of_fewer_than_five_repeats_is_not_called_slower(run, few):
    plain = [row for row in run.rows if row.case.utterance == "plain"]
    rows = [
        replace(row, metrics={**row.metrics, "rtf": replace(rtf, samples=rtf.samples[:4])})
        if row.case.scheme == few and (rtf := row.metrics.get("rtf"))
        else row
        for row in plain
    ]
    said = why(replace(run, rows=tuple(rows)))["8da4w", "xnnpack"]
    assert said == "4 repeats cannot tell whether it is slower than fp32: measure at least 5"


def test_a_run_of_none_of_our_metrics_is_a_table_that_says_so(whole):
    rows = tuple(replace(row, metrics={"of tomorrow": row.metrics["rtf"]}) for row in whole.rows)
    assert set(why(replace(whole, rows=rows)).values()) == {NO_METRICS}
