"""Recorded inputs are copies, spread over the run, and no more than asked for."""

import numpy as np
import pytest

from quantization.calibration import record


@pytest.mark.parametrize(("calls", "limit"), [(3, 8), (8, 8), (9, 8), (100, 8), (1000, 16)])
def test_kept_calls_are_few_and_evenly_spread(calls, limit):
    call, recording = record(lambda _, inputs: [inputs[0] + 1], limit)
    for number in range(calls):
        call("smd", [np.array([number])])
    kept = [int(inputs[0][0]) for inputs, _ in recording["smd"]]
    assert min(calls, limit / 2) <= len(kept) <= limit
    assert kept[0] == 0
    assert len(set(np.diff(kept))) <= 1


def test_what_is_kept_does_not_change_when_the_caller_writes_on():
    call, recording = record(lambda _, inputs: [inputs[0]], 4)
    grid = np.zeros(3)
    call("smd", [grid])
    grid[:] = 7
    ((inputs,), (outputs,)) = recording["smd"][0]
    assert inputs.tolist() == outputs.tolist() == [0, 0, 0]
