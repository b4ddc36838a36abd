from dataclasses import replace

import pytest

from bench.results import Measurement
from reports import strips


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
