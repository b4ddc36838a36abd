import math

import pytest
import torch
from torch import nn

from model.config import N_CODEBOOK
from model.decoding import MASK
from model.losses import (
    Guidance,
    MaskOptions,
    code_loss,
    log_duration_loss,
    mask_grid,
    random_cells,
)

BATCH, FRAMES = 400, 30


def grid(options, seed=0, lengths=None):
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(1024, (BATCH, N_CODEBOOK, FRAMES), generator=generator)
    lengths = torch.full((BATCH,), FRAMES) if lengths is None else lengths
    valid = torch.arange(FRAMES) < lengths[:, None]
    return codes, valid, mask_grid(codes, valid, options, generator)


def trained_channel(masked):
    """The one channel that each example trains; fails where it is not one."""
    channels = masked.trained.any(2)
    assert torch.all(channels.sum(1) == 1)
    return channels.long().argmax(1)


@pytest.mark.parametrize("joint", [0.0, 1.0, 0.3])
def test_cells_that_are_not_masked_keep_their_codes(joint):
    codes, _, masked = grid(MaskOptions(joint=joint))
    known = masked.codes != MASK
    assert torch.equal(masked.codes[known], codes[known])


@pytest.mark.parametrize("joint", [0.0, 1.0, 0.3])
def test_only_masked_cells_are_trained(joint):
    _, _, masked = grid(MaskOptions(joint=joint))
    assert torch.all(masked.codes[masked.trained] == MASK)
    assert torch.all(masked.trained.flatten(1).any(1))


def test_coarser_channels_are_given_and_finer_ones_are_masked():
    _, _, masked = grid(MaskOptions())
    for channel, codes in zip(trained_channel(masked).tolist(), masked.codes, strict=True):
        assert torch.all(codes[:channel] != MASK)
        assert torch.all(codes[channel + 1 :] == MASK)


def test_the_first_decoding_step_has_everything_masked_and_trains_channel_1():
    _, _, masked = grid(MaskOptions(first=1.0, alpha=0.0))
    assert torch.all(masked.codes == MASK)
    assert torch.all(masked.trained[:, 0])
    assert not torch.any(masked.trained[:, 1:])


def test_alpha_masks_part_of_channel_1_by_the_cosine_of_a_uniform_draw():
    _, _, masked = grid(MaskOptions(first=1.0, alpha=1.0))
    share = masked.trained[:, 0].float().mean(1)
    assert share.mean() == pytest.approx(2 / math.pi + 0.5 / FRAMES, abs=0.04)
    assert share.min() < 0.15
    assert torch.all(masked.codes[:, 1:] == MASK)


def test_alpha_is_the_share_of_channel_1_examples_that_are_masked_in_part():
    _, _, masked = grid(MaskOptions(first=1.0, alpha=0.3))
    partly = ~masked.trained[:, 0].all(1)
    assert partly.float().mean() == pytest.approx(0.3, abs=0.08)


def test_deeper_channels_are_drawn_by_their_weights():
    _, _, masked = grid(MaskOptions(first=0.0, rank_weights=(1, 0, 0, 0, 0, 0, 3)))
    channel = trained_channel(masked)
    assert set(channel.tolist()) == {1, 7}
    assert (channel == 7).float().mean() == pytest.approx(0.75, abs=0.08)


def test_deeper_channels_can_always_be_masked_completely():
    _, _, masked = grid(MaskOptions(first=0.0, whole_rank=1.0))
    channel = trained_channel(masked)
    assert torch.all(masked.trained[torch.arange(BATCH), channel])


def test_the_share_of_channel_1_is_the_one_asked_for():
    _, _, masked = grid(MaskOptions(first=0.25))
    assert (trained_channel(masked) == 0).float().mean() == pytest.approx(0.25, abs=0.08)


def test_joint_masks_spread_over_all_channels_alike():
    _, _, masked = grid(MaskOptions(joint=1.0))
    assert torch.equal(masked.trained, masked.codes == MASK)
    shares = masked.trained.float().mean((0, 2))
    assert torch.all((shares - shares.mean()).abs() < 0.03)


def test_padding_is_never_trained():
    lengths = torch.randint(1, FRAMES, (BATCH,), generator=torch.Generator().manual_seed(3))
    _, valid, masked = grid(MaskOptions(joint=0.3), lengths=lengths)
    assert not torch.any(masked.trained & ~valid[:, None])


def test_the_same_generator_gives_the_same_masks():
    first, second = grid(MaskOptions(), seed=5)[2], grid(MaskOptions(), seed=5)[2]
    assert torch.equal(first.codes, second.codes)
    assert not torch.equal(first.codes, grid(MaskOptions(), seed=6)[2].codes)


def test_a_share_of_cells_is_rounded_up():
    candidates = torch.tensor([[True] * 10 + [False] * 5, [True] * 3 + [False] * 12])
    chosen = random_cells(candidates, torch.tensor([0.41, 0.001]), torch.Generator())
    assert chosen.sum(1).tolist() == [5, 1]
    assert not torch.any(chosen & ~candidates)


# A softmax adds 1024 terms, each kernel in an order of its own.
SOFTMAX = 1024 * torch.finfo(torch.float32).eps


def loss_parts(weights=(1.0,) * N_CODEBOOK):
    torch.manual_seed(0)
    heads = nn.ModuleList(nn.Linear(4, 1024) for _ in range(N_CODEBOOK))
    hidden = torch.randn(2, 5, 4, requires_grad=True)
    codes = torch.randint(1024, (2, N_CODEBOOK, 5))
    trained = torch.zeros(2, N_CODEBOOK, 5, dtype=torch.bool)
    trained[0, 0, 1:3] = True
    trained[1, 2, 4] = True
    loss, counts, hits = code_loss(hidden, heads, codes, trained, channel_weights=weights)
    return loss, counts, hits, hidden, heads, codes


def test_the_code_loss_is_the_mean_cross_entropy_of_the_trained_cells():
    loss, counts, _, hidden, heads, codes = loss_parts()
    cells = [(0, 0, 1), (0, 0, 2), (1, 2, 4)]
    expected = [-heads[q](hidden[b, t]).log_softmax(0)[codes[b, q, t]] for b, q, t in cells]
    assert loss.item() == pytest.approx(sum(expected).item() / 3, rel=SOFTMAX)
    assert counts.tolist() == [2, 0, 1, 0, 0, 0, 0, 0]


def test_channel_weights_shift_the_code_loss():
    _, _, _, hidden, heads, codes = loss_parts()
    only_third = loss_parts((0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0))[0]
    expected = -heads[2](hidden[1, 4]).log_softmax(0)[codes[1, 2, 4]]
    assert only_third.item() == pytest.approx(expected.item(), rel=SOFTMAX)


def test_no_gradient_reaches_frames_or_heads_that_are_not_trained():
    loss, _, _, hidden, heads, _ = loss_parts()
    loss.backward()
    touched = hidden.grad.abs().sum(2) > 0
    assert touched.tolist() == [[False, True, True, False, False], [False] * 4 + [True]]
    assert heads[1].weight.grad is None


def guidance(heads, weight):
    torch.manual_seed(1)
    prompted, unprompted = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    return Guidance(heads, prompted, unprompted, (0.0, 0.0, weight, *[0.0] * 5))


def test_guidance_moves_logits_away_from_those_without_a_prompt():
    *_, heads, _ = loss_parts()
    for weight in (0.0, 1.5):
        taught = guidance(heads, weight)
        target = taught.targets(2, torch.tensor([1]), torch.tensor([4]))
        with_prompt = heads[2](taught.prompted[1, 4])
        without = heads[2](taught.unprompted[1, 4])
        moved = with_prompt + weight * (with_prompt - without)
        torch.testing.assert_close(target[0], moved.softmax(0), rtol=SOFTMAX, atol=0)


def test_a_student_of_guidance_learns_the_guided_distribution_and_not_the_true_codes():
    _, _, _, hidden, heads, codes = loss_parts()
    trained = torch.zeros(2, N_CODEBOOK, 5, dtype=torch.bool)
    trained[1, 2, 4] = True
    taught = guidance(heads, 1.0)
    loss, counts, _ = code_loss(hidden, heads, codes, trained, guidance=taught)
    target = taught.targets(2, torch.tensor([1]), torch.tensor([4]))[0]
    expected = -(target * heads[2](hidden[1, 4]).log_softmax(0)).sum()
    assert loss.item() == pytest.approx(expected.item(), rel=SOFTMAX)
    assert counts.sum() == 1


def test_guessing_right_is_counted():
    heads = nn.ModuleList(nn.Linear(1024, 1024, bias=False) for _ in range(N_CODEBOOK))
    for head in heads:
        nn.init.eye_(head.weight)
    codes = torch.randint(1024, (1, N_CODEBOOK, 6))
    hidden = nn.functional.one_hot(codes[:, 3], 1024).float()
    trained = torch.zeros(1, N_CODEBOOK, 6, dtype=torch.bool)
    trained[:, 3] = True
    _, counts, hits = code_loss(hidden, heads, codes, trained)
    assert hits.tolist() == counts.tolist() == [0, 0, 0, 6, 0, 0, 0, 0]


def test_the_duration_loss_compares_logarithms_and_skips_padding():
    predicted = torch.tensor([[math.log(4.0), 1.0, 9.0]])
    durations = torch.tensor([[8, 1, 100]])
    valid = torch.tensor([[True, True, False]])
    expected = (math.log(2) ** 2 + 1.0) / 2
    assert log_duration_loss(predicted, durations, valid).item() == pytest.approx(expected)
