"""Whether two runs may be compared: the conditions that must agree, each by its name."""

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType

from bench.comparing.verdicts import Mismatch
from bench.results import Case, Header, Row
from model.errors import ConfigError

NO_CLOCKS = "as the system sets them"

# What a header says of each condition.
OF_RUNS: Mapping[str, Callable[[Header], object]] = MappingProxyType(
    {
        "device": lambda h: (h.device.model, h.device.soc, h.device.abi, h.device.memory_bytes),
        "members": lambda h: {
            name: (m.model, m.os, m.fingerprint) for name, m in h.members.items()
        },
        "os": lambda h: (h.device.os, h.device.fingerprint),
        "runner": lambda h: h.device.kind,
        "emulated": lambda h: h.device.emulated,
        "threads": lambda h: h.schedule.threads,
        "schedule": lambda h: {"warmup": h.schedule.warmup, "iterations": h.schedule.iterations},
        "model": lambda h: h.model,
        "passes": lambda h: h.passes,
    }
)
# What a row says; these keep its times from being compared, and nothing else.
OF_ROWS: Mapping[str, Callable[[Row], object]] = MappingProxyType(
    {
        "affinity": lambda row: row.affinity,
        "clocks": lambda row: "pinned" if "CLOCKS_PINNED" in row.warnings else NO_CLOCKS,
    }
)
# Of packages and of utterances, only those that both runs name are compared.
PINS, UTTERANCES = "pins", "utterances"
CONDITIONS = (*OF_RUNS, PINS, UTTERANCES, *OF_ROWS)


def check_allowed(names: Collection[str]) -> None:
    """Make sure that conditions to be overlooked are ones.

    Raises:
        ConfigError: A name is unknown.
    """
    for name in names:
        if name not in CONDITIONS:
            known = ", ".join(CONDITIONS)
            raise ConfigError(f"there is no condition {name!r} to allow. Known: {known}.")


def unlike_runs(a: Header, b: Header, allowed: Collection[str]) -> tuple[Mismatch, ...]:
    """Name the conditions of two runs that differ."""
    found = [
        Mismatch(name, *told_apart(read(a), read(b)), name in allowed)
        for name, read in OF_RUNS.items()
        if read(a) != read(b)
    ]
    named_by_both = sorted(a.versions.keys() & b.versions.keys())
    pins = [{name: header.versions[name] for name in named_by_both} for header in (a, b)]
    if pins[0] != pins[1]:
        found.append(Mismatch(PINS, *told_apart(*pins), PINS in allowed))
    said_in_both = a.utterances.keys() & b.utterances.keys()
    found += [
        Mismatch(UTTERANCES, *told_apart(a.utterances[u], b.utterances[u]), UTTERANCES in allowed)
        for u in sorted(said_in_both)
        if a.utterances[u] != b.utterances[u]
    ]
    return tuple(found)


def unlike_rows(
    base: Row, candidate: Row, case: Case, allowed: Collection[str]
) -> Iterator[Mismatch]:
    """Name the conditions of two rows of one case that differ."""
    for name, read in OF_ROWS.items():
        if read(base) != read(candidate):
            was, became = told_apart(read(base), read(candidate))
            yield Mismatch(name, was, became, name in allowed, case)


def told_apart(base: object, candidate: object) -> tuple[str, str]:
    """Write two values that differ, of tables and lists only what does."""
    if isinstance(base, Mapping) and isinstance(candidate, Mapping):
        keys = [key for key in {**base, **candidate} if base.get(key) != candidate.get(key)]
        return tuple(
            ", ".join(f"{key} {side[key]}" if key in side else f"no {key}" for key in keys)
            for side in (base, candidate)
        )  # type: ignore[return-value]  # two, as the sides are
    if isinstance(base, tuple) and isinstance(candidate, tuple) and len(base) == len(candidate):
        pairs = [pair for pair in zip(base, candidate, strict=True) if pair[0] != pair[1]]
        was, became = zip(*pairs, strict=True)
        return ", ".join(map(str, was)), ", ".join(map(str, became))
    return written(base), written(candidate)


def written(value: object) -> str:
    """Write one value."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
