import json
import math
from dataclasses import replace

import pytest

from devices.base import Reading
from reports.charts.chart import PLOTTABLE
from reports.charts.conditions import condition_chart
from reports.charts.distribution import distribution_chart
from reports.charts.operators import DEPTHS, OUTSIDE, operator_chart
from reports.charts.rounds import round_chart
from reports.charts.stages import stage_chart
from reports.charts.tradeoffs import trade_off_charts
from reports.frames import schemes_frame
from reports.html import chart_data

PARTS = ["scheme"]


def trade_offs(run):
    schemes = schemes_frame(run)
    return {chart.name: chart for chart in trade_off_charts(schemes, list(schemes["scheme"]))}


def charts_of(run):
    makers = (distribution_chart, operator_chart, round_chart, stage_chart)
    return [*trade_offs(run).values(), *(make(run, PARTS) for make in makers)]


def with_metric(run, name, change):
    rows = [
        replace(row, metrics={**row.metrics, name: change(row.metrics[name])})
        if row.metrics
        else row
        for row in run.rows
    ]
    return replace(run, rows=tuple(rows))


def test_every_chart_has_words_rows_and_a_table_of_them(run):
    for chart in charts_of(run):
        assert chart.rows
        assert chart.summary.endswith(".")
        assert all(row.keys() >= {field for field, _ in chart.columns} for row in chart.rows)


def test_every_choice_leaves_rows_to_show(run):
    for chart in charts_of(run):
        for choice in chart.choices:
            assert set(choice.options) == {row[choice.field] for row in chart.rows}
            assert choice.options[0] == chart.rows[0][choice.field]


def test_a_scheme_that_did_not_finish_is_never_on_the_line(run):
    rows = [row for chart in trade_offs(run).values() for row in chart.rows]
    assert {row["name"] for row in rows if not row["complete"]} == {"8da4w", "int8-static"}
    assert {row["name"] for row in rows if row["front"]} == {"fp32", "8da8w"}
    assert {row["name"] for row in rows if row["pareto"]} == {"fp32", "8da8w"}


def test_distances_and_costs_are_shown_against_every_speed(run):
    charts = trade_offs(run)
    titles = {name: {row["y_title"] for row in chart.rows} for name, chart in charts.items()}
    assert titles["distance"] == {"LSD (dB)", "MCD (dB)"}
    assert titles["cost"] == {"Peak memory (MiB)", "Size (MiB)", "Load (ms)"}
    for chart in charts.values():
        assert {row["x_title"] for row in chart.rows} == {"RTF", "First audio (s)"}


def test_backends_of_quite_another_speed_get_a_logarithmic_axis_and_a_shape(run):
    def slower(row):
        rtf = row.metrics["rtf"]
        slow = replace(rtf, median=rtf.median * 30)
        case = replace(row.case, backend="portable")
        return replace(row, case=case, metrics={**row.metrics, "rtf": slow})

    slow = tuple(slower(row) for row in run.rows if row.metrics)
    both = trade_offs(replace(run, rows=(*run.rows, *slow)))["distance"].spec
    one = trade_offs(run)["distance"].spec
    assert both["encoding"]["x"]["scale"]["type"] == "log"
    assert "type" not in one["encoding"]["x"]["scale"]
    assert len(both["layer"][1]["encoding"]["shape"]["scale"]["range"]) == 2


def test_one_scheme_is_nothing_to_compare(run):
    rows = tuple(row for row in run.rows if row.case.scheme == "fp32")
    assert not trade_offs(replace(run, rows=rows))


def test_every_repeat_of_every_case_is_a_dot(run):
    rows = [row for row in distribution_chart(run, PARTS).rows if row["metric"] == "RTF"]
    measured = [row for row in run.rows if row.metrics]
    assert [(row["name"], row["utterance"]) for row in rows] == [
        (row.case.scheme, row.case.utterance) for row in measured
    ]
    for line, row in zip(rows, measured, strict=True):
        assert line["samples"] == pytest.approx(row.metrics["rtf"].samples, rel=1e-4)
        assert line["low"] <= line["median"] <= line["high"]


def test_a_single_repeat_has_no_distribution(run):
    rows = tuple(
        replace(row, metrics={n: replace(m, samples=m.samples[:1]) for n, m in row.metrics.items()})
        for row in run.rows
    )
    alone = replace(run, rows=rows)
    assert distribution_chart(alone, PARTS) is None
    assert round_chart(alone, PARTS) is None


def test_rounds_show_a_device_that_slows_down(run):
    samples = (1.0, 1.0, 1.0, 1.1, 1.2)
    slowing = with_metric(run, "rtf", lambda m: replace(m, median=1.0, samples=samples))
    rows = [row for row in round_chart(slowing, PARTS).rows if row["name"] == "fp32"]
    assert [row["change"] for row in rows] == pytest.approx([0, 0, 0, 0.1, 0.2])
    assert rows[-1]["said"] == "+20.0 %"


def test_stages_lie_end_to_end_and_add_up_to_the_time_of_a_second_of_speech(run):
    schemes = schemes_frame(run).set_index("scheme")
    rows = stage_chart(run, PARTS).rows
    for name in {row["name"] for row in rows}:
        own = [row for row in rows if row["name"] == name]
        assert [row["start"] for row in own] == [0, *(row["stop"] for row in own[:-1])]
        assert own[-1]["stop"] == own[-1]["total"]
        assert {row["x_title"] for row in own} == {"ms per second of speech"}
        assert own[-1]["total"] / 1e3 == pytest.approx(schemes.loc[name, "rtf"], rel=0.05)
        assert sum(row["share"] for row in own) == pytest.approx(100, abs=0.5)


def test_the_icicle_divides_each_part_by_the_parts_below_it(run):
    rows = [row for row in operator_chart(run, PARTS).rows if row["scheme"] == "8da4w"]
    levels = [[row for row in rows if row["level"] == n] for n in range(len(DEPTHS) + 1)]
    assert [row["name"] for row in levels[0]] == ["profile"]
    for level in levels:
        level.sort(key=lambda row: row["start"])
        ends = [0, *(row["stop"] for row in level)]
        assert [row["start"] for row in level] == pytest.approx(ends[:-1])
        assert ends[-1] == pytest.approx(levels[0][0]["stop"])
    outside = {row["name"] for row in levels[-1] if row["delegate"] == OUTSIDE}
    assert "torchao::dequantize_affine.out" in outside
    assert levels[1][0]["name"] == "smd"


def test_schemes_are_offered_in_the_order_of_the_run(run):
    (choice,) = operator_chart(run, PARTS).choices
    assert choice.options == ("fp32", "8da8w", "8da4w", "int8-static")


def test_a_run_without_a_profile_has_no_icicle(run):
    rows = tuple(replace(row, operators=()) for row in run.rows)
    assert operator_chart(replace(run, rows=rows), PARTS) is None


def test_what_the_device_told_of_itself_is_drawn_over_time(run):
    readings = (
        Reading("2026-02-11T09:14:03+00:00", 0, 30.0, 2_400_000, "power_supply"),
        Reading("2026-02-11T09:15:03+00:00", 1, None, 2_000_000),
        Reading("no moment", 3, 99.0, 1),
    )
    told = replace(run, rows=(replace(run.rows[0], readings=readings), *run.rows[1:]))
    chart = condition_chart(told)
    drawn = [(row["measure"], row["minute"], row["value"]) for row in chart.rows]
    assert drawn == [
        ("Battery (°C)", 0, 30), ("Highest clock (GHz)", 0, 2.4), ("Highest clock (GHz)", 1, 2),
        ("Thermal status", 0, 0), ("Thermal status", 1, 1),
    ]  # fmt: skip
    assert "temperature was told by power_supply" in chart.summary
    assert condition_chart(run) is None


@pytest.mark.parametrize("value", [math.inf, math.nan, 1e308, -PLOTTABLE])
def test_what_cannot_be_drawn_is_left_out(run, value):
    def change(measured):
        return replace(measured, median=value, low=value, high=value, samples=(value,) * 3)

    odd = run
    for name in ("rtf", "lsd_db", "pte_bytes", "peak_rss_bytes", "smd_ms"):
        odd = with_metric(odd, name, change)
    rows = tuple(
        replace(row, operators=tuple({**op, "total_ms": value} for op in row.operators))
        for row in odd.rows
    )
    charts = [chart for chart in charts_of(replace(odd, rows=rows)) if chart]
    assert not {"operators", "rounds"} & {chart.name for chart in charts}
    drawn = json.loads(chart_data(charts))
    assert {row["x_title"] for row in drawn["distance"]["rows"]} == {"First audio (s)"}


def test_the_data_of_charts_cannot_end_their_element(run):
    words = "</script><!--\u2028"
    rows = tuple(replace(row, case=replace(row.case, scheme=words)) for row in run.rows)
    written = chart_data([stage_chart(replace(run, rows=rows), PARTS)])
    assert "<" not in written
    assert json.loads(written)["stages"]["rows"][0]["name"] == words
