"""What every format says besides numbers: what was not measured, warnings, conditions."""

import re
from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.results import Header, Outcome, Run
from bench.warnings import REMEDIES, NamedWarning
from reports.units import count, text

CASES_NAMED = 3
SHA256 = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
FIRST_DIGITS = r"\1…"

Line = Mapping[Hashable, Any]  # of the frame of schemes


@dataclass(frozen=True)
class Note:
    """Something to know about some cases.

    Attributes:
        name: Outcome or warning.
        words: Reason or remedy.
        cases: Those that it is about.
    """

    name: str
    words: str
    cases: tuple[str, ...]

    @property
    def about(self) -> str:
        """Name the cases, the first ones where they are many."""
        named = ", ".join(self.cases[:CASES_NAMED])
        more = len(self.cases) - CASES_NAMED
        return f"{named} and {more:,} more" if more > 0 else named


def marks(header: Header) -> list[Note]:
    """Name what must stand in plain sight above all numbers."""
    holds = {
        NamedWarning.UNTRAINED: not header.trained,
        NamedWarning.EMULATED: header.device.emulated,
    }
    return [
        Note(warning.name.lower(), warning.value, ()) for warning, true in holds.items() if true
    ]


def unmeasured(run: Run) -> list[Note]:
    """Gather the cases that have no numbers by outcome and reason."""
    cases: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in run.rows:
        if row.outcome is not Outcome.OK:
            cases[row.outcome.value, row.reason].append(str(row.case))
    return [Note(outcome, reason, tuple(about)) for (outcome, reason), about in cases.items()]


def slower(schemes: pd.DataFrame) -> list[Note]:
    """Gather the schemes that are slower than fp32, with the reason."""
    lines = schemes[schemes["reason"] != ""].to_dict("records")
    return [Note(name_of(line), line["reason"], ()) for line in lines]


def warnings_of(run: Run) -> list[Note]:
    """Gather the unreliable cases by warning, with its remedy."""
    cases: defaultdict[str, list[str]] = defaultdict(list)
    for row in run.rows:
        for name in row.warnings:
            cases[name].append(str(row.case))
    measured = sum(row.outcome is Outcome.OK for row in run.rows)
    return [
        Note(
            name,
            REMEDIES.get(name, ""),
            ("all measured cases",) if len(about) == measured else tuple(about),
        )
        for name, about in cases.items()
    ]


def name_of(line: Line) -> str:
    """Name a line of the frame of schemes."""
    return f"{line['scheme']} x {line['backend']}"


def conditions(header: Header) -> list[tuple[str, str]]:
    """List what the numbers hold for, as label and text."""
    device, schedule = header.device, header.schedule
    syntheses = f"{schedule.warmup} warm-up and {schedule.iterations} measured syntheses"
    threads = count(schedule.threads, "thread") if schedule.threads else "one thread per core"
    return [
        ("Device", f"{device.model} ({' · '.join(dict.fromkeys((device.name, device.kind)))})"),
        ("Processor", f"{device.soc}, {device.abi}, {count(device.cores, 'core')}"),
        ("Memory", text(device.memory_bytes, "bytes")),
        ("System", " · ".join(filter(None, (device.os, device.fingerprint)))),
        ("Repeats", f"{schedule.repeats} fresh processes, each with {syntheses}"),
        ("Cooldown", f"{text(schedule.cooldown_s, 's')} between repeats"),
        ("Threads", threads),
        ("Model", listed(header.model)),
        ("Passes", ", ".join(map(str, header.passes))),
        ("Versions", listed(header.versions)),
        ("Commit", header.commit or "outside a checkout"),
        ("Started", header.started_at),
        *([("Made by", f"bench {header.made_by}")] if header.made_by else []),
    ]


def listed(entries: Mapping[str, str]) -> str:
    """Write names with their values, hashes by their first digits."""
    return " · ".join(
        f"{name} {SHA256.sub(FIRST_DIGITS, value)}" for name, value in entries.items()
    )


def subject(run: Run) -> str:
    """Say what was measured on what, as far as it is the same for all cases."""
    cases = [row.case for row in run.rows]
    same = [{case.model for case in cases}, {case.backend for case in cases}]
    names = [name for names in same if len(names) == 1 for name in names]
    return " · ".join((run.header.device.model, *names))
