"""The codec `own`, with small random weights."""

import pytest
import torch

from model.codec.base import decode_chunk
from model.codec.own import CodecConfig, OwnCodec
from model.codec.quantizer import ResidualQuantizer
from model.config import CODEBOOK_SIZE, N_CODEBOOK

SMALL = CodecConfig(
    code_width=8, encoder_width=16, encoder_layers=2, decoder_width=24, decoder_layers=3
)


@pytest.fixture(scope="module")
def codec() -> OwnCodec:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # Double precision, so that what must be exact can be told from what is merely close.
    return OwnCodec(SMALL).double().eval()


@pytest.fixture(scope="module")
def codes() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, CODEBOOK_SIZE, (1, N_CODEBOOK, 90), generator=generator)


@pytest.mark.parametrize("n_sample", [1, 319, 320, 321, 24_000])
def test_every_begun_frame_gets_a_code(codec: OwnCodec, n_sample: int) -> None:
    codes = codec.encode(torch.rand(2, n_sample, dtype=torch.float64) - 0.5)
    n_frame = -(-n_sample // 320)
    assert codes.shape == (2, N_CODEBOOK, n_frame)
    assert codes.dtype == torch.int64
    assert codes.min() >= 0
    assert codes.max() < CODEBOOK_SIZE
    assert codec.decode(codes).shape == (2, n_frame * 320)


def test_silence_has_one_code_per_codebook_and_no_infinities(codec: OwnCodec) -> None:
    codes = codec.encode(torch.zeros(1, 32_000, dtype=torch.float64))
    inside = codes[:, :, 10:-10]  # where no frame sees an end
    assert (inside == inside[:, :, :1]).all()
    assert torch.isfinite(codec.decode(codes)).all()


@pytest.mark.parametrize(("start", "end"), [(0, 10), (40, 41), (33, 70), (80, 90)])
def test_chunked_decoding_equals_decoding_the_whole(
    codec: OwnCodec, codes: torch.Tensor, start: int, end: int
) -> None:
    whole = codec.decode(codes)[:, start * 320 : end * 320]
    chunk = decode_chunk(codec, codes, start, end)
    torch.testing.assert_close(chunk, whole, atol=1e-12, rtol=0)


def test_one_frame_less_of_context_would_not_be_enough(
    codec: OwnCodec, codes: torch.Tensor
) -> None:
    first = 40 - (codec.lookahead_frames - 1)
    chunk = codec.decode(codes[:, :, first:])[:, (40 - first) * 320 :]
    whole = codec.decode(codes)[:, 40 * 320 :]
    assert (chunk - whole).abs().max() > 1e-9


def test_masked_frames_change_nothing_and_are_silent(codec: OwnCodec, codes: torch.Tensor) -> None:
    mask = torch.ones(1, 90, 1, dtype=torch.float64)
    mask[:, 60:] = 0
    with torch.no_grad():
        padded = codec.decoder(codes, mask)
    torch.testing.assert_close(padded[:, : 60 * 320], codec.decode(codes[:, :, :60]))
    # The last frame's window reaches 480 samples beyond it.
    assert padded[:, 60 * 320 + 480 :].abs().max() == 0


def test_quantizing_goes_from_coarse_to_fine() -> None:
    torch.manual_seed(0)
    quantizer = ResidualQuantizer(4, 64, 6)
    for q, codebook in enumerate(quantizer.codebooks):
        codebook.mul_(0.5**q)
    latents = torch.randn(1, 50, 6)
    codes = quantizer.encode(latents)
    errors = []
    for kept in range(1, 5):
        partial = sum(quantizer.codebooks[q][codes[:, q]] for q in range(kept))
        errors.append(float((latents - partial).square().mean()))
    assert errors == sorted(errors, reverse=True)
    torch.testing.assert_close(quantizer(codes), partial)


def test_an_unknown_code_adds_nothing_to_the_sum_of_the_others(
    codec: OwnCodec, codes: torch.Tensor
) -> None:
    coarse = codes.clone()
    coarse[:, 3:] = CODEBOOK_SIZE
    known = sum(codec.codebooks[q][codes[:, q]] for q in range(3))
    torch.testing.assert_close(codec.quantizer(coarse), known)
    assert torch.isfinite(codec.decode(coarse)).all()


def test_codebooks_are_the_table_that_decoding_looks_up(codec: OwnCodec) -> None:
    assert codec.codebooks.shape == (N_CODEBOOK, CODEBOOK_SIZE, SMALL.code_width)
    assert codec.codebooks.data_ptr() == codec.decoder.quantizer.entries.data_ptr()
