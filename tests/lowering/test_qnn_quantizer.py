"""Masks leave numbers for what is not masked when scores are quantized."""

import pytest
import torch

from lowering.qnn import sdk
from model.layers import Block, RMSNorm, attention_bias

needs_htp = pytest.mark.skipif(bool(sdk.unavailable()), reason=sdk.unavailable())


class Masked(torch.nn.Module):
    def forward(self, scores, mask):
        return torch.softmax(scores + attention_bias(mask, 1), -1) * 3.0


@pytest.mark.slow
@needs_htp
def test_only_the_factor_of_a_mask_is_lowered_and_padding_still_counts_for_nothing():
    with sdk.sdk_in_use():
        from lowering.qnn.quantizer import PADDING, clamp_mask_bias

    scores = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(1, 8, 1)
    mask[:, 5:] = 0
    model = torch.export.export(Masked(), (scores, mask), strict=True).module()
    before = model(scores, mask)
    assert clamp_mask_bias(model, PADDING[8]) == 1
    assert torch.allclose(model(scores, mask), before, atol=1e-6)
    factors = [n.args[1] for n in model.graph.find_nodes(
        op="call_function", target=torch.ops.aten.mul.Tensor)]  # fmt: skip
    assert sorted(factors) == [3.0, PADDING[8]]


class Directions(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = RMSNorm(8)

    def forward(self, cosine, sine):
        length = torch.rsqrt(cosine * cosine + sine * sine + 1e-6)
        return self.norm(cosine) * length


@pytest.mark.slow
@needs_htp
def test_short_directions_are_kept_from_zero_and_norms_are_left_alone():
    with sdk.sdk_in_use():
        from lowering.qnn.quantizer import SQUARE_EPSILON, raise_rsqrt_eps

    inputs = (torch.ones(1, 4, 8), torch.ones(1, 4, 8))
    model = torch.export.export(Directions(), inputs, strict=True).module()
    sums = [
        root.args[0]
        for root in model.graph.find_nodes(op="call_function", target=torch.ops.aten.rsqrt.default)
    ]
    before = {total.args[1] for total in sums}
    assert raise_rsqrt_eps(model) == 1
    after = {total.args[1] for total in sums}
    assert after - before == {SQUARE_EPSILON}
    assert before - after == {1e-6}


@pytest.mark.slow
@needs_htp
def test_ranges_are_those_of_all_samples_with_room():
    with sdk.sdk_in_use():
        from lowering.qnn.quantizer import ROOM, RoomyObserver

    observer = RoomyObserver(
        dtype=torch.int32, quant_min=0, quant_max=65535, qscheme=torch.per_tensor_affine
    )
    for largest in (1.0, 10.0, 2.0):
        observer(torch.tensor([-1.0, largest]))
    scale, zero = observer.calculate_qparams()
    assert float((65535 - zero) * scale) == pytest.approx(10 * ROOM, rel=1e-3)
    assert float(-zero * scale) == pytest.approx(-ROOM, rel=1e-3)


@pytest.mark.slow
@needs_htp
def test_sums_and_norms_have_16_bits_whatever_the_scheme():
    with sdk.sdk_in_use():
        from lowering.qnn.quantizer import HtpQuantizer
    from torchao.quantization.pt2e.quantize_pt2e import prepare_pt2e

    x = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(0))
    model = torch.export.export(Block(8, 2, 3), (x, torch.ones(1, 4, 1)), strict=True).module()
    prepared = prepare_pt2e(model, HtpQuantizer("SM8650", (8, 8)))
    prepared(x, torch.ones(1, 4, 1))
    largest = {}
    for node in prepared.graph.nodes:
        observer = getattr(prepared, str(node.target), None) if node.op == "call_module" else None
        if hasattr(observer, "quant_max"):
            largest.setdefault(str(node.args[0].target), set()).add(observer.quant_max)
    assert largest["aten.add.Tensor"] == largest["aten.rsqrt.default"] == {65535}
    assert 255 in largest["aten.linear.default"]
