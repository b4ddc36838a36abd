import pytest

from bench.operators import COSTLIEST, OTHERS, kept_operators, operator_kind
from devices.base import OperatorTime


def profile():
    large = [OperatorTime("smd", f"Fully Connected (F32) #{n}", "xnn", 2, 10.0) for n in range(20)]
    small = [OperatorTime("smd", f"Softmax #{n}", "xnn", 1, 0.01) for n in range(5)]
    outside = [OperatorTime("codec", f"aten::add.out #{n}", "", 1, 0.02) for n in range(3)]
    return [*small, *large, *outside]


def test_no_time_and_no_call_is_lost():
    operators = profile()
    kept = kept_operators(operators)
    for method, delegate in {(o.method, o.delegate) for o in operators}:
        own = [o for o in operators if (o.method, o.delegate) == (method, delegate)]
        said = [k for k in kept if (k["method"], k["delegate"]) == (method, delegate)]
        assert sum(k["total_ms"] for k in said) == pytest.approx(sum(o.total_ms for o in own))
        assert sum(k["calls"] for k in said) == sum(o.calls for o in own)


def test_the_costliest_are_kept_one_by_one_and_the_rest_by_kind():
    kept = kept_operators(profile())
    assert [k["name"] for k in kept[:COSTLIEST]] == [
        f"Fully Connected (F32) #{n}" for n in range(COSTLIEST)
    ]
    assert [k["name"] for k in kept[COSTLIEST:]] == ["Fully Connected (others)", OTHERS, OTHERS]
    assert operator_kind("Fully Connected (others)") == "Fully Connected"


def test_a_small_profile_is_kept_as_it_is():
    operators = profile()[5:9]
    assert [k["name"] for k in kept_operators(operators)] == [o.name for o in operators]
    assert kept_operators(()) == ()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Fully Connected (NC, QD8, F32, QC8W) GEMM #2", "Fully Connected"),
        ("aten::embedding.out", "aten::embedding.out"),
        ("Softmax #1", "Softmax"),
    ],
)
def test_operators_of_a_kind_are_compared_whatever_their_types(name, kind):
    assert operator_kind(name) == kind
