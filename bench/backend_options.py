"""Compile options of backends: of `bench.toml` and of the command line, typed and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from devices.tables import from_table
from lowering.backends import BACKENDS
from model.errors import ConfigError

# Per backend, its options that differ from their defaults, by name.
BackendOptions = Mapping[str, tuple[tuple[str, Any], ...]]
WORDS = {"true": True, "false": False}


def chosen_options(tables: Mapping[str, Any], flags: Sequence[str]) -> BackendOptions:
    """Combine the options of `bench.toml` with those of flags, which win.

    Args:
        tables: `[backends.NAME]` tables.
        flags: `BACKEND.OPTION=VALUE` each.

    Raises:
        ConfigError: A backend, an option or a value is wrong; it names what there is.
    """
    merged = {name: dict(as_table(name, table)) for name, table in tables.items()}
    for flag in flags:
        backend, option, value = split_flag(flag)
        merged.setdefault(backend, {})[option] = value
    chosen = {}
    for name, table in merged.items():
        made = from_table(BACKENDS[name], table, f"backend {name}")
        plain = BACKENDS[name]().options()
        differing = {key: value for key, value in made.options().items() if value != plain[key]}
        chosen[name] = tuple(sorted(differing.items()))
    return chosen


def as_table(name: str, table: object) -> Mapping[str, Any]:
    """Take a table of `bench.toml` for one."""
    if not isinstance(table, Mapping):
        raise ConfigError(f"bench.toml [backends.{name}] must be a table, not {table!r:.80}")
    return table


def split_flag(flag: str) -> tuple[str, str, Any]:
    """Take `coreml.deployment_target=iOS18` apart, its value as the option's type."""
    left, equals, text = flag.partition("=")
    backend, dot, option = left.partition(".")
    if not (equals and dot and backend and option):
        raise ConfigError(f"--backend-option takes BACKEND.OPTION=VALUE, not {flag!r:.80}")
    kinds = {one.name: one.type for one in fields(BACKENDS[backend])}
    if kinds.get(option) in (int, float):
        try:
            return backend, option, float(text) if kinds[option] is float else int(text)
        except ValueError:
            raise ConfigError(f"{left} must be a number, not {text!r:.80}") from None
    return backend, option, WORDS.get(text, text) if kinds.get(option) is bool else text
