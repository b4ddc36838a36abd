"""Backends say what they take, and why not."""

import pytest

from lowering.backends import BACKENDS
from lowering.lower import check_delegated
from model.errors import StageFailedError
from quantization.schemes import SCHEMES


@pytest.mark.parametrize("name", [*BACKENDS])
def test_every_pair_is_possible_or_refused_with_a_reason(name):
    backend = BACKENDS[name]()
    taken = [scheme for scheme in SCHEMES if not backend.refuses(SCHEMES[scheme]())]
    assert taken
    for scheme in set(SCHEMES) - set(taken):
        assert len(backend.refuses(SCHEMES[scheme]())) > 10


def test_a_quiet_fallback_is_a_failure():
    with pytest.raises(StageFailedError, match="smd 42"):
        check_delegated("xnnpack", 0.99, {"smd": 0.42, "head_0": 1.0})
    check_delegated("portable", 0.0, {"smd": 0.0})
