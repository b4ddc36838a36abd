import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny import LOOKAHEAD_FRAMES, lowered

from devices.base import Job
from devices.bundle import build_bundle
from devices.host_native import host_abi
from model.config import CODEBOOK_SIZE, CONFIGS, N_CODEBOOK
from model.decoding import DecodingOptions, decoding_plan
from model.generate import Limits, Request

N_PHONEME = 50  # of many more


@pytest.fixture(scope="session")
def native_bundle():
    """The runner's bundle for this machine."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    return build_bundle(host_abi())


@pytest.fixture(scope="session")
def tiny_pte():
    """Model `tiny` with a codec of one block, all random, in fp32."""
    return lowered("fp32")["fp32"].pte


@pytest.fixture(scope="session")
def int8_pte():
    """The same with 8-bit weights and activations."""
    return lowered("8da8w")["8da8w"].pte


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
