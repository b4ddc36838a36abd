"""A read-only mapping that fills itself through a decorator."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from model.errors import ConfigError

T = TypeVar("T")

MANY = 20  # more names than one line of an error should carry


class Registry(Mapping[str, T]):
    """Named entries of one kind; an unknown name is an error that suggests the nearest one.

    Args:
        kind: What the entries are, as the error message calls them.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that adds its argument under `name` and hands it back."""

        def add(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return add

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name]
        except KeyError:
            near = difflib.get_close_matches(name, self._entries, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            known = f"Known: {', '.join(self)}." if len(self) <= MANY else "`bench list` names all."
            raise ConfigError(f"unknown {self.kind} {name!r}.{hint} {known}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
