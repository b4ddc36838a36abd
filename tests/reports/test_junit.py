"""JUnit XML of a comparison: failures, errors, skipped tests, and XML whatever names there are."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from comparison_builder import regressed, unlike

from reports.junit import junit


def results_of(comparison, **options):
    """Parse what was written: (class, name) to the element of its result."""
    (suite,) = ElementTree.fromstring(junit(comparison, **options))
    cases = {(one.get("classname"), one.get("name")): one[0] for one in suite.iter("testcase")}
    return suite, cases


def test_a_regression_fails_what_is_unknown_is_skipped_and_the_same_passes():
    suite, cases = results_of(regressed())
    tags = {name: result.tag for name, result in cases.items()}
    assert tags == {
        ("fp32 x xnnpack · short", "RTF"): "failure",
        ("8da8w x xnnpack · short", "RTF"): "skipped",
        ("fp32 x xnnpack · short", "Size"): "system-out",
        ("4w x xnnpack · short", "runs"): "failure",
        ("8w x xnnpack · short", "runs"): "skipped",
    }
    counted = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": "5", "failures": "2", "errors": "0", "skipped": "2"}
    message = cases["fp32 x xnnpack · short", "RTF"].get("message")
    assert "+22.8 % (+20.8 % … +24.8 %)" in message


def test_strictly_what_is_unknown_is_an_error():
    suite, cases = results_of(regressed(), strict=True)
    assert cases["8da8w x xnnpack · short", "RTF"].tag == "error"
    assert (suite.get("errors"), suite.get("skipped")) == ("2", "0")


def test_runs_that_cannot_be_compared_are_an_error_with_the_reason():
    _, cases = results_of(unlike())
    ((name, result),) = cases.items()
    assert name == ("bench", "comparable")
    assert result.tag == "error"


@pytest.mark.parametrize("words", ["\x00\x1b\x0b", "]]>", "<a b='c'>&", "\ud800", "\ufffe"])
def test_any_text_is_well_formed(words):
    comparison = replace(regressed(), base=words, reason=words)
    changes = tuple(replace(change, reason=words) for change in comparison.changes)
    assert results_of(replace(comparison, changes=changes))
