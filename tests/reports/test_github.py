"""What GitHub shows of a comparison: the verdict first, not too much, nothing that is markup."""

import html
import re
from dataclasses import replace

import pytest
from comparison_builder import make_attribution, make_case, make_change, make_comparison, regressed

from bench.comparing.verdicts import Comparison, Verdict
from bench.results import Case
from reports.annotations import annotations
from reports.github import COMMENT_BYTES, LED, SUMMARY_BYTES, comment, summary
from reports.junit import junit

HOSTILE = (
    "<script>alert(1)</script> | [x](https://evil.example) ![i](x) `a` **b** @all\n\n# h\r\n"
    "--> <!-- ::error::x \x1b[31m \x00 ]]> &lt; </details>"
)


def many(number, verdict=Verdict.REGRESSED):
    cases = [make_case(utterance=f"utterance-{n}") for n in range(number)]
    changes = tuple(make_change(verdict, case=case, effect=0.1 + n) for n, case in enumerate(cases))
    return make_comparison(verdict, changes, attributions=tuple(map(make_attribution, cases)))


def hostile():
    """A comparison whose every text is somebody's attack."""
    case = Case(*[HOSTILE] * 4)
    part = replace(
        make_attribution().operators[0], part=HOSTILE, operator=HOSTILE, delegate=HOSTILE
    )
    known = regressed()
    return replace(
        known, base=HOSTILE, candidate=HOSTILE, reason=HOSTILE, notes=(HOSTILE,), missing=(case,),
        changes=tuple(replace(change, case=case, reason=HOSTILE) for change in known.changes),
        outcomes=tuple(
            replace(o, case=case, base=HOSTILE, candidate=HOSTILE, reason=HOSTILE)
            for o in known.outcomes
        ),
        attributions=(replace(make_attribution(case), operators=(part,), facts=(HOSTILE,)),),
    )  # fmt: skip


def test_the_verdict_its_rows_and_the_guilty_operator_come_first():
    lines = summary(regressed()).splitlines()
    assert lines[0].startswith("## ❌ Regressed: ")
    above = "\n".join(lines).split("<details>")[0]
    assert "+22.8 %" in above
    assert "run failed" in above
    assert "Fully Connected of smd, in XnnpackBackend: 200 ms → 280 ms, 85% of the change" in above
    assert "14 repeats" not in above  # what is inconclusive does not decide here
    assert "14 repeats" in summary(regressed())


@pytest.mark.parametrize(
    ("verdict", "title"),
    [
        (Verdict.REGRESSED, "## ❌ Regressed: RTF +10 % (fp32 x xnnpack · short)"),
        (Verdict.INCONCLUSIVE, "## ⚠️ Inconclusive"),
        (Verdict.IMPROVED, "## ✅ Improved: RTF +10 % (fp32 x xnnpack · short)"),
        (Verdict.SAME, "## ✅ No change"),
        (Verdict.INCOMPARABLE, "## 🚫 Not comparable"),
    ],
)
def test_the_title_says_the_verdict_and_what_is_worse_or_better(verdict, title):
    decides = verdict is not Verdict.INCOMPARABLE
    changes = (make_change(verdict, effect=0.1),) if decides else ()
    assert summary(make_comparison(verdict, changes)).splitlines()[0] == title


def test_what_is_not_known_says_what_it_would_take():
    unknown = make_comparison(
        Verdict.INCONCLUSIVE, (make_change(Verdict.INCONCLUSIVE, reason="14 repeats"),)
    )
    assert "14 repeats" in summary(unknown).split("<details>")[0]


def test_the_largest_regression_leads_and_the_others_are_counted():
    page = summary(many(LED + 7))
    assert "and 26 more" in page.splitlines()[0]
    assert f"utterance-{LED + 6}" in page.splitlines()[0]
    assert "_and 7 more, in comparison.json_" in page


@pytest.mark.parametrize(("render", "limit"), [(summary, SUMMARY_BYTES), (comment, COMMENT_BYTES)])
def test_a_page_stays_below_github_s_limit_and_says_what_was_left_out(render, limit):
    page = render(many(12_000))
    assert len(page.encode()) <= limit
    assert "Left out for length: " in page.splitlines()[-1]
    assert page.count("<details>") == page.count("</details>")


def test_a_summary_that_is_almost_full_gets_what_still_fits():
    page = summary(regressed(), 700)
    assert len(page.encode()) <= 700
    assert page.startswith("## ❌ Regressed")


def test_a_comment_is_found_again_by_its_marker():
    assert comment(regressed()).startswith("<!-- bench-report:bench -->\n")
    assert comment(regressed(), "pixel8 --> x").startswith("<!-- bench-report:pixel8-----x -->")


@pytest.mark.parametrize("render", [summary, comment])
def test_texts_of_run_files_are_no_markup(render):
    page = render(hostile())
    ours = r"</?(details|summary)>|<!-- bench-report:bench -->"
    assert "<" not in re.sub(ours, "", page)
    assert page.count("<details>") == page.count("</details>")
    assert "alert(1)" in html.unescape(page)
    for markup in ("\x1b", "@all", "![", "[x]", " `a", "example://", "https://"):
        assert markup not in page
    headings = [line for line in page.splitlines() if line.lstrip().startswith("#")]
    assert len(headings) == 1
    rows = [line for line in page.splitlines() if line.startswith("|")]
    bars = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    assert bars <= {5, 6, 7, 9}  # no cell became two


def test_annotations_are_one_command_per_line_and_carry_no_other():
    lines = annotations(hostile()).splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"::(error|warning) title=[^:,]*::.*", line)
        assert "%" not in re.sub(r"%(25|0D|0A|3A|2C)", "", line)


def test_annotations_name_what_regressed_with_the_guilty_operator():
    lines = annotations(regressed()).splitlines()
    assert lines[0].startswith("::error title=Failed%3A 4w x xnnpack · short::")
    assert "Fully Connected of smd" in lines[1]
    assert lines[2].startswith("::warning title=Inconclusive%3A RTF of 8da8w")
    assert len(lines) == 3


def test_no_more_annotations_are_written_than_github_shows():
    lines = annotations(many(500)).splitlines()
    assert len(lines) == 10
    assert lines[-1] == "::error title=Regressed::and 491 more"


def test_nothing_is_annotated_where_nothing_is_wrong():
    assert annotations(make_comparison(Verdict.SAME, (make_change(),))) == ""
    assert junit(make_comparison(Verdict.SAME, (make_change(),))).count("<testcase") == 1


def test_an_empty_comparison_can_be_drawn():
    empty = Comparison("a", "b", Verdict.INCOMPARABLE, "the runs have no case in common")
    assert "no case in common" in summary(empty)
    assert annotations(empty).startswith("::error title=Not comparable::")
    assert "<error" in junit(empty)
