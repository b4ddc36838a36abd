"""A comparison as JUnit XML, which every CI system reads: a test per case and gating metric."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from bench.comparing.verdicts import Change, Comparison, OutcomeChange, Verdict
from bench.metrics import METRICS
from reports.comparison import change_row, headline
from reports.units import printable

# What a verdict is to a test runner; those that are not named pass.
RESULTS = {
    Verdict.REGRESSED: "failure",
    Verdict.INCOMPARABLE: "error",
    Verdict.INCONCLUSIVE: "skipped",
}
STRICT = {**RESULTS, Verdict.INCONCLUSIVE: "error"}


def junit(comparison: Comparison, *, strict: bool = False) -> str:
    """Write a comparison as JUnit XML.

    Args:
        comparison: What was compared.
        strict: Let inconclusive metrics be errors, not skipped tests.
    """
    results = STRICT if strict else RESULTS
    suite = Element("testsuite", name=printable(f"{comparison.candidate} vs {comparison.base}"))
    properties = SubElement(suite, "properties")
    for name in ("base", "candidate", "verdict", "reason"):
        value = printable(str(getattr(comparison, name)))
        SubElement(properties, "property", name=name, value=value)
    if comparison.verdict is Verdict.INCOMPARABLE and not comparison.changes:
        add(suite, ("bench", "comparable"), (results, comparison.verdict), headline(comparison))
    for change in comparison.changes:
        if change.gates:
            label = METRICS[change.metric].label
            add(suite, (str(change.case), label), (results, change.verdict), change_text(change))
    for outcome in comparison.outcomes:
        text = outcome_text(outcome)
        add(suite, (str(outcome.case), "runs"), (results, outcome.verdict), text)
    for case in comparison.missing:
        text = "only the base has this case"
        add(suite, (str(case), "runs"), (results, Verdict.INCONCLUSIVE), text)
    counts = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, tag in counts.items():
        suite.set(name, str(sum(1 for _ in suite.iter(tag))))
    root = Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def add(
    suite: Element, name: tuple[str, str], result: tuple[dict[Verdict, str], Verdict], text: str
) -> None:
    """Add one test case with its result."""
    results, verdict = result
    of, what = map(printable, name)
    test = SubElement(suite, "testcase", classname=of, name=what)
    if verdict in results:
        SubElement(test, results[verdict], type=str(verdict), message=printable(text))
    else:
        SubElement(test, "system-out").text = printable(f"{verdict}: {text}")


def change_text(change: Change) -> str:
    """Write a change on one line."""
    _, _, _, base, candidate, effect, interval, reason = change_row(change)
    within = f" ({interval})" if interval else ""
    return f"{effect}{within}, {base} -> {candidate}: {reason}"


def outcome_text(outcome: OutcomeChange) -> str:
    """Write what became of a case on one line."""
    return f"{outcome.base} -> {outcome.candidate}: {outcome.reason}"
