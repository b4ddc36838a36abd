"""How results of older formats are read: one step per format, each from a document to the next."""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

FORMAT = 2  # of runs
JOURNAL_FORMAT = 3

Document = dict[str, Any]


def migrate(content: bytes) -> Document:
    """Bring a document of an older format up to the present one.

    Raises:
        ValueError: It is no JSON, no run, or of a newer format.
    """
    document: Document = json.loads(content, object_pairs_hook=without_doubles)
    number = document.pop("format", None) if isinstance(document, dict) else None
    if type(number) is not int or not number >= 1:
        raise ValueError("it does not say its format")
    if number > FORMAT:
        raise ValueError(f"it is of format {number!s:.20}: update this project to read it")
    if number == FORMAT:
        raise ValueError(
            "its first line is not as it was written: it was edited, or line ends or a byte order"
            " mark were put in, as by git's autocrlf; take it from where it was written"
        )
    for step in range(number, FORMAT):
        document = MIGRATIONS[step](document)
    return document


def without_doubles(pairs: list[tuple[str, Any]]) -> Document:
    """Make a table of its pairs.

    Raises:
        ValueError: A key is given twice.
    """
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r:.80} is given twice")
    return table


def run_from_1(document: Document) -> Document:
    """Take what rows share out of them, and hold it once.

    Raises:
        ValueError: Rows are not as format 1 has them.
    """
    places: dict[str, int] = {}
    artifacts, rows = [], []
    names = ("operators", "left_out", "methods")
    found = document.pop("rows", None)
    if not isinstance(found, list) or not all(
        isinstance(row, dict) and set(names) <= set(row) for row in found
    ):
        raise ValueError("it has no rows as format 1 has them")
    for row in found:
        facts = {name: row.pop(name) for name in names}
        key = json.dumps(facts, sort_keys=True)
        if key not in places:
            places[key] = len(places)
            artifacts.append(facts)
        rows.append({**row, "artifact": places[key]})
    return {**document, "artifacts": artifacts, "rows": rows}


def entry_from_1(entry: Document) -> Document:
    """Bring one entry of a journal of format 1 up to format 2: processors were not noted."""
    if isinstance(entry.get("facts"), dict):
        return {**entry, "facts": {"affinity": "", **entry["facts"]}}
    return entry


MIGRATIONS: Mapping[int, Callable[[Document], Document]] = MappingProxyType({1: run_from_1})
