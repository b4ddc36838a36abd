import numpy as np
import pytest

from bench.comparing.changes import Step
from bench.comparing.history import History, Series
from bench.stores.store import RunLine, SeriesLine
from reports.charts import history as charts
from reports.charts.history import history_chart


def run_line(place):
    return RunLine(
        place + 1, "host", f"{place + 1:04d}_3f2a9c1", f"2026-02-{place + 1:02d}T09:14:03+00:00",
        "3f2a9c1d77aa", "Debian", trained=False,
    )  # fmt: skip


def series(medians, steps=(), number=1, **changes):
    facts = {
        "device": "host", "scheme": "8da8w", "backend": "xnnpack", "utterance": "short",
        "model": "base", "conditions": "", "metric": "rtf", "unit": "ratio", **changes,
    }  # fmt: skip
    values = np.array(medians, float)
    places = np.arange(len(values))
    line = SeriesLine(id=number, **facts)
    return Series(
        line, places, values, values * 0.99, values * 1.01, 5, values > 0, tuple(steps), None
    )


def history(*of):
    longest = max((len(one.runs) for one in of), default=0)
    return History([run_line(place) for place in range(longest)], of, (), ())


def test_a_step_begins_a_level_and_says_which_way_it_went():
    stepped = series([1.0, 1.0, 1.0, 1.2, 1.2], [Step(3, 1.0, 1.2)])
    chart = history_chart(history(stepped))
    assert [row["level"] for row in chart.rows] == [1.0, 1.0, 1.0, 1.2, 1.2]
    assert [row["change"] for row in chart.rows] == ["", "", "", "+20.0 % worse", ""]
    assert "8da8w x xnnpack · short, 0004_3f2a9c1: +20.0 % worse" in chart.summary


def test_what_took_a_step_is_shown_first():
    steady = series([1.0, 1.0, 1.0], utterance="long", number=2)
    stepped = series([1.0, 1.0, 0.8], [Step(2, 1.0, 0.8)])
    chart = history_chart(history(steady, stepped))
    assert chart.rows[0]["case"] == "8da8w x xnnpack · short"
    assert [choice.label for choice in chart.choices] == ["Case"]


def test_one_run_is_no_history():
    assert history_chart(history(series([1.0]))) is None
    assert history_chart(history()) is None


def test_of_a_long_history_the_newest_runs_are_drawn(monkeypatch):
    monkeypatch.setattr(charts, "NEWEST", 4)
    long = series([1.0, 1.0, *[1.5] * 8], [Step(2, 1.0, 1.5)])
    rows = history_chart(history(long)).rows
    assert [row["run"] for row in rows] == [f"{n:04d}_3f2a9c1" for n in (7, 8, 9, 10)]
    assert {row["level"] for row in rows} == {1.5}


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e300])
def test_points_that_cannot_be_drawn_are_left_out(value):
    assert len(history_chart(history(series([1.0, value, 1.0]))).rows) == 2
