"""Ordered rewriting rules, each a function with an example in its docstring."""

import re
from collections.abc import Callable, Iterable, Iterator

Handler = Callable[[re.Match[str]], str]


class Rules:
    """Rewrites a text by one rule after the other, in the order they were written down."""

    def __init__(self) -> None:
        self._rules: list[tuple[re.Pattern[str], Handler]] = []

    def rule(self, pattern: str) -> Callable[[Handler], Handler]:
        """Return a decorator that makes a function the answer to each match of `pattern`."""

        def add(handler: Handler) -> Handler:
            self._rules.append((re.compile(pattern), handler))
            return handler

        return add

    def __iter__(self) -> Iterator[tuple[re.Pattern[str], Handler]]:
        return iter(self._rules)

    def __call__(self, text: str) -> str:
        """Return the rewritten text."""
        for pattern, handler in self._rules:
            text = pattern.sub(handler, text)
        return text


def alternatives(words: Iterable[str]) -> str:
    """Return a pattern for any of `words`, longer ones first."""
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))
