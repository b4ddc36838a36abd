"""A comparison as a page on GitHub: a step's summary, or a comment that is edited in place.

A reader has ten seconds: the verdict comes first, then the rows that made it, then what is slower
inside; all else is folded. Texts that come from run files mean themselves and nothing more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.comparing.verdicts import (
    Attribution,
    Change,
    Comparison,
    Contribution,
    OutcomeChange,
    Verdict,
)
from bench.metrics import METRICS
from reports.comparison import Section, change_row, grown, sections
from reports.markdown import escape, table

SUMMARY_BYTES = 1 << 20  # of a step's summary; GitHub drops a larger one whole
COMMENT_BYTES = 65_536  # characters in truth; bytes are never fewer
MARKER = "<!-- bench-report:{} -->"
MARKS = {
    Verdict.REGRESSED: "❌ Regressed",
    Verdict.INCOMPARABLE: "🚫 Not comparable",
    Verdict.INCONCLUSIVE: "⚠️ Inconclusive",
    Verdict.IMPROVED: "✅ Improved",
    Verdict.SAME: "✅ No change",
}
HEAD = ("case", "metric", "base", "candidate", "change", "95 % interval")
LED = 20  # rows above the fold
EXPLAINED = 3  # slower cases that are explained above the fold
CAUSES = 3  # stages, and operators, named of each
ANNOTATED = 10  # annotations of a kind that GitHub shows of a step


@dataclass(frozen=True)
class Block:
    """A part of a page: it is there whole, or left out and named."""

    name: str
    text: str


def summary(comparison: Comparison, limit_bytes: int = SUMMARY_BYTES) -> str:
    """Write the markdown of a step summary, in at most so many bytes."""
    blocks = [*lead(comparison), *folded(comparison)]
    return fitted(blocks, limit_bytes)


def comment(comparison: Comparison, name: str = "bench") -> str:
    """Write the body of a comment that is found again by its hidden marker, and edited in place."""
    marker = Block("marker", MARKER.format("".join(c if c.isalnum() else "-" for c in name)))
    return fitted([marker, *lead(comparison), *folded(comparison)], COMMENT_BYTES)


def fitted(blocks: Sequence[Block], limit_bytes: int) -> str:
    """Join blocks as long as they fit, and say which did not."""
    kept: list[str] = []
    left_out: list[str] = []
    room = limit_bytes - 400  # for the line that says what was left out
    for block in blocks:
        size = len(block.text.encode()) + 2
        if size <= room:
            kept.append(block.text)
            room -= size
        else:
            left_out.append(block.name)
    if left_out:
        named = ", ".join(dict.fromkeys(left_out))[:200]
        kept.append(f"_Left out for length: {named}. comparison.json has everything._")
    return "\n\n".join(kept) + "\n"


def lead(comparison: Comparison) -> Iterator[Block]:
    """Say the verdict, show the rows that made it, and what is slower inside."""
    yield Block("verdict", f"## {MARKS[comparison.verdict]}{escape(decisive(comparison))}")
    how = ", measured in turns" if comparison.interleaved else ""
    names = f"**{escape(comparison.candidate)}** against **{escape(comparison.base)}**{how}"
    yield Block("counts", f"{names}: {escape(comparison.reason)}.")
    if comparison.verdict is Verdict.INCOMPARABLE and comparison.mismatches:
        rows = [
            (m.condition, str(m.case or "all"), m.base, m.candidate) for m in comparison.mismatches
        ]
        head = ("condition", "case", "base", "candidate")
        yield Block("unlike conditions", table(head, len(head), rows[:LED]))
    yield from failures(comparison)
    if comparison.verdict is not Verdict.SAME:
        yield from change_table(comparison.verdict, comparison)
    for attribution in comparison.attributions[:EXPLAINED]:
        yield Block("why it is slower", why(attribution))


def decisive(comparison: Comparison) -> str:
    """Name the change that is for the worse, or the better, to stand behind it in the title."""
    failed = [o for o in comparison.outcomes if o.verdict is comparison.verdict]
    changed = by_size(comparison.gating(comparison.verdict))
    number = len(failed) + len(changed)
    if comparison.verdict not in (Verdict.REGRESSED, Verdict.IMPROVED) or not number:
        return ""
    first = outcome_words(failed[0]) if failed else change_words(changed[0])
    return f": {first}" + (f" and {number - 1} more" if number > 1 else "")


def by_size(changes: Sequence[Change]) -> list[Change]:
    """Sort changes, the largest first."""
    return sorted(changes, key=lambda change: -abs(change.effect or 0.0))


def change_words(change: Change) -> str:
    """Name a change in half a line."""
    effect = change_row(change)[5]
    return f"{METRICS[change.metric].label} {effect} ({change.case})"


def outcome_words(outcome: OutcomeChange) -> str:
    """Name a failure in half a line."""
    return f"{outcome.case}: {outcome.base} → {outcome.candidate}"


def failures(comparison: Comparison) -> Iterator[Block]:
    """Show cases that end otherwise than before, and those that are missing."""
    changed = [o for o in comparison.outcomes if o.verdict is not Verdict.SAME]
    if changed:
        head = ("case", "base", "candidate", "reason")
        rows = [(str(o.case), o.base, o.candidate, o.reason) for o in changed[:LED]]
        yield Block("failures", f"**Outcomes**\n\n{table(head, len(head), rows)}{rest(changed)}")
    if comparison.missing:
        named = "; ".join(escape(str(case)) for case in comparison.missing[:LED])
        yield Block("missing", f"**Missing**: {named}{rest(comparison.missing)}")


def change_table(verdict: Verdict, comparison: Comparison) -> Iterator[Block]:
    """Show the gating changes of one verdict, the largest first."""
    changes = by_size(comparison.gating(verdict))
    if not changes:
        return
    # What is not known needs its reason, and has no interval worth reading.
    unknown = verdict in (Verdict.INCONCLUSIVE, Verdict.INCOMPARABLE)
    head = (*HEAD[:5], "why") if unknown else HEAD
    rows = [change_row(change) for change in changes[:LED]]
    cells = [(*row[1:6], row[7] if unknown else row[6]) for row in rows]
    yield Block(f"{verdict} metrics", f"{table(head, len(head), cells)}{rest(changes)}")


def rest(entries: Sequence[object]) -> str:
    """Count what a table above the fold has no room for."""
    more = len(entries) - LED
    return f"\n\n_and {more:,} more, in comparison.json_" if more > 0 else ""


def why(attribution: Attribution) -> str:
    """Name the operators and stages that take longer, the guilty first."""
    parts = [*attribution.operators[:CAUSES], *attribution.stages[:CAUSES]]
    said = [blame(part) for part in parts]
    said += [f"in the .pte, {fact}" for fact in attribution.facts[:CAUSES]]
    lines = [f"- {escape(arrows(words))}" for words in said]
    return "\n".join([f"**Why {escape(str(attribution.case))} is slower**", "", *lines])


def blame(part: Contribution) -> str:
    """Say how much longer one part takes."""
    if not part.operator:
        return f"stage {part.part}: {grown(part)}"
    where = f"in {part.delegate}" if part.delegate else "outside every delegate"
    return f"operator {part.operator} of {part.part}, {where}: {grown(part)}"


def arrows(words: str) -> str:
    """Put arrows for what would be escaped into something less readable."""
    return words.replace(" -> ", " → ")


def folded(comparison: Comparison) -> Iterator[Block]:
    """Put every section of a comparison behind a line that opens it."""
    pending: list[tuple[str, str]] = []
    for section in sections(comparison):
        if section.rows and section.title:
            title = f"{section.title} ({len(section.rows):,})"
            pending.append((title, drawn(section)))
        elif section.rows and pending:
            title, text = pending[-1]
            pending[-1] = title, f"{text}\n\n{drawn(section)}"
    for title, text in pending:
        opened = f"<details><summary>{escape(title)}</summary>\n\n{text}\n\n</details>"
        yield Block(title, opened)


def drawn(section: Section) -> str:
    """Draw a section as a table or a list."""
    if section.head:
        return table(section.head, len(section.head), section.rows)
    return "\n".join(f"- {escape(arrows(row[0]))}" for row in section.rows)
