"""A profile's operators add up to the time of their calls."""

from types import SimpleNamespace

import pytest

from devices.profiling import DELEGATE, OVERHEAD, sum_events


def event(name, *times_ms, delegated=False):
    return SimpleNamespace(
        name=name, perf_data=SimpleNamespace(raw=list(times_ms)), is_delegated_op=delegated
    )


def test_operators_outside_delegates_are_counted_once():
    events = [event("native_call_add.out", 1, 2), event("OPERATOR_CALL", 1.1, 2.1)]
    (operator,) = sum_events("smd", events)
    assert (operator.name, operator.calls, operator.total_ms) == ("add.out", 2, 3)
    assert operator.delegate == ""


def test_what_a_delegate_call_takes_beyond_its_operators_is_overhead():
    events = [event("GEMM", 4, 4, delegated=True), event("DELEGATE_CALL", 5, 5)]
    gemm, overhead = sum_events("smd", events)
    assert (gemm.delegate, gemm.total_ms) == (DELEGATE, 8)
    assert (overhead.name, overhead.total_ms) == (OVERHEAD, 2)


@pytest.mark.parametrize("factor", [2, 1e3, 1e6])
def test_operators_in_another_unit_are_scaled_to_their_calls(factor):
    events = [
        event("GEMM", 6 * factor, delegated=True),
        event("Softmax", 4 * factor, delegated=True),
        event("DELEGATE_CALL", 10),
    ]
    operators = sum_events("smd", events)
    assert sum(operator.total_ms for operator in operators) == pytest.approx(10)
    assert operators[0].total_ms == pytest.approx(6)
