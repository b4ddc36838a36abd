"""Tests of registries."""

import pytest

from model.errors import ConfigError
from model.registry import MANY, Registry


def filled(count):
    registry = Registry("fruit")
    for number in range(count):
        registry.register(f"fruit-{number}")(number)
    return registry


def test_an_unknown_name_is_told_with_the_nearest_and_all_others():
    with pytest.raises(
        ConfigError, match=r"unknown fruit 'fruit-x'.*Did you mean.*fruit-0, fruit-1"
    ):
        filled(2)["fruit-x"]


def test_more_names_than_fit_a_line_are_left_to_the_list():
    with pytest.raises(ConfigError) as told:
        filled(MANY + 1)["fruit-1x"]
    assert "`bench list` names all" in str(told.value)
    assert "fruit-7," not in str(told.value)
