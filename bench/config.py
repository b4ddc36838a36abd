"""`bench.toml`: a lab's own phones, suites and schedule, strictly read."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from devices.lab_config import Lab
from devices.schedule import MOST_THREADS, Schedule
from devices.tables import from_table
from model.errors import ConfigError
from model.toml_files import read_toml

VARIABLE = "BENCH_CONFIG"
DEFAULT = Path("bench.toml")
# What the numbers of a schedule must at least be.
LOWEST: Mapping[str, int] = MappingProxyType(
    {"repeats": 1, "warmup": 0, "iterations": 1, "cooldown_s": 0, "threads": 0, "most_repeats": 1}
)
MOST_COOLDOWN_S = 86_400.0
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Suite:
    """A named choice of what to measure; flags override it.

    Attributes:
        device: As `--device` takes it.
        model: Entry of `CONFIGS`.
        schemes: Entries of `SCHEMES`.
        backends: Entries of `BACKENDS`.
        utterances: Built-in utterances.
        passes: Passes per channel, or one number for joint decoding.
        lexicon: File of pronunciations; empty for none.
    """

    device: str = "host"
    model: str = "base"
    schemes: tuple[str, ...] = ("fp32", "8da8w", "8da4w", "int8-static")
    backends: tuple[str, ...] = ("xnnpack",)
    utterances: tuple[str, ...] = ("short", "medium")
    passes: tuple[int, ...] = ()
    lexicon: str = ""


@dataclass(frozen=True)
class StoreConfig:
    """Where runs are kept, unless `--results` says otherwise.

    Attributes:
        url: A folder, or postgresql://...
    """

    url: str = "results"


@dataclass(frozen=True)
class Config:
    """All of `bench.toml`.

    Attributes:
        devices: Tables of a lab's own devices, which add to or override the packaged profiles.
        suites: Named suites; "default" is what `bench run` measures.
        schedule: How often.
        store: Where runs are kept.
        lab: Devices beside other machines.
        backends: Tables of compile options per backend.
    """

    devices: Mapping[str, Any] = field(default_factory=dict)
    suites: Mapping[str, Suite] = field(default_factory=dict)
    schedule: Schedule = field(default_factory=Schedule)
    store: StoreConfig = field(default_factory=StoreConfig)
    lab: Lab = field(default_factory=Lab)
    backends: Mapping[str, Any] = field(default_factory=dict)

    def suite(self, name: str) -> Suite:
        """Return a suite by name.

        Raises:
            ConfigError: There is none of that name.
        """
        if name in self.suites:
            return self.suites[name]
        if name == "default":
            return Suite()
        known = ", ".join({"default", *self.suites})
        raise ConfigError(f"unknown suite {name!r}. Known: {known}.")


def load_config(path: Path | None) -> Config:
    """Read the configuration: the file named, else `$BENCH_CONFIG`, else `./bench.toml`, else none.

    Raises:
        ConfigError: The file is missing, no TOML, or has a key or value that is not known.
    """
    named = path or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named is None and not DEFAULT.exists():
        return Config()
    path = named or DEFAULT
    document = read_toml(path)
    known = [spec.name for spec in fields(Config)]
    for key, table in document.items():
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key!r:.80}. Known: {', '.join(known)}")
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: {key} must be a table, not {table!r:.80}")
    suites = {
        name: from_table(Suite, table, f"{path} [suites.{name:.80}]")
        for name, table in document.get("suites", NOTHING).items()
    }
    schedule = from_table(Schedule, document.get("schedule", NOTHING), f"{path} [schedule]")
    check_schedule(schedule, f"{path} [schedule]")
    store = from_table(StoreConfig, document.get("store", NOTHING), f"{path} [store]")
    lab = from_table(Lab, document.get("lab", NOTHING), f"{path} [lab]")
    backends = document.get("backends", NOTHING)
    return Config(document.get("devices", NOTHING), suites, schedule, store, lab, backends)


def check_schedule(schedule: Schedule, where: str) -> None:
    """Make sure of what the flags of `bench run` make sure of.

    Raises:
        ConfigError: A number is too small or too large, or `until` is no share.
    """
    for name, lowest in LOWEST.items():
        if (value := getattr(schedule, name)) < lowest:
            raise ConfigError(f"{where} {name} must be at least {lowest}, not {value}")
    if not schedule.cooldown_s <= MOST_COOLDOWN_S:  # which also refuses NaN
        raise ConfigError(
            f"{where} cooldown_s must be at most {MOST_COOLDOWN_S:.0f}, not {schedule.cooldown_s}"
        )
    if schedule.threads > MOST_THREADS:
        raise ConfigError(f"{where} threads must be at most {MOST_THREADS}, not {schedule.threads}")
    until = schedule.until
    if not 0 <= until < 1:
        raise ConfigError(
            f"{where} until is a share of RTF below 1, not {until:g}:"
            f" {until:g} percent is {until / 100:g}"
        )
