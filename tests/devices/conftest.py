import shutil
from pathlib import Path

import numpy as np
import pytest

from devices.base import Job
from devices.bundle import build_bundle
from devices.host_native import host_abi
from lowering.cache import ROOT, cache_key, cache_root, pins, source_hash
from model.config import CODEBOOK_SIZE, CONFIGS, N_CODEBOOK
from model.decoding import DecodingOptions, decoding_plan
from model.entries import publish, usable
from model.generate import Limits, Request

LOOKAHEAD_FRAMES = 5  # of the small codec below
N_PHONEME = 50
# What the .pte below is made of.
NETWORKS = (
    *("config", "decoder", "encoder", "layers", "methods", "mobilespeech"),
    *("codec/own", "codec/quantizer", "codec/spectral"),
)


@pytest.fixture(scope="session")
def native_bundle():
    """The runner's bundle for this machine."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    return build_bundle(host_abi())


@pytest.fixture(scope="session")
def tiny_pte():
    """Model `tiny` with a small codec, all random, in fp32: lowered once, and kept."""
    return kept_pte("fp32")


@pytest.fixture(scope="session")
def int8_pte():
    """The same with 8-bit weights and activations."""
    return kept_pte("8da8w")


def kept_pte(scheme_name: str) -> Path:
    sources = [(ROOT / "model" / f"{name}.py").read_text() for name in NETWORKS]
    key = cache_key([scheme_name, pins(), sources, source_hash("quantization")])
    folder = cache_root() / "tests" / key
    if not usable(folder):
        publish(folder, lambda temporary: lower_tiny(scheme_name, temporary / "model.pte"))
    return folder / "model.pte"


def lower_tiny(scheme_name: str, path: Path) -> None:
    import torch

    from lowering.backends import BACKENDS
    from lowering.export import export_method
    from model.codec.own import CodecConfig, OwnCodec
    from model.methods import methods
    from model.mobilespeech import MobileSpeech
    from quantization.apply import quantize
    from quantization.schemes import SCHEMES

    torch.set_num_threads(1)
    torch.manual_seed(0)
    codec = OwnCodec(CodecConfig(code_width=16, decoder_width=32, decoder_layers=1)).eval()
    assert codec.lookahead_frames == LOOKAHEAD_FRAMES
    scheme = SCHEMES[scheme_name]()
    model = MobileSpeech(CONFIGS["tiny"], N_PHONEME).eval()
    programs = {
        name: quantize(name, method, scheme, export_method).program
        for name, method in methods(model, codec.decoder).items()
    }
    edge = BACKENDS["xnnpack"]().lower(programs, scheme, {"scheme": scheme_name})
    path.write_bytes(edge.to_executorch().buffer)


@pytest.fixture(scope="session")
def make_job():
    """Makes jobs with random phonemes and prompt codes."""
    return tiny_job


def tiny_job(
    pte: Path,
    *,
    phonemes=(20, 7),
    prompt_frames: int = 90,
    passes=(8, 1, 1, 1, 1, 1, 1, 1),
    chunk_frames: int = 30,
    seed: int = 0,
    **options,
) -> Job:
    """Make a job with random phonemes and prompt codes; `phonemes` are the sentences' lengths."""
    rng = np.random.default_rng(seed)
    config = CONFIGS["tiny"]
    return Job(
        pte=pte,
        limits=Limits(
            frames_per_step=config.frames_per_step,
            max_frames=config.max_frames,
            max_prompt_frames=config.max_prompt_frames,
            chunk_frames=chunk_frames,
            lookahead_frames=LOOKAHEAD_FRAMES,
        ),
        request=Request(
            sentences=tuple(tuple(rng.integers(1, N_PHONEME, n).tolist()) for n in phonemes),
            prompt_codes=rng.integers(0, CODEBOOK_SIZE, (N_CODEBOOK, prompt_frames)),
            options=DecodingOptions(plan=decoding_plan(passes), seed=seed, **options),
        ),
    )
