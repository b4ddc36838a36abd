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


def says(lowered, *inputs):
    """Call the program on the host's runtime."""
    from lowering.runtime import LoadedProgram

    return LoadedProgram(bytes(lowered.pte)).call("forward", [one.numpy() for one in inputs])


LAYOUTS = {
    "channels-last": lambda x, torch: x.to(memory_format=torch.channels_last),
    "transposed": lambda x, _: x.transpose(2, 3),
    "expanded": lambda x, _: x[:1].expand(2, 3, 8, 8),
}


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_program_takes_rows_whatever_layout_its_example_and_its_weights_had(layout):
    """Of inputs in another layout the device would take the values in another order."""
    import numpy as np
    import torch

    torch.manual_seed(0)
    module = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    given = LAYOUTS[layout](torch.randn(2, 3, 8, 8), torch)
    lowered = lower_method("forward", module, (given,), scheme="fp32", backend="xnnpack")
    (found,) = says(lowered, given)
    with torch.no_grad():
        np.testing.assert_allclose(found, module(given).numpy(), atol=1e-4)


@pytest.mark.slow
def test_a_scalar_reaches_the_program_as_a_scalar():
    import torch

    class Scale(torch.nn.Module):
        def forward(self, x, factor):
            return x * factor

    inputs = (torch.arange(4.0), torch.tensor(2.5))
    lowered = lower_method("forward", Scale(), inputs, scheme="fp32", backend="xnnpack")
    assert says(lowered, *inputs)[0].tolist() == [0, 2.5, 5, 7.5]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["fp32", "8da8w"])
def test_state_starts_with_its_values_and_goes_on_from_call_to_call(scheme):
    import numpy as np
    import torch

    class Sums(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("total", torch.full((2, 4), 10.0))
            self.layer = torch.nn.Linear(4, 4, bias=False)
            self.layer.weight.data = torch.eye(4)

        def forward(self, x):
            self.total.add_(x)
            return self.layer(self.total)

    from lowering.runtime import LoadedProgram

    given = torch.ones(2, 4)
    lowered = lower_method("forward", Sums(), (given,), scheme=scheme, backend="xnnpack")
    assert lowered.state == ("total",)
    program = LoadedProgram(bytes(lowered.pte))
    for call in (1, 2, 3):
        (found,) = program.call("forward", [given.numpy()])
        np.testing.assert_allclose(found, np.full((2, 4), 10.0 + call), rtol=0.01)


@pytest.mark.slow
def test_nothing_quantized_or_delegated_passes_only_where_it_is_allowed():
    import torch

    def lowered(**allowed):
        inputs = (torch.ones(1, 4, 8),)
        return lower_method(
            "forward", torch.nn.Conv1d(4, 4, 3), inputs, scheme="8da8w", backend="xnnpack",
            **allowed,
        )  # fmt: skip

    with pytest.raises(StageFailedError, match=r"8da8w quantized nothing.*Conv1d"):
        lowered()
    assert lowered(min_quantized=0).quantized_params_share == 0

    class Outside(torch.nn.Module):
        def forward(self, x):
            return torch.cumsum(x, 0)

    with pytest.raises(StageFailedError, match="took no operator at all; outside are 1 cumsum"):
        lower_method("forward", Outside(), (torch.ones(4),), scheme="fp32", backend="xnnpack")
    alone = lower_method(
        "forward", Outside(), (torch.ones(4),), scheme="fp32", backend="xnnpack", min_delegated=0
    )
    assert alone.delegates == 0
    assert says(alone, torch.ones(4))[0].tolist() == [1, 2, 3, 4]
