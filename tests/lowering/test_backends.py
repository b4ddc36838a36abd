"""Backends say what they take, and why not."""

import pytest

from lowering.backends import BACKENDS
from lowering.lower import check_delegated
from model.errors import StageFailedError
from quantization.schemes import SCHEMES

FLOATS = {"fp32", "fp16"}
DYNAMIC = {"8da8w", "8da4w", "mixed"}
WEIGHTS = {"8w", "4w"}
CODEBOOKS = {"palettized-6", "palettized-4"}
INTEGERS = {"8a8w", "16a8w", "16a4w"}
# Per backend: schemes that it refuses, with words that tell why.
REFUSED = {
    "portable": {
        "quantized weights need a delegate": DYNAMIC
        | WEIGHTS
        | CODEBOOKS
        | INTEGERS
        | {"int8-static"},
        "float16 needs a backend": {"fp16"},
    },
    "xnnpack": {
        "multiplies int8 with int8": WEIGHTS,
        "no kernels for weights from a codebook": CODEBOOKS,
        "norms and softmax in float": INTEGERS,
    },
    "coreml": {
        "no activations that are quantized at run time": DYNAMIC,
        "norms and softmax in float": INTEGERS,
    },
    "qnn": {
        "take fp16": {"fp32"},
        "wholly in integers or in float": DYNAMIC | WEIGHTS | CODEBOOKS | {"int8-static"},
    },
    "vulkan": {
        "shaders for Vulkan are not made for": {*SCHEMES} - FLOATS - {"8da4w"},
    },
}


@pytest.mark.parametrize("name", [*BACKENDS])
def test_a_backend_refuses_just_the_schemes_without_kernels_each_for_its_own_reason(name):
    backend = BACKENDS[name]()
    said = {scheme: backend.refuses(SCHEMES[scheme]()) for scheme in SCHEMES}
    expected = {scheme: why for why, schemes in REFUSED[name].items() for scheme in schemes}
    assert {scheme for scheme, reason in said.items() if reason} == set(expected)
    for scheme, why in expected.items():
        assert why in said[scheme], scheme


@pytest.mark.parametrize("name", [*BACKENDS])
def test_a_scheme_that_a_refusal_recommends_is_one_that_the_backend_takes(name):
    backend = BACKENDS[name]()
    for scheme in SCHEMES:
        reason = backend.refuses(SCHEMES[scheme]()).replace(",", " ").replace(":", " ")
        advised = set(reason.split()) & {*SCHEMES}
        assert all(backend.refuses(SCHEMES[one]()) == "" for one in advised), reason


def test_a_quiet_fallback_is_a_failure():
    with pytest.raises(StageFailedError, match="smd 42"):
        check_delegated("xnnpack", 0.99, {"smd": 0.42, "head_0": 1.0})
    check_delegated("portable", 0.0, {"smd": 0.0})
