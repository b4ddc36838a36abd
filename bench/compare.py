"""Two runs in, a verdict out: regressed, improved, same, inconclusive or not comparable."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from bench.attribution import attribute
from bench.comparable import unlike_rows, unlike_runs
from bench.deciding import Subject, decide_all, exact_change
from bench.metrics import METRICS, Metric
from bench.results import Case, Measurement, Outcome, Row, Run
from bench.terms import Terms
from bench.verdicts import Change, Comparison, Mismatch, OutcomeChange, Verdict
from bench.warnings import REMEDIES, TAINTS
from bench.wording import overall_reason

ONE_SIDED = ("OTHER_LOAD",)  # taints where only one of two separate runs has it
NOT_MEASURED = (Outcome.SKIPPED, Outcome.UNFINISHED, Outcome.LOST)


def compare(base: Run, candidate: Run, terms: Terms) -> Comparison:
    """Compare two runs.

    What cannot be compared is told before any arithmetic: unlike conditions, failures, missing
    cases, repeats on a hot device. Then metrics that are exact are compared as they are, and all
    others by statistics over repeats (`bench.judging`).
    """
    names = base.header.run, candidate.header.run
    unlike = unlike_runs(base, candidate, terms.allowed)
    refused = [mismatch.condition for mismatch in unlike if not mismatch.allowed]
    if refused:
        listed = ", ".join(dict.fromkeys(refused))
        reason = f"the runs differ in {listed}: measure alike, or pass --allow"
        return Comparison(*names, Verdict.INCOMPARABLE, reason, mismatches=unlike)
    rows = [rows_by_key(run, terms.across) for run in (base, candidate)]
    pairs = [(rows[0][key], row) for key, row in rows[1].items() if key in rows[0]]
    measured = [pair for pair in pairs if all(row.outcome is Outcome.OK for row in pair)]
    interleaved = bool(base.header.session) and base.header.session == candidate.header.session
    mismatches = [found for a, b in measured for found in unlike_rows(a, b, b.case, terms.allowed)]
    differing = {m.case: m for m in mismatches if not m.allowed}
    found = [
        item
        for a, b in measured
        for item in changes_of(a, b, terms, why_no_times(a, b, differing, interleaved=interleaved))
    ]
    changes = [item for item in found if isinstance(item, Change)]
    subjects = [item for item in found if isinstance(item, Subject)]
    changes += decide_all(subjects, terms, paired=interleaved)
    changes.sort(key=lambda change: not change.gates)
    outcomes = tuple(compared_outcomes(pairs))
    missing = tuple(row.case for key, row in rows[0].items() if key not in rows[1])
    verdict = overall(changes, outcomes, missing)
    slower = {
        change.case
        for change in changes
        if change.verdict is Verdict.REGRESSED and change.gates and METRICS[change.metric].timed
    }
    return Comparison(
        *names,
        verdict,
        overall_reason(verdict, changes, outcomes, missing),
        interleaved=interleaved,
        mismatches=(*unlike, *mismatches),
        missing=missing,
        new=tuple(row.case for key, row in rows[1].items() if key not in rows[0]),
        outcomes=outcomes,
        changes=tuple(changes),
        attributions=tuple(attribute(a, b) for a, b in measured if b.case in slower),
        notes=tuple(notes(measured)),
    )


def rows_by_key(run: Run, across: frozenset[str]) -> dict[tuple[str, ...], Row]:
    """Name each row by the fields of its case that must agree."""
    return {
        tuple(value for name, value in vars(row.case).items() if name not in across): row
        for row in run.rows
    }


def why_no_times(
    base: Row,
    candidate: Row,
    differing: Mapping[Case | None, Mismatch],
    *,
    interleaved: bool,
) -> tuple[Verdict, str] | None:
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


def changes_of(
    base: Row, candidate: Row, terms: Terms, refusal: tuple[Verdict, str] | None
) -> Iterator[Change | Subject]:
    """Go through the metrics of a case: changes that are plain, and subjects of statistics.

    Metrics that do not gate are left out where nothing can be said of them.
    """
    case = candidate.case
    frames = [row.metrics.get("audio_frames") for row in (base, candidate)]
    lengths = [found.median for found in frames if found]
    as_long = len(set(lengths)) < 2
    for name, metric in terms.compared().items():
        a, b = base.metrics.get(name), candidate.metrics.get(name)
        gates, tolerance = terms.gates(name), terms.tolerance(name)
        why: tuple[Verdict, str] | None = None
        if a is None or b is None:
            lacking = "base" if a is None else "candidate"
            why = Verdict.INCONCLUSIVE, f"the {lacking} has no such metric"
            if a is b:
                continue
        elif metric.timed and refusal:
            why = refusal
        elif metric.length_bound and not as_long:
            said = " against ".join(f"{length:.0f}" for length in lengths)
            why = Verdict.INCOMPARABLE, f"speeches of {said} frames: compare RTF"
        elif metric.exact:
            yield from exact_change(Subject(case, name, a, b, tolerance, gates))
        elif reason := why_no_statistics(a, b, metric):
            why = Verdict.INCONCLUSIVE, reason
        else:
            yield Subject(case, name, a, b, tolerance, gates)
        if why and gates:
            before, after = (found.median if found else None for found in (a, b))
            yield Change(case, name, why[0], gates, why[1], before, after, metric.unit)


def why_no_statistics(base: Measurement, candidate: Measurement, metric: Metric) -> str:
    """Say why no test can be made of a metric; nothing where one can."""
    if min(len(base.samples), len(candidate.samples)) < 2:
        return "one repeat: nothing is known of its spread; measure at least 5"
    lowest = min(*base.samples, *candidate.samples)
    if not metric.absolute and lowest <= 0:
        return "values of zero or below have no ratio"
    return ""


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
    """Say each doubt that rows of either run have, once, with its remedy."""
    doubted = Counter(name for pair in pairs for name in {*pair[0].warnings, *pair[1].warnings})
    for name in REMEDIES:
        if doubted[name]:
            cases = "case" if doubted[name] == 1 else "cases"
            yield f"{name} in {doubted[name]} {cases}: {REMEDIES[name]}"
