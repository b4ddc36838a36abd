"""A regression names the stage, the operator and the change of the .pte that made it."""

from dataclasses import replace

import numpy as np
import pytest
from run_builder import make_row, make_run

from bench.comparing.attribution import changed_facts, contributions
from bench.comparing.compare import compare
from bench.comparing.terms import Terms
from reports.compared import COMPARED

STEADY = 1 + 0.002 * np.array([0, 1, -1, 2, -2, 3, -3, 1.5])
FACTS = {"total_macs": 1_000_000, "delegates": 1, "other_operators": {"embedding": 1}}


def operator(name, total_ms, method="smd", delegate="XnnpackBackend"):
    return {
        "method": method, "name": name, "delegate": delegate, "calls": 1, "total_ms": total_ms,
    }  # fmt: skip


def side(layers, macs=1_000_000, *, profiled=True):
    """A run whose decoder has some layers of 10 ms, and a codec of 50 ms."""
    smd_ms = 10.0 * layers
    row = make_row(rtf=(smd_ms + 50) / 1e3 * STEADY, smd_ms=smd_ms * STEADY, codec_ms=50 * STEADY)
    operators = [operator(f"Fully Connected (NC, F32) #{n}", 9.0) for n in range(layers)]
    operators.append(operator("convolution", 45.0, "codec_decoder", ""))
    methods = {"smd": {**FACTS, "total_macs": macs}}
    return make_run(replace(row, operators=tuple(operators) if profiled else (), methods=methods))


@pytest.fixture
def attribution():
    (found,) = compare(side(5), side(8, macs=1_600_000), Terms()).attributions
    return found


def test_the_stage_that_grew_is_named_with_its_share(attribution):
    (stage,) = attribution.stages
    assert stage.part == "smd"
    assert (stage.base_ms, stage.candidate_ms) == pytest.approx((50, 80), rel=0.01)
    assert stage.share == pytest.approx(1.0, abs=0.01)


def test_operators_of_a_kind_are_taken_together_whatever_their_number(attribution):
    (found,) = attribution.operators
    assert (found.part, found.operator, found.delegate) == (
        "smd", "Fully Connected", "XnnpackBackend",
    )  # fmt: skip
    assert (found.base_ms, found.candidate_ms, found.share) == (45.0, 72.0, 1.0)


def test_what_changed_in_the_pte_is_said(attribution):
    assert attribution.facts == ("smd: multiply-adds 1,000,000 -> 1,600,000",)


@pytest.mark.parametrize("name", ["table", "markdown"])
def test_a_reader_finds_the_guilty_operator(name):
    text = COMPARED[name](compare(side(5), side(8), Terms()))
    assert "Fully Connected" in text
    assert "100% of the change" in text


def test_without_a_profile_of_both_no_operator_is_accused():
    (found,) = compare(side(5), side(8, profiled=False), Terms()).attributions
    assert found.operators == ()
    assert found.stages


def test_what_did_not_regress_is_not_explained():
    assert compare(side(5), side(5), Terms()).attributions == ()
    assert compare(side(8), side(5), Terms()).attributions == ()


def test_shares_of_what_grew_and_shrank_add_up_to_the_whole():
    parts = contributions(
        {("a", "", ""): 1.0, ("b", "", ""): 5.0, ("c", "", ""): 1.0},
        {("a", "", ""): 5.0, ("b", "", ""): 3.0, ("c", "", ""): 1.0},
    )
    assert [(part.part, part.share) for part in parts] == [("a", 2.0)]  # b took half of it back


def test_methods_and_operators_that_came_and_went_are_facts():
    base = {"smd": FACTS, "head": FACTS}
    candidate = {"smd": {**FACTS, "other_operators": {"embedding": 1, "mm": 2}}, "codec": FACTS}
    assert changed_facts(base, candidate) == (
        "head: no longer in the .pte",
        "smd: operators outside delegates: +2 mm",
        "codec: new in the .pte",
    )
