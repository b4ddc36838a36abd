"""TOML tables as frozen dataclasses, strictly: what is not known is an error, never a warning."""

import dataclasses
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from model.errors import ConfigError

T = TypeVar("T")
Table = Mapping[str, Any]


def read_toml(path: Path) -> Table:
    """Read a TOML file.

    Raises:
        ConfigError: It is missing or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def from_table(cls: type[T], table: object, where: str) -> T:
    """Make a dataclass of a table.

    Args:
        cls: A dataclass whose fields are str, int, float, bool, tuples or mappings of these.
        table: Its values by name of field.
        where: Where the table stands, for messages: "bench.toml [devices.pixel8]".

    Raises:
        ConfigError: A key is unknown or missing, or a value has the wrong type.
    """
    assert dataclasses.is_dataclass(cls)
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where} must be a table, not {table!r}")
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in table:
        if key not in fields:
            raise ConfigError(f"{where}: unknown key {key!r}. Known: {', '.join(fields)}")
    for name, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and name not in table:
            raise ConfigError(f"{where}: the key {name!r} is missing")
    values = {key: converted(value, hints[key], f"{where} {key}") for key, value in table.items()}
    return cls(**values)


def converted(value: object, kind: Any, where: str) -> object:  # noqa: ANN401 - a type hint
    """Return a TOML value as the type of its field, or raise `ConfigError`."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple and isinstance(value, list):
        return tuple(converted(item, inner[0], where) for item in value)
    if origin is Mapping and isinstance(value, dict):
        items = {key: converted(item, inner[1], f"{where}.{key}") for key, item in value.items()}
        return types.MappingProxyType(items)
    if kind is float and type(value) is int:
        return float(value)
    if origin is None and type(value) is kind:  # not isinstance: true is no 1
        return value
    names = {tuple: "a list", Mapping: "a table", str: "a string", int: "a whole number"}
    wanted = names.get(origin or kind, "true or false" if kind is bool else "a number")
    raise ConfigError(f"{where} must be {wanted}, not {value!r}")
