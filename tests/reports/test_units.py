import math

import pytest

from bench.metrics import METRICS
from bench.results import Measurement
from reports.units import SCALES, count, interval, printable, scale_for, spread, text, times


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0.28123, "ratio", "0.281"),
        (1.0, "ratio", "1.00"),
        (12.345, "ms", "12.3 ms"),
        (999.0, "ms", "999 ms"),
        (1234.0, "ms", "1.23 s"),
        (48.26, "s", "48.3 s"),
        (1023, "bytes", "1,023 B"),
        (1024, "bytes", "1.0 KiB"),
        (12.4 * 2**20, "bytes", "12.4 MiB"),
        (3 * 2**30, "bytes", "3.00 GiB"),
        (0.9734, "share", "97.3 %"),
        (0.07, "share", "7.0 %"),
        (1.0, "share", "100 %"),
        (1.179, "dB", "1.18 dB"),
        (1187, "frames", "1,187 frames"),
        (5, "furlongs", "5.00 furlongs"),
    ],
)
def test_a_value_is_written_in_the_unit_that_reads_best(value, unit, written):
    assert text(value, unit) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (math.nan, "\N{EN DASH}"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (0.0, "0"),
        (0.0002, "<0.001"),
        (1e308, "1.00e+308"),
        (-0.5, "-0.500"),
    ],
)
def test_odd_numbers_stay_short(value, written):
    assert scale_for([value], "ratio").number(value) == written


def test_numbers_read_together_share_the_scale_of_the_largest():
    scale = scale_for([512.0, 2048.0, math.nan], "ms")
    assert [scale.text(512.0), scale.text(2048.0)] == ["0.51 s", "2.05 s"]


def test_every_unit_of_a_metric_has_its_scales():
    assert {metric.unit for metric in METRICS.values()} <= SCALES.keys()


def test_an_interval_is_only_written_where_there_are_repeats():
    several = Measurement(2.0, 1.9, 2.2, "ratio", (1.9, 2.0, 2.2))
    one = Measurement(2.0, 2.0, 2.0, "ratio", (2.0,))
    scale = scale_for([2.0], "ratio")
    assert interval(several, scale) == "1.90\N{EN DASH}2.20"
    assert spread(several) == "7.5 %"
    assert interval(one, scale) == spread(one) == ""


def test_counts_agree_with_their_noun():
    assert [count(1, "case"), count(1200, "case")] == ["1 case", "1,200 cases"]
    assert times(1.9111) == "1.91 x"


def test_text_from_elsewhere_cannot_steer_the_terminal():
    assert printable("a\x1b[31mred\nline\u202e") == "a [31mred line "
