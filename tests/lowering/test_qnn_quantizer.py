"""Masks leave numbers for what is not masked when scores are quantized."""

import pytest
import torch

from lowering.qnn import sdk
from model.layers import attention_bias

needs_htp = pytest.mark.skipif(bool(sdk.unavailable()), reason=sdk.unavailable())


class Masked(torch.nn.Module):
    def forward(self, scores, mask):
        return torch.softmax(scores + attention_bias(mask, 1), -1) * 3.0


@pytest.mark.slow
@needs_htp
def test_only_the_factor_of_a_mask_is_lowered_and_padding_still_counts_for_nothing():
    with sdk.sdk_in_use():
        from lowering.qnn.quantizer import PADDING, mask_mildly

    scores = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(1, 8, 1)
    mask[:, 5:] = 0
    model = torch.export.export(Masked(), (scores, mask), strict=True).module()
    before = model(scores, mask)
    assert mask_mildly(model, PADDING[8]) == 1
    assert torch.allclose(model(scores, mask), before, atol=1e-6)
    factors = [n.args[1] for n in model.graph.find_nodes(
        op="call_function", target=torch.ops.aten.mul.Tensor)]  # fmt: skip
    assert sorted(factors) == [3.0, PADDING[8]]
