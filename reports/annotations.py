"""A comparison as GitHub's workflow commands: annotations of a step, one line each."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from bench.comparing.verdicts import Attribution, Change, Comparison, OutcomeChange, Verdict
from bench.metrics import METRICS
from reports.comparison import change_row
from reports.github import arrows, blame, by_size, outcome_words
from reports.units import printable

SHOWN = 10  # annotations of one kind that GitHub shows of a step
DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY = {**DATA, ":": "%3A", ",": "%2C"}

Entry = TypeVar("Entry", Change, OutcomeChange)


def annotations(comparison: Comparison) -> str:
    """Write errors for what regressed or cannot be compared, warnings for what is not known."""
    return "".join(f"{line}\n" for line in commands(comparison))


def commands(comparison: Comparison) -> Iterator[str]:
    """List the commands, the worst first."""
    failed = [o for o in comparison.outcomes if o.verdict is Verdict.REGRESSED]
    unlike = comparison.gating(Verdict.INCOMPARABLE)
    causes = {attribution.case: attribution for attribution in comparison.attributions}
    if comparison.verdict is Verdict.INCOMPARABLE and not unlike:
        yield command("error", "Not comparable", comparison.reason)
    yield from limited("error", "Failed", failed, lambda o: f"{outcome_words(o)}: {o.reason}")
    regressed = by_size(comparison.gating(Verdict.REGRESSED))
    yield from limited("error", "Regressed", regressed, lambda c: slower(c, causes.get(c.case)))
    yield from limited("warning", "Not comparable", unlike, reason_of)
    unknown = comparison.gating(Verdict.INCONCLUSIVE)
    yield from limited("warning", "Inconclusive", unknown, reason_of)


def limited(
    kind: str, title: str, entries: Sequence[Entry], words: Callable[[Entry], str]
) -> Iterator[str]:
    """Write as many commands as GitHub shows; where there are more, the last one counts them."""
    shown = entries if len(entries) <= SHOWN else entries[: SHOWN - 1]
    for entry in shown:
        about = f"{METRICS[entry.metric].label} of " if isinstance(entry, Change) else ""
        yield command(kind, f"{title}: {about}{entry.case}", words(entry))
    if len(shown) < len(entries):
        yield command(kind, title, f"and {len(entries) - len(shown):,} more")


def reason_of(change: Change) -> str:
    """Say why nothing is known of a change."""
    return change.reason


def slower(change: Change, cause: Attribution | None) -> str:
    """Say how much worse a metric is, and which operator or stage did it."""
    _, _, _, base, candidate, effect, interval, _ = change_row(change)
    within = f" ({interval})" if interval else ""
    parts = [*cause.operators[:1], *cause.stages[:1]] if cause else []
    return arrows("; ".join([f"{effect}{within}, {base} -> {candidate}", *map(blame, parts)]))


def command(kind: str, title: str, text: str) -> str:
    """Write one workflow command, in which neither title nor text can become another."""
    return f"::{kind} title={escaped(title, PROPERTY)}::{escaped(text, DATA)}"


def escaped(words: str, escapes: dict[str, str]) -> str:
    """Escape a text on one line for a workflow command."""
    return "".join(escapes.get(char, char) for char in printable(words))
