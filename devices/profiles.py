"""What is known about phone models, and which model a phone is by what it says of itself."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

from devices.conditions import Discipline
from devices.schedule import MOST_THREADS
from devices.tables import from_table
from model.errors import ConfigError
from model.registry import Registry
from model.toml_files import Table, read_toml

PACKAGED = Path(__file__).with_name("profiles.toml")
SOC_PROPERTY = "ro.soc.model"  # Android 12 and newer
NOTHING: Mapping[str, str] = MappingProxyType({})
BUNDLED = ("android", "linux", "host-native")  # kinds that run the project's own runner


@dataclass(frozen=True)
class Soc:
    """A processor.

    Attributes:
        title: Name for people.
        family: Whose delegates it shares.
        says: Patterns of the property ro.soc.model.
        clusters: Cores of each cluster in the order of their numbers, slowest first.
        little: Whether its slowest cores are little ones, which a model is not measured on.
    """

    title: str
    family: str
    says: tuple[str, ...]
    clusters: tuple[int, ...]
    little: bool = True


@dataclass(frozen=True)
class Profile:
    """A model of phone, or a lab's own device.

    Attributes:
        name: As `--device` takes it.
        title: Name for people.
        kind: Entry of `KINDS`.
        match: Patterns per property, one of which must fit; a phone must fit all properties.
        socs: The processors that the model is sold with, by name.
        abi: Instruction set, as Android spells it.
        address: Where it is, if that must be said: HOST:PORT, usb:SERIAL, server:SERIAL, a serial
            number alone, or USER@HOST:PORT of a board.
        threads: Of the runtime where the schedule leaves it open; 0 for one per fast core.
        runner: A build of ExecuTorch's `executor_runner` or `qnn_executor_runner` to use in place
            of ours; empty for ours.
        discipline: How it is treated while it is measured.
        like: The profile that this one takes all else from.
    """

    name: str
    title: str = ""
    kind: str = "android"
    match: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    socs: tuple[str, ...] = ()
    abi: str = "arm64-v8a"
    address: str = ""
    threads: int = 0
    runner: str = ""
    discipline: Discipline = field(default_factory=Discipline)
    like: str = ""

    def mismatch(self, properties: Mapping[str, str]) -> str:
        """Say why a phone with these properties is not of this model; empty if it is."""
        wanted = {**self.match, "ro.product.cpu.abi": (self.abi,)}
        if self.socs:
            wanted[SOC_PROPERTY] = tuple(p for name in self.socs for p in socs()[name].says)
        for key, patterns in wanted.items():
            said = properties.get(key, "")
            if not any(fnmatchcase(said, pattern) for pattern in patterns):
                return f"its {key} is {said!r}, not {' or '.join(patterns)}"
        return ""

    def why_not(self, backend: str, properties: Mapping[str, str] = NOTHING) -> str:
        """Say why a backend does not apply to this device; empty where it does, or may.

        Args:
            backend: Name of a backend.
            properties: Of the phone, to tell apart the processors of a model sold with several.
        """
        found = soc_of(properties)
        candidates = [found] if found else [socs()[name] for name in self.socs]
        families = {soc.family for soc in candidates} or {self.kind}
        reasons = {excluded(family).get(backend, "") for family in families}
        reason = reasons.pop() if len(reasons) == 1 else ""
        bundled = self.kind in BUNDLED and not self.runner
        return reason or (excluded("bundled-runner").get(backend, "") if bundled else "")

    def snapdragon(self) -> str:
        """Return Qualcomm's number of its Snapdragon, as "SM8650"; empty where it is open."""
        candidates = [socs()[name] for name in self.socs]
        numbers = {soc.says[0].rstrip("*") for soc in candidates if soc.family == "snapdragon"}
        return numbers.pop() if len(numbers) == 1 else ""


def load_profiles(own: Mapping[str, Table] = MappingProxyType({})) -> Mapping[str, Profile]:
    """Return all profiles by name: the packaged ones, one per processor, and a lab's own.

    Args:
        own: Tables of `bench.toml` [devices]; they add to or override the packaged ones.

    Raises:
        ConfigError: A table has unknown keys or values, or names something unknown.
    """
    tables: dict[str, Table] = {
        name: {"title": f"any phone with {soc.title}", "socs": [name]}
        for name, soc in socs().items()
    }
    tables |= packaged()["devices"]
    for name, table in own.items():
        if not isinstance(table, Mapping):
            raise ConfigError(f"bench.toml [devices.{name}] must be a table, not {table!r}")
        like = table.get("like", name)
        if not isinstance(like, str) or ("like" in table and like not in tables):
            raise ConfigError(f"bench.toml [devices.{name}]: unknown device {like!r:.80}")
        base = tables.get(like, {})
        tables[name] = {**base, **table}
    profiles: Registry[Profile] = Registry("device")
    for name, table in tables.items():
        where = f"{'bench.toml' if name in own else PACKAGED.name} [devices.{name}]"
        profile = from_table(Profile, {"name": name, **table}, where)
        if not 0 <= profile.threads <= MOST_THREADS:
            raise ConfigError(f"{where} threads must be 0 to {MOST_THREADS}, not {profile.threads}")
        unknown = sorted(set(profile.socs) - set(socs()))
        if unknown:
            raise ConfigError(f"{where}: unknown processor {unknown[0]!r}")
        profiles.register(name)(profile)
    return profiles


def matching(profiles: Mapping[str, Profile], properties: Mapping[str, str]) -> Sequence[Profile]:
    """Return the profiles that a phone fits, the most particular first."""
    fitting = [p for p in profiles.values() if p.kind == "android" and not p.mismatch(properties)]
    return sorted(fitting, key=lambda profile: (-len(profile.match), -len(profile.socs)))


def soc_of(properties: Mapping[str, str]) -> Soc | None:
    """Return the processor of a phone; None where it is not known."""
    said = properties.get(SOC_PROPERTY, "")
    fitting = (soc for soc in socs().values() if any(fnmatchcase(said, p) for p in soc.says))
    return next(fitting, None)


@functools.cache
def packaged() -> Table:
    """Read the packaged file, once."""
    return read_toml(PACKAGED)


@functools.cache
def socs() -> Mapping[str, Soc]:
    """Return all known processors by name."""
    known: Registry[Soc] = Registry("processor")
    for name, table in packaged()["socs"].items():
        known.register(name)(from_table(Soc, table, f"{PACKAGED.name} [socs.{name}]"))
    return known


def excluded(family: str) -> Mapping[str, str]:
    """Return the backends that do not apply to a family of processors, or to a kind of device.

    Returns:
        Reasons by name of the backend.
    """
    reasons: Mapping[str, str] = packaged()["excludes"].get(family, {})
    return reasons
