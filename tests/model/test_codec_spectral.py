"""The Fourier transforms of the codec `own`."""

import pytest
import torch
from torch.nn import functional as F

from model.codec.spectral import (
    N_FFT,
    InverseSTFT,
    frame_spectrum,
    mel_filters,
    overlap_add,
    synthesis_basis,
)


# What is equal in exact arithmetic is compared in double precision: kernels add in other orders,
# and 5000 terms leave errors of 1e-5 in single precision on one processor and of 1e-6 on another.
def noise(n_frame: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, n_frame * 320, generator=generator, dtype=torch.float64)


def sum_of_magnitudes(spectrum: torch.Tensor) -> float:
    """Add the magnitudes of all terms of a synthesised sample; returns the largest such sum."""
    both = torch.cat((spectrum.real, spectrum.imag), -1).abs()
    return overlap_add(F.linear(both, synthesis_basis().double().abs())).max().item()


def test_synthesis_inverts_analysis_but_for_the_frames_missing_at_the_ends() -> None:
    waveform = noise(20)
    spectrum = frame_spectrum(waveform, N_FFT)
    back = InverseSTFT().double()(spectrum.real, spectrum.imag)
    assert back.shape == waveform.shape
    # The basis is held in single precision, each entry rounded to half an eps.
    most = torch.finfo(torch.float32).eps / 2 * sum_of_magnitudes(spectrum)
    torch.testing.assert_close(back[:, 960:-960], waveform[:, 960:-960], atol=most, rtol=0)
    assert not torch.allclose(back[:, :160], waveform[:, :160], atol=1e-2)


def test_one_convolution_equals_matrix_product_and_overlap_add() -> None:
    spectrum = frame_spectrum(noise(7), N_FFT)
    both = torch.cat((spectrum.real, spectrum.imag), -1)
    expected = overlap_add(F.linear(both, synthesis_basis().double()))
    convolved = InverseSTFT().double()(spectrum.real, spectrum.imag)
    terms = 5 * both.shape[-1]  # of a sample: the bins of the frames that reach it
    most = terms * torch.finfo(torch.float64).eps * sum_of_magnitudes(spectrum)
    torch.testing.assert_close(convolved, expected, atol=most, rtol=0)


@pytest.mark.parametrize("n_fft", [640, N_FFT])
def test_a_full_scale_sine_has_magnitude_one_half(n_fft: int) -> None:
    time_s = torch.arange(320 * 10) / 24_000
    spectrum = frame_spectrum(torch.sin(2 * torch.pi * 1500 * time_s)[None], n_fft)
    peak = spectrum[0, 5].abs()
    assert peak.argmax() * 24_000 / n_fft == 1500
    assert peak.max() == pytest.approx(0.5, abs=1e-3)


def test_a_frame_is_centred_on_its_own_samples() -> None:
    waveform = torch.zeros(1, 320 * 9)
    waveform[0, 4 * 320 + 160] = 1.0
    energy = frame_spectrum(waveform, N_FFT).abs().sum(-1)[0]
    assert energy.argmax() == 4
    torch.testing.assert_close(energy[3], energy[5])


@pytest.mark.parametrize(("n_fft", "n_mel"), [(2048, 160), (1280, 100), (128, 16)])
def test_every_mel_band_hears_something(n_fft: int, n_mel: int) -> None:
    filters = mel_filters(n_fft, n_mel)
    assert filters.shape == (n_fft // 2 + 1, n_mel)
    torch.testing.assert_close(filters.sum(0), torch.ones(n_mel))
