from dataclasses import replace

import numpy as np
import pytest

from bench.metrics import METRICS
from bench.results import Case, Outcome, Row
from reports.frames import (
    on_front,
    operators_frame,
    rows_frame,
    samples_frame,
    schemes_frame,
)
from reports.reasons import Profile, why_slower


def with_scheme(run, scheme, change):
    rows = [change(row) if row.case.scheme == scheme else row for row in run.rows]
    return replace(run, rows=tuple(rows))


def scaled(row, name, factor):
    metric = row.metrics[name]
    values = {end: getattr(metric, end) * factor for end in ("median", "low", "high")}
    return replace(row, metrics={**row.metrics, name: replace(metric, **values)})


def line_of(schemes, scheme):
    return schemes.set_index("scheme").loc[scheme]


def test_each_case_is_a_line_with_every_metric_and_its_interval(run):
    frame = rows_frame(run)
    assert len(frame) == len(run.rows)
    rtf = run.rows[0].metrics["rtf"]
    assert list(frame.loc[0, ["rtf", "rtf_low", "rtf_high"]]) == [rtf.median, rtf.low, rtf.high]
    assert set(METRICS) <= set(frame)
    failed = frame[frame["outcome"] == "run failed"].iloc[0]
    assert "out of memory" in failed["reason"]
    assert np.isnan(failed["rtf"])


def test_a_metric_that_this_version_does_not_know_keeps_its_column(run):
    row = run.rows[0]
    newer = replace(row, metrics={**row.metrics, "energy_j": row.metrics["rtf"]})
    frame = rows_frame(replace(run, rows=(newer, *run.rows[1:])))
    assert frame.loc[0, "energy_j"] == row.metrics["rtf"].median


def test_every_sample_is_a_line(run):
    frame = samples_frame(run)
    assert len(frame) == sum(len(m.samples) for row in run.rows for m in row.metrics.values())
    first = frame[(frame["metric"] == "rtf") & (frame["sample"] == 0)].iloc[0]
    assert first["value"] == run.rows[0].metrics["rtf"].samples[0]
    assert first["unit"] == "ratio"


def test_every_profiled_operator_is_a_line(run):
    frame = operators_frame(run)
    assert len(frame) == sum(len(row.operators) for row in run.rows)
    assert frame.loc[0, "total_ms"] == run.rows[0].operators[0]["total_ms"]


def test_schemes_are_taken_together_over_utterances(run):
    schemes = schemes_frame(run)
    rows = rows_frame(run)
    of_fp32 = rows[rows["scheme"] == "fp32"]
    fp32 = line_of(schemes, "fp32")
    assert fp32["rtf"] == pytest.approx(np.exp(np.log(of_fp32["rtf"]).mean()))
    assert fp32["peak_rss_bytes"] == of_fp32["peak_rss_bytes"].max()
    assert fp32["lsd_db"] == pytest.approx(of_fp32["lsd_db"].mean())
    assert (fp32["cases"], fp32["ok"]) == (3, 3)


def test_speed_is_compared_with_fp32_on_the_same_utterances(run):
    slow_long = replace(
        run,
        rows=tuple(
            scaled(row, "rtf", 50) if row.case.utterance == "long" and row.metrics else row
            for row in run.rows
        ),
    )
    before, after = schemes_frame(run), schemes_frame(slow_long)
    assert line_of(after, "int8-static")["speedup"] == pytest.approx(
        line_of(before, "int8-static")["speedup"]
    )


def test_a_scheme_that_missed_a_case_has_no_mark_and_nothing_that_grows_with_length(run):
    missed = line_of(schemes_frame(run), "int8-static")
    assert (missed["ok"], missed["failed"], missed["skipped"]) == (2, 1, 0)
    assert not missed["pareto"]
    assert np.isnan(missed["first_audio_ms"])
    assert np.isfinite(missed["rtf"])


def test_the_pareto_mark_goes_to_what_nothing_beats_in_everything(run):
    assert list(schemes_frame(run)["pareto"]) == [True, True, False, False]

    def worse(row):
        for name in ("rtf", "peak_rss_bytes", "pte_bytes", "lsd_db"):
            row = scaled(row, name, 1e6)
        return row

    assert not line_of(schemes_frame(with_scheme(run, "8da8w", worse)), "8da8w")["pareto"]


def test_a_front_keeps_equals_and_counts_the_unknown_as_worst():
    costs = np.array([[1, 2], [2, 1], [2, 2], [1, 2], [1, np.nan], [np.nan, np.nan]])
    assert list(on_front(costs)) == [True, True, False, True, False, False]


def test_a_slower_scheme_is_explained_by_what_left_the_delegate(run):
    schemes = schemes_frame(run)
    reason = line_of(schemes, "8da4w")["reason"]
    assert reason.startswith("1.31 x slower than fp32: 40.8 % of time in 12 operators outside")
    assert "smd torchao::dequantize_affine.out 702 ms" in reason
    assert list(schemes["reason"] != "") == [False, False, True, False]


def test_a_slower_scheme_is_explained_by_what_grew_inside_the_delegate():
    fp32 = Profile(
        {("smd", "Fully Connected", True): 80.0, ("smd", "Softmax", True): 9.0}, 1.0, 0, 5
    )
    own = Profile(
        {("smd", "Fully Connected", True): 95.0, ("smd", "Convert", True): 31.0}, 1.0, 0, 5
    )
    assert why_slower(0.8, own, fp32) == (
        "1.25 x slower than fp32: smd Convert takes 31.0 ms (fp32: not among its costliest),"
        " smd Fully Connected takes 95.0 ms (fp32: 80.0 ms)"
    )
    assert why_slower(0.99, own, fp32) == ""
    assert why_slower(np.nan, own, fp32) == ""


def test_a_slower_scheme_without_a_profile_is_not_explained_away():
    nothing = Profile({}, np.nan, 0, 5)
    assert why_slower(0.5, nothing, nothing) == (
        "2.00 x slower than fp32; without a profile of both it is not known why"
    )


def test_a_run_in_which_nothing_was_measured_has_frames_all_the_same(run):
    failed = tuple(Row(row.case, Outcome.LOWER, "no") for row in run.rows)
    schemes = schemes_frame(replace(run, rows=failed))
    assert schemes["rtf"].isna().all()
    assert not schemes["pareto"].any()
    assert (schemes["reason"] == "").all()
    assert len(schemes_frame(replace(run, rows=()))) == 0


def test_models_are_never_mixed(run):
    other = replace(run.rows[0], case=Case("fp32", "xnnpack", "short", "paper"))
    schemes = schemes_frame(replace(run, rows=(*run.rows, other)))
    assert list(schemes[schemes["scheme"] == "fp32"]["model"]) == ["base", "paper"]
