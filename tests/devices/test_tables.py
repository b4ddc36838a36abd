"""TOML tables: strict, with messages that say where and what."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from devices.tables import from_table
from model.errors import ConfigError
from model.toml_files import read_toml


@dataclass(frozen=True)
class Example:
    name: str
    count: int = 1
    share: float = 0.5
    on: bool = False
    words: tuple[str, ...] = ()
    match: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known: int | None = None
    parts: tuple["Part", ...] = ()


@dataclass(frozen=True)
class Part:
    size: float


def test_a_table_fills_the_fields_it_names_and_leaves_the_defaults():
    made = from_table(Example, {"name": "x", "share": 1, "match": {"a": ["b"]}}, "here")
    assert made == Example("x", share=1.0, match={"a": ("b",)})
    assert isinstance(made.share, float)


def test_parts_are_dataclasses_of_their_own_and_what_is_unknown_is_none():
    made = from_table(Example, {"name": "x", "known": None, "parts": [{"size": 2}]}, "here")
    assert made == Example("x", parts=(Part(2.0),))


def test_what_comes_from_elsewhere_must_not_stand_in_the_table():
    assert from_table(Example, {"count": 2}, "here", name="x") == Example("x", count=2)
    with pytest.raises(ConfigError, match="unknown key 'name'"):
        from_table(Example, {"name": "y"}, "here", name="x")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "x", "nmae": 1}, "here: unknown key 'nmae'. Known: name, count, share"),
        ({}, "here: the key 'name' is missing"),
        ({"name": 3}, "here name must be a string, not 3"),
        ({"name": "x", "count": True}, "here count must be a whole number, not True"),
        ({"name": "x", "count": 1.5}, "here count must be a whole number"),
        ({"name": "x", "on": 1}, "here on must be true or false"),
        ({"name": "x", "words": "one"}, "here words must be a list"),
        ({"name": "x", "words": [1]}, "here words must be a string"),
        ({"name": "x", "match": {"a": "b"}}, "here match.a must be a list"),
        ({"name": "x", "share": float("nan")}, "here share must be a number"),
        ({"name": "x", "share": 10**400}, "here share must be a number"),
        ({"name": "x", "known": "1"}, "here known must be a whole number"),
        ({"name": "x", "parts": [{"size": "1"}]}, "here parts size must be a number"),
        ({"name": "x", "parts": [3]}, "here parts must be a table"),
        (["x"], "here must be a table"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(table, message):
    with pytest.raises(ConfigError) as caught:
        from_table(Example, table, "here")
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(tmp_path, content):
    path = tmp_path / "bench.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"bench\.toml cannot be read"):
        read_toml(path)
