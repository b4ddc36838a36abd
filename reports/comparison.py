"""A comparison as sections, worst first: what every format of it is drawn from."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.comparing.verdicts import Attribution, Change, Comparison, Contribution, Verdict
from bench.comparing.wording import amount
from bench.metrics import METRICS
from bench.results import Case
from reports.units import MISSING, count, scale_for, text

ORDER = {verdict: place for place, verdict in enumerate(Verdict)}
# Verdicts whose every line is worth reading; of the others, so many.
ALWAYS_LISTED = (Verdict.REGRESSED, Verdict.INCOMPARABLE)
LISTED = 40
FEW = 8  # changes, or facts of a .pte, that may all be listed, whatever they say
HEAD = ("verdict", "case", "metric", "base", "candidate", "change", "95 % interval", "why")


@dataclass(frozen=True)
class Section:
    """A part of a comparison.

    Attributes:
        title: Heading.
        head: Titles of the columns; empty where lines follow and no table.
        rows: Cells; of a section without head, one line each.
        verdict: That it is about; None where it is about none.
    """

    title: str
    rows: Sequence[tuple[str, ...]]
    head: tuple[str, ...] = ()
    verdict: Verdict | None = None


def headline(comparison: Comparison) -> str:
    """Say the verdict on the whole in one line."""
    how = " (measured in turns)" if comparison.interleaved else ""
    return f"{comparison.candidate} against {comparison.base}{how}: {comparison.reason}"


def sections(comparison: Comparison) -> Iterator[Section]:
    """Arrange a comparison for a reader with ten seconds, and for one with more."""
    unlike = [
        (
            m.condition,
            str(m.case or "all"),
            m.base,
            m.candidate,
            "allowed" if m.allowed else f"--allow {m.condition}",
        )
        for m in comparison.mismatches
    ]
    yield Section("Differing conditions", unlike, ("condition", "case", "base", "candidate", ""))
    gating = sorted((c for c in comparison.changes if c.gates), key=lambda c: ORDER[c.verdict])
    yield Section("Gating metrics", change_rows(gating), HEAD)
    yield Section("", left_out(gating))
    outcomes = [
        (str(o.verdict), str(o.case), o.base, o.candidate, o.reason)
        for o in sorted(comparison.outcomes, key=lambda o: ORDER[o.verdict])
    ]
    yield Section("Failures", outcomes, ("verdict", "case", "base", "candidate", "reason"))
    for attribution in comparison.attributions:
        yield Section(f"Why {attribution.case} is slower", attribution_rows(attribution))
    yield Section("Missing", names(comparison.missing))
    yield Section("New", names(comparison.new))
    informing = [change for change in comparison.changes if not change.gates]
    title = "Also changed (each tested for itself; does not gate)"
    yield Section(title, change_rows(informing), HEAD)
    yield Section("", left_out(informing))
    yield Section("Notes", [(note,) for note in comparison.notes])


def listed(changes: Sequence[Change]) -> list[Change]:
    """Choose the changes that are worth a line each."""
    if len(changes) <= FEW:
        return list(changes)
    quiet = (*ALWAYS_LISTED, Verdict.SAME)
    others = [change for change in changes if change.verdict not in quiet]
    kept = {id(change) for change in others[:LISTED]}
    return [c for c in changes if c.verdict in ALWAYS_LISTED or id(c) in kept]


def left_out(changes: Sequence[Change]) -> list[tuple[str]]:
    """Count what is not listed."""
    shown = Counter(change.verdict for change in listed(changes))
    missing = Counter(change.verdict for change in changes) - shown
    if not missing:
        return []
    parts = ", ".join(f"{number:,} {verdict}" for verdict, number in missing.items())
    return [(f"and {parts} (listed in the JSON)",)]


def change_rows(changes: Sequence[Change]) -> list[tuple[str, ...]]:
    """Write changes, one line each."""
    return [change_row(change) for change in listed(changes)]


def change_row(change: Change) -> tuple[str, ...]:
    """Write one change."""
    known = [value for value in (change.base, change.candidate) if value is not None]
    scale = scale_for(known, change.unit)
    before, after = (
        MISSING if value is None else scale.text(value) for value in (change.base, change.candidate)
    )
    metric = METRICS[change.metric].label
    facts = str(change.verdict), str(change.case), metric, before, after
    if change.effect is None or change.low is None or change.high is None:
        return (*facts, MISSING, "", change.reason)
    ends = [amount(change, value, "+") for value in (change.low, change.high)]
    interval = "" if METRICS[change.metric].exact else " … ".join(ends)
    return (*facts, amount(change, change.effect, "+"), interval, change.reason)


def names(cases: Sequence[Case]) -> list[tuple[str]]:
    """Name some cases, and count the others."""
    rows = [(str(case),) for case in cases[:LISTED]]
    rest = len(cases) - len(rows)
    return [*rows, (f"and {count(rest, 'more case')}",)] if rest else rows


def attribution_rows(attribution: Attribution) -> list[tuple[str, ...]]:
    """Write where the time went, largest share first."""
    rows: list[tuple[str, ...]] = [
        (f"stage {part.part}: {grown(part)}",) for part in attribution.stages
    ]
    for part in attribution.operators:
        place = f"in {part.delegate}" if part.delegate else "outside every delegate"
        rows.append((f"operator {part.part} {part.operator} {place}: {grown(part)}",))
    if not attribution.operators:
        rows.append(
            ("no operator is named: a profile of both runs is missing, or shows no growth",)
        )
    rows += [(f"in the .pte: {fact}",) for fact in attribution.facts[:FEW]]
    rest = len(attribution.facts) - FEW
    return [*rows, (f"and {count(rest, 'more fact')} of the .pte",)] if rest > 0 else rows


def grown(part: Contribution) -> str:
    """Write how much longer a part takes, and its share of the whole change."""
    was = "new" if part.base_ms is None else text(part.base_ms, "ms")
    now = text(part.candidate_ms or 0.0, "ms")
    return f"{was} -> {now}, {part.share:.0%} of the change"
