"""The synthesis loop, over stub methods and over the eager model."""

import numpy as np
import pytest
import torch

from model.config import CONFIGS, HOP_LENGTH, N_CODEBOOK
from model.decoding import DecodingOptions, decoding_plan
from model.errors import InputError, StageFailedError
from model.generate import STAGES, Limits, Request, decode_chunk, regulate, synthesize
from model.methods import eager, methods
from model.mobilespeech import MobileSpeech

LIMITS = Limits(2, 400, 100, chunk_frames=20, lookahead_frames=4)


class WaveOfCodes(torch.nn.Module):
    """A codec decoder whose samples tell which frame they are of."""

    def forward(self, codes):
        return codes[:, 0].float().repeat_interleave(HOP_LENGTH, 1)


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return MobileSpeech(CONFIGS["tiny"], 60).eval()


@pytest.fixture
def request_of_two_sentences():
    prompt = np.random.default_rng(0).integers(0, 1024, (N_CODEBOOK, 61))
    options = DecodingOptions(plan=decoding_plan((2, 1, 1, 1, 1, 1, 1, 1)))
    return Request(((1, 2, 3, 4), (5, 6, 7)), prompt, options)


def test_every_phoneme_lasts_at_least_a_frame_and_steps_are_full():
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    steps = regulate(rows, np.log([0.01, 2.0, 2.4]).astype(np.float32), LIMITS)
    # Frames 0 | 1 1 | 2 2, and the last once more: steps of two frames, first plus second plane.
    assert steps.tolist() == [[0 + 6, 1 + 7], [4 + 10, 5 + 11], [8 + 10, 9 + 11]]


@pytest.mark.parametrize("log_duration", [9.0, np.inf, np.nan])
def test_speech_longer_than_the_model_allows_is_refused(log_duration):
    rows = np.zeros((1, 4), np.float32)
    with pytest.raises(InputError, match="split the text"):
        regulate(rows, np.array([log_duration], np.float32), LIMITS)


def test_synthesis_gives_codes_waveform_and_every_stage_s_time(model, request_of_two_sentences):
    call = eager(methods(model, WaveOfCodes()))
    speech = synthesize(call, LIMITS, request_of_two_sentences)
    assert speech.codes.shape[0] == N_CODEBOOK
    assert speech.codes.max() < 1024
    assert speech.waveform.shape == (speech.codes.shape[1] * HOP_LENGTH,)
    assert set(speech.stage_ms) == set(STAGES)
    assert all(milliseconds > 0 for milliseconds in speech.stage_ms.values())
    assert sum(speech.stage_ms.values()) <= speech.wall_ms
    assert 0 < speech.first_audio_ms <= speech.wall_ms


def test_the_same_seed_gives_the_same_codes(model, request_of_two_sentences):
    call = eager(methods(model, WaveOfCodes()))
    codes = [synthesize(call, LIMITS, request_of_two_sentences).codes for _ in range(2)]
    assert (codes[0] == codes[1]).all()


def test_the_prompt_is_cut_to_whole_steps_and_to_the_limit(model, request_of_two_sentences):
    seen = []

    def spy(name, inputs):
        if name == "prompt_encoder":
            seen.append(inputs[0].shape)
        return call(name, inputs)

    call = eager(methods(model, WaveOfCodes()))
    synthesize(spy, LIMITS, request_of_two_sentences)
    assert seen == [(1, N_CODEBOOK, 60)]


@pytest.mark.parametrize("start", [0, 20, 40])
def test_a_chunk_equals_the_same_frames_decoded_with_all_others(start):
    codes = np.tile(np.arange(50), (N_CODEBOOK, 1))
    call = eager({"codec_decoder": methods_of(WaveOfCodes())})
    chunk = decode_chunk(call, LIMITS, codes, start)
    frames = codes[0, start : start + LIMITS.chunk_frames]
    assert chunk.tolist() == np.repeat(frames, HOP_LENGTH).tolist()


def methods_of(module):
    from model.methods import Method

    return Method(module, (torch.zeros(1, N_CODEBOOK, 4, dtype=torch.int64),), ({},))


def test_a_sentence_of_few_frames_is_complete_before_its_passes_are_over(model):
    prompt = np.zeros((N_CODEBOOK, 20), np.int64)
    speech = synthesize(eager(methods(model, WaveOfCodes())), LIMITS, Request(((1,),), prompt))
    assert speech.codes.max() < 1024


@pytest.mark.parametrize("nonsense", [np.nan, np.inf])
def test_logits_that_are_no_numbers_are_an_error_and_no_codes(model, nonsense):
    run = eager(methods(model, WaveOfCodes()))

    def broken(name, inputs):
        outputs = [np.array(output) for output in run(name, inputs)]
        if name == "head_3":
            outputs[0][0, -1, 5] = nonsense
        return outputs

    request = Request(((1, 2, 3),), np.zeros((N_CODEBOOK, 20), np.int64))
    with pytest.raises(StageFailedError, match="not all finite"):
        synthesize(broken, LIMITS, request)
