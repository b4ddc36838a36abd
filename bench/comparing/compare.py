"""Two runs in, a verdict out: regressed, improved, same, inconclusive or not comparable."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter

from bench.comparing.attribution import attribute, stage_ms
from bench.comparing.columns import Columns, columns_of
from bench.comparing.comparable import unlike_rows, unlike_runs
from bench.comparing.deciding import Batch, decide_all, screened
from bench.comparing.pairing import Pairs, Refusal, changes_of
from bench.comparing.terms import Terms
from bench.comparing.verdicts import (
    Attribution,
    Change,
    Comparison,
    Mismatch,
    OutcomeChange,
    Verdict,
)
from bench.comparing.wording import overall_reason
from bench.metrics import METRICS
from bench.results import Case, Header, Outcome, Row, Run
from bench.warnings import REMEDIES, TAINTS

ONE_SIDED = ("OTHER_LOAD",)  # taints where only one of two separate runs has it
NOT_MEASURED = (Outcome.SKIPPED, Outcome.UNFINISHED, Outcome.LOST)


def compare(base: Run, candidate: Run, terms: Terms) -> Comparison:
    """Compare two runs.

    What cannot be compared is told before any arithmetic: unlike conditions, failures, missing
    cases, repeats on a hot device. Then metrics that are exact are compared as they are, and all
    others by statistics over repeats (`bench.comparing.judging`).
    """
    return compare_columns(
        columns_of(base.header, base.rows), columns_of(candidate.header, candidate.rows), terms
    )


def compare_columns(base: Columns, candidate: Columns, terms: Terms) -> Comparison:
    """Compare two runs that are columns already."""
    names = base.header.run, candidate.header.run
    unlike = unlike_runs(base.header, candidate.header, terms.allowed)
    refused = [mismatch.condition for mismatch in unlike if not mismatch.allowed]
    if refused:
        listed = ", ".join(dict.fromkeys(refused))
        reason = f"the runs differ in {listed}: measure alike, or pass --allow"
        return Comparison(*names, Verdict.INCOMPARABLE, reason, mismatches=unlike)
    places = [rows_by_key(run, terms.across) for run in (base, candidate)]
    common = [(places[0][key], number) for key, number in places[1].items() if key in places[0]]
    both = [(base.rows[a], candidate.rows[b]) for a, b in common]
    ok = [all(row.outcome is Outcome.OK for row in pair) for pair in both]
    measured = [pair for pair, fine in zip(both, ok, strict=True) if fine]
    where = [pair for pair, fine in zip(common, ok, strict=True) if fine]
    interleaved = bool(base.header.session) and base.header.session == candidate.header.session
    mismatches = [found for a, b in measured for found in unlike_rows(a, b, b.case, terms.allowed)]
    differing = {m.case: m for m in mismatches if not m.allowed}
    refusals = [why_no_times(a, b, differing, interleaved=interleaved) for a, b in measured]
    changes: list[Change] = []
    batches: list[Batch] = []
    for item in changes_of(Pairs(base, candidate, where, refusals), terms):
        if isinstance(item, Change):
            changes.append(item)
        else:
            batches.append(item if item.gates else screened(item, terms, paired=interleaved))
    changes += decide_all(batches, terms, paired=interleaved)
    changes.sort(key=lambda change: not change.gates)
    outcomes = tuple(compared_outcomes(both))
    missing = tuple(base.rows[n].case for key, n in places[0].items() if key not in places[1])
    verdict = overall(changes, outcomes, missing)
    return Comparison(
        *names,
        verdict,
        overall_reason(verdict, changes, outcomes, missing, absent_of((base, candidate), terms)),
        interleaved=interleaved,
        mismatches=(*unlike, *mismatches),
        missing=missing,
        new=tuple(candidate.rows[n].case for key, n in places[1].items() if key not in places[0]),
        outcomes=outcomes,
        changes=tuple(changes),
        attributions=tuple(attributions(base, candidate, where, changes)),
        notes=tuple(notes(measured)),
    )


def same_run(header: Header) -> Comparison:
    """Tell that a run was compared with itself, which shows nothing."""
    reason = "base and candidate are the same run: name two runs, or two schemes by --schemes"
    return Comparison(header.run, header.run, Verdict.INCOMPARABLE, reason)


def rows_by_key(run: Columns, across: frozenset[str]) -> dict[object, int]:
    """Number the rows by the fields of their cases that must agree."""
    key = attrgetter(*(spec.name for spec in fields(Case) if spec.name not in across))
    return {key(row.case): number for number, row in enumerate(run.rows)}


def attributions(
    base: Columns,
    candidate: Columns,
    where: Sequence[tuple[int, int]],
    changes: Sequence[Change],
) -> Iterator[Attribution]:
    """Say of each case whose time regressed why."""
    slower = {
        change.case
        for change in changes
        if change.verdict is Verdict.REGRESSED and change.gates and METRICS[change.metric].timed
    }
    for a, b in where:
        if candidate.rows[b].case in slower:
            stages = stage_ms(base, a), stage_ms(candidate, b)
            yield attribute(base.rows[a], candidate.rows[b], *stages)


def why_no_times(
    base: Row,
    candidate: Row,
    differing: Mapping[Case | None, Mismatch],
    *,
    interleaved: bool,
) -> Refusal | None:
    """Say why the times of a case cannot be compared; None where they can."""
    if mismatch := differing.get(candidate.case):
        reason = f"{mismatch.condition}: {mismatch.base} against {mismatch.candidate}"
        return Verdict.INCOMPARABLE, reason
    for side, row in (("base", base), ("candidate", candidate)):
        for name in TAINTS:
            if name in row.warnings:
                return Verdict.INCONCLUSIVE, f"{name} in the {side}: {REMEDIES[name]}"
    for name in () if interleaved else ONE_SIDED:
        sides = [name in row.warnings for row in (base, candidate)]
        if sides[0] != sides[1]:
            side = "base" if sides[0] else "candidate"
            return Verdict.INCONCLUSIVE, f"{name} in the {side} only: {REMEDIES[name]}"
    return None


def absent_of(runs: Sequence[Columns], terms: Terms) -> tuple[str, ...]:
    """Name the metrics that were asked for and that neither run has."""
    return tuple(
        name
        for name in terms.compared()
        if terms.asks_for(name) and all(name not in run.metrics for run in runs)
    )


def compared_outcomes(pairs: Sequence[tuple[Row, Row]]) -> Iterator[OutcomeChange]:
    """Compare how cases ended, where at least one of the two did not end well."""
    for base, candidate in pairs:
        before, after = base.outcome, candidate.outcome
        if before is Outcome.OK and after is Outcome.OK:
            continue
        reason = candidate.reason or base.reason
        if before is after:
            verdict = Verdict.SAME
        elif after is Outcome.OK:
            verdict = Verdict.IMPROVED
        elif after in NOT_MEASURED or before in NOT_MEASURED:
            verdict = Verdict.INCONCLUSIVE
        elif before is Outcome.OK:
            verdict = Verdict.REGRESSED
        else:
            verdict = Verdict.SAME  # it failed before and fails now, if elsewhere
        yield OutcomeChange(candidate.case, str(before), str(after), verdict, reason)


def overall(
    changes: Sequence[Change], outcomes: Sequence[OutcomeChange], missing: Sequence[Case]
) -> Verdict:
    """Take all gating verdicts together: the worst that was found, and same only if all are."""
    found = Counter(change.verdict for change in changes if change.gates)
    # A case that fails as it did before is no news, and no measurement either.
    found.update(o.verdict for o in outcomes if o.verdict is not Verdict.SAME)
    if found[Verdict.REGRESSED]:
        return Verdict.REGRESSED
    if set(found) <= {Verdict.INCOMPARABLE}:
        return Verdict.INCOMPARABLE
    if found[Verdict.INCOMPARABLE] or found[Verdict.INCONCLUSIVE] or missing:
        return Verdict.INCONCLUSIVE
    return Verdict.IMPROVED if found[Verdict.IMPROVED] else Verdict.SAME


def notes(pairs: Sequence[tuple[Row, Row]]) -> Iterator[str]:
    """Say each warning that rows of either run have, once, with its remedy."""
    rows_with = Counter(name for pair in pairs for name in {*pair[0].warnings, *pair[1].warnings})
    for name in REMEDIES:
        if rows_with[name]:
            cases = "case" if rows_with[name] == 1 else "cases"
            yield f"{name} in {rows_with[name]} {cases}: {REMEDIES[name]}"
