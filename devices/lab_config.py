"""Which devices stand beside which machines: the table `[lab]` of `bench.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from model.errors import ConfigError

PREFIX = "lab/"


@dataclass(frozen=True)
class Lab:
    """The table `[lab]` of `bench.toml`.

    Attributes:
        scheduler: Address of Dask's scheduler; empty for processes of this computer.
        members: Devices, by name, and for each the name of the worker beside it; with processes of
            this computer, it may be empty.
    """

    scheduler: str = ""
    members: Mapping[str, str] = field(default_factory=dict)

    def chosen(self, pattern: str) -> Mapping[str, str]:
        """Return the members that `--device lab/PATTERN` means.

        Raises:
            ConfigError: There are none.
        """
        wanted = pattern.removeprefix(PREFIX)
        found = {name: at for name, at in self.members.items() if fnmatchcase(name, wanted)}
        if not found:
            known = ", ".join(self.members) or "none: bench.toml [lab.members] names them"
            raise ConfigError(f"no member of the lab fits {wanted!r}. Known: {known}")
        return found
