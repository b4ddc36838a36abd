from dataclasses import replace

import pandas as pd
import pytest

from bench.results import Measurement
from reports import plots, strips
from reports.bars import operator_bars, stage_bars
from reports.frames import schemes_frame


def panel_of(run, metric="lsd_db"):
    schemes = schemes_frame(run)
    return plots.trade_off(schemes, schemes["scheme"], metric)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 0.78, (0, 0.2, 0.4, 0.6, 0.8)),
        (0, 4.9, (0, 1, 2, 3, 4, 5)),
        (221, 268, (220, 230, 240, 250, 260, 270)),
    ],
)
def test_ticks_are_round_and_span_the_values(low, high, ticks):
    assert plots.ticks_over(low, high) == pytest.approx(ticks)


def test_logarithmic_ticks_are_round_and_span_the_values():
    assert plots.ratio_ticks_over(0.13, 4.8) == pytest.approx((0.1, 0.2, 0.5, 1, 2, 5))
    assert plots.ratio_ticks_over(0.02, 900) == pytest.approx((0.01, 0.1, 1, 10, 100, 1000))


def test_slower_and_farther_lie_to_the_right_and_higher_up(run):
    marks = {mark.name: mark for mark in panel_of(run).marks}
    assert marks["8da8w"].x < marks["fp32"].x < marks["8da4w"].x
    assert marks["8da4w"].y < marks["8da8w"].y < marks["fp32"].y
    assert marks["8da8w"].pareto
    assert not marks["int8-static"].complete


def test_backends_of_quite_another_speed_get_a_logarithmic_axis(run):
    def slower(row):
        rtf = row.metrics["rtf"]
        case = replace(row.case, backend="portable")
        return replace(
            row, case=case, metrics={**row.metrics, "rtf": replace(rtf, median=rtf.median * 30)}
        )

    slow = tuple(slower(row) for row in run.rows if row.metrics)
    both = panel_of(replace(run, rows=(*run.rows, *slow)))
    assert both.x.logarithmic
    assert not panel_of(run).x.logarithmic
    assert len({mark.marker for mark in both.marks}) == 2


def test_no_name_covers_another_or_leaves_the_panel():
    places = [(100 + 3 * n, 100 + n) for n in range(12)]
    labels = plots.place_labels(places, ["int8-static"] * 12)
    shown = [label for label in labels if label]
    assert 0 < len(shown) < 12
    edge = plots.place_labels([(plots.WIDTH - 16, 100)], ["int8-static"])[0]
    assert edge.anchor == "end"


def test_the_line_joins_only_complete_schemes_that_are_best(run):
    panel = panel_of(run)
    marks = {mark.name: mark for mark in panel.marks}
    corners = [tuple(map(float, corner.split(","))) for corner in panel.front.split()]
    best = [(marks[name].x, marks[name].y) for name in ("8da8w", "fp32")]
    assert [corners[0], corners[-1]] == best
    assert (marks["int8-static"].x, marks["int8-static"].y) not in corners


def test_a_plot_needs_two_schemes(run):
    rows = tuple(row for row in run.rows if row.case.scheme == "fp32")
    assert panel_of(replace(run, rows=rows)) is None


def test_every_repeat_is_a_dot_around_the_median():
    measurement = Measurement(1.0, 0.99, 1.01, "ratio", (0.98, 1.0, 1.04))
    reach = strips.strip_reach([measurement])
    strip = strips.strip_of(measurement, reach)
    assert reach == pytest.approx(0.04)
    assert strip.dots == "M32 8h0M60 8h0M116 8h0"
    assert strip.left < strips.WIDTH / 2 < strip.left + strip.width
    assert "3 repeats from 0.980 to 1.04" in strip.description


def test_one_wild_repeat_does_not_flatten_the_other_strips():
    wild = Measurement(1.0, 0.9, 1.1, "ratio", (1.0, 1.0, 9.0))
    assert strips.strip_reach([wild]) == strips.MOST_REACH
    assert strips.strip_of(wild, strips.MOST_REACH).dots.endswith("M116 8h0")
    assert strips.strip_of(replace(wild, samples=(1.0,)), 0.2) is None


def test_stages_add_up_to_the_time_of_a_second_of_speech(run):
    schemes = schemes_frame(run).set_index(["scheme", "backend", "model"])
    for pair, segments in stage_bars(run).items():
        total_ms = sum(segment.ms for segment in segments)
        assert total_ms / 1e3 == pytest.approx(schemes.loc[pair, "rtf"], rel=0.05)
    widths = [sum(s.percent for s in segments) for segments in stage_bars(run).values()]
    assert max(widths) == pytest.approx(100, abs=0.1)


def test_operators_are_listed_costliest_first_on_one_scale(run):
    bars = operator_bars(run)
    assert len(bars) == 4
    for of_pair in bars.values():
        assert [bar.ms for bar in of_pair] == sorted((bar.ms for bar in of_pair), reverse=True)
    assert max(bar.percent for of_pair in bars.values() for bar in of_pair) == 100
    outside = [bar.name for bar in bars["8da4w", "xnnpack", "base"] if not bar.delegated]
    assert outside == ["torchao::dequantize_affine.out", "torchao::choose_qparams_affine.out"]


def test_a_frame_without_operators_has_no_bars(run):
    rows = tuple(replace(row, operators=()) for row in run.rows)
    assert operator_bars(replace(run, rows=rows)) == {}
    assert isinstance(schemes_frame(replace(run, rows=rows)), pd.DataFrame)
