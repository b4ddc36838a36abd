"""What is said of how far a lowered program is off, of programs that answer from memory."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from lowering.reference import Reference, run_unused_heads
from lowering.verify import verify
from model.config import CODEBOOK_SIZE, HOP_LENGTH, N_CODEBOOK
from model.decoding import MASK, DecodingOptions, decoding_plan
from model.generate import Limits, Request, synthesize
from quantization.calibration import record

LIMITS = Limits(
    frames_per_step=2, max_frames=64, max_prompt_frames=8, chunk_frames=16, lookahead_frames=2
)
REQUEST = Request(
    sentences=((1, 2, 3),),
    prompt_codes=np.zeros((N_CODEBOOK, 8), np.int64),
    options=DecodingOptions(seed=1),
)
WIDTH = 8


def answer(name, inputs):
    """Compute something of the right shape that depends on the inputs."""
    if name == "prompt_encoder":
        return [np.ones((1, 4, 4), np.float32)]
    if name == "text_encoder":
        return [np.ones((1, 3, 4), np.float32), np.ones((1, 3, 2 * WIDTH), np.float32)]
    if name == "duration_predictor":
        return [np.full((1, 3), math.log(16), np.float32)]
    if name == "smd":
        waves = np.sin(inputs[0][0].sum(0)[:, None] * np.arange(1, WIDTH + 1))
        return [waves[None].astype(np.float32)]
    if name == "codec_decoder":
        samples = np.repeat(np.sin(inputs[0][0].sum(0)), HOP_LENGTH)
        return [samples[None].astype(np.float32)]
    weights = np.cos(np.outer(np.arange(1, WIDTH + 1), np.arange(CODEBOOK_SIZE)))
    return [(inputs[0] @ weights).astype(np.float32)]


@pytest.fixture(scope="module")
def said():
    call, recording = record(answer, 16)
    speech = synthesize(call, LIMITS, REQUEST)
    return recording, Reference(REQUEST, speech.codes, speech.waveform)


def test_a_program_that_computes_what_fp32_does_is_no_way_off(said):
    checks = verify(answer, answer, *said, LIMITS)
    assert set(checks.snr_db.values()) == {math.inf}
    assert set(checks.max_abs_error.values()) == {0}
    assert checks.logits_snr_db == math.inf
    assert checks.token_agreement == (1,) * N_CODEBOOK
    assert checks.lsd_db == pytest.approx(0, abs=1e-3)


def test_noise_of_a_method_is_measured_at_its_outputs_and_in_the_codes_chosen_from_them(said):
    def noisy(name, inputs):
        outputs = answer(name, inputs)
        return [-output for output in outputs] if name == "smd" else outputs

    checks = verify(noisy, answer, *said, LIMITS)
    assert checks.snr_db["smd"] == pytest.approx(10 * math.log10(1 / 4))
    assert math.isinf(checks.snr_db["head_0"])
    assert checks.logits_snr_db == pytest.approx(10 * math.log10(1 / 4))
    assert max(checks.token_agreement) < 0.5
    assert checks.lsd_db > 0.1


def test_every_recorded_pass_is_executed_once(said):
    executed = Counter()

    def counted(name, inputs):
        executed[name] += 1
        return answer(name, inputs)

    verify(counted, answer, *said, LIMITS)
    assert executed["smd"] == len(said[0]["smd"]) == len(REQUEST.options.plan)


def test_heads_without_a_pass_are_recorded_and_compared_and_their_codes_stay_unknown():
    request = replace(REQUEST, options=DecodingOptions(plan=decoding_plan((1, 1)), seed=1))
    call, recording = record(answer, 16)
    speech = synthesize(call, LIMITS, request)
    assert (speech.codes[2:] == MASK).all()
    run_unused_heads(call, recording, request.options)
    assert {f"head_{channel}" for channel in range(N_CODEBOOK)} <= set(recording)
    reference = Reference(request, speech.codes, speech.waveform)

    def one_off(name, inputs):
        outputs = answer(name, inputs)
        return [-output for output in outputs] if name == "head_7" else outputs

    checks = verify(one_off, answer, recording, reference, LIMITS)
    assert checks.token_agreement[:7] == (1,) * 7
    assert checks.token_agreement[7] < 0.5
    assert checks.lsd_db == pytest.approx(0, abs=1e-3)  # the codec is given what it was given then
