"""TOML and JSON tables as frozen dataclasses, strictly: what is not known is an error."""

import dataclasses
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from model.errors import ConfigError

T = TypeVar("T")
LARGEST = sys.float_info.max


def from_table(cls: type[T], table: object, where: str, **given: object) -> T:
    """Make a dataclass of a table.

    Args:
        cls: A dataclass whose fields are str, int, float, bool, such dataclasses, tuples or
            mappings of all these, or may be None.
        table: Its values by name of field.
        where: Where the table stands, for messages: "bench.toml [devices.pixel8]".
        given: Fields that come from elsewhere and must not stand in the table.

    Raises:
        ConfigError: A key is unknown or missing, or a value has the wrong type.
    """
    assert dataclasses.is_dataclass(cls)
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where} must be a table, not {table!r:.80}")
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.name not in given}
    for key in table:
        if key not in fields:
            raise ConfigError(f"{where}: unknown key {key!r:.80}. Known: {', '.join(fields)}")
    for name, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and name not in table:
            raise ConfigError(f"{where}: the key {name!r} is missing")
    values = {key: converted(value, hints[key], f"{where} {key}") for key, value in table.items()}
    return cls(**values, **given)


def converted(value: object, kind: Any, where: str) -> object:  # noqa: ANN401 - a type hint
    """Return a value as the type of its field, or raise `ConfigError`."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:  # of one type and None
        return None if value is None else converted(value, inner[0], where)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return from_table(kind, value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(converted(item, inner[0], where) for item in value)
    if origin is Mapping and isinstance(value, dict):
        return {key: converted(item, inner[1], f"{where}.{key}") for key, item in value.items()}
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if -LARGEST <= value <= LARGEST:  # neither infinite nor no number at all
            return float(value)
    elif origin is None and type(value) is kind:  # not isinstance: true is no 1
        return value
    names = {tuple: "a list", Mapping: "a table", str: "a string", int: "a whole number"}
    wanted = names.get(origin or kind, "true or false" if kind is bool else "a number")
    raise ConfigError(f"{where} must be {wanted}, not {value!r:.80}")
