"""One method of anybody's: what is refused, and what is told of what was lowered."""

import pytest

from lowering.single import lower_method, why_not
from model.errors import ConfigError, StageFailedError


def test_a_pair_that_cannot_be_says_why():
    assert why_not("fp32", "portable") == ""
    assert "need a delegate" in why_not("8da8w", "portable")


@pytest.mark.parametrize(("scheme", "backend"), [("8da8", "xnnpack"), ("fp32", "xnpack")])
def test_an_unknown_name_suggests_the_nearest(scheme, backend):
    with pytest.raises(ConfigError, match="Did you mean"):
        why_not(scheme, backend)


@pytest.mark.slow
def test_what_was_delegated_quantized_and_left_out_is_told():
    import torch

    module = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.Conv1d(4, 4, 1))
    module.train()
    inputs = (torch.randn(1, 4, 32),)
    lowered = lower_method("forward", module, inputs, scheme="8da8w", backend="xnnpack")
    assert lowered.delegates >= 1
    assert lowered.delegated_macs_share == 1
    assert 0 < lowered.quantized_params_share < 1
    assert [name for name, _ in lowered.left_out] == ["forward.1"]
    assert module.training
    assert module[0].weight.dtype == torch.float32


@pytest.mark.slow
def test_a_module_that_cannot_be_exported_is_one_line():
    import torch

    class Undecided(torch.nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(StageFailedError, match="quantize and export failed") as caught:
        lower_method("forward", Undecided(), (torch.ones(2),), scheme="fp32", backend="xnnpack")
    assert "\n" not in str(caught.value)
