"""Any sound file is a prompt, or refused in one line."""

import io
import math

import numpy as np
import soundfile
from fuzzing import damaged, fuzzed, tried
from hypothesis import given
from hypothesis import strategies as st

from model.audio import SHORTEST_PROMPT_S, load_prompt
from model.config import SAMPLE_RATE_HZ

LONGEST_S = 2.0
TONE = 0.3 * np.sin(np.arange(12_000) / 5)


def encoded(samples, rate_hz=8000, form="WAV", subtype="PCM_16"):
    content = io.BytesIO()
    soundfile.write(content, samples, rate_hz, subtype, format=form)
    return content.getvalue()


GOOD = [
    encoded(TONE), encoded(TONE, form="FLAC"), encoded(TONE, subtype="FLOAT"),
    encoded(TONE, form="OGG", subtype="VORBIS"), encoded(TONE, form="AIFF"),
    encoded(TONE, subtype="ULAW"), encoded(TONE, form="W64"), encoded(TONE, subtype="IMA_ADPCM"),
]  # fmt: skip


@st.composite
def signals(draw):
    """(N, channels) of silence, noise, tones and odd numbers, at some scale."""
    rate_hz = draw(st.sampled_from([1, 100, 7999, 8000, 11_025, 16_000, 44_100, 192_000]))
    channels = draw(st.sampled_from([1, 2, 3, 8]))
    random = np.random.default_rng(draw(st.integers(0, 9)))
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        count = min(int(rate_hz * draw(st.sampled_from([0.01, 0.3, 1.0, 3.0]))), 60_000)
        kind = draw(st.sampled_from(["silence", "noise", "tone", "opposite", "constant", "odd"]))
        part = np.zeros((count, channels))
        if kind == "noise":
            part = random.standard_normal((count, channels))
        elif kind in ("tone", "opposite"):
            part[:] = np.sin(np.arange(count) / 7)[:, None]
            part[:, 1::2] *= -1 if kind == "opposite" else 1
        elif kind == "constant":
            part[:] = draw(st.sampled_from([-1.0, 0.5, 1.0]))
        elif kind == "odd" and count:
            part[random.integers(count)] = draw(
                st.sampled_from([math.nan, math.inf, 1e30, -1e38, 1e-45])
            )
        with np.errstate(all="ignore"):
            part = part * draw(st.sampled_from([0.0, 1e-6, 0.01, 0.3, 1.0, 3.0, 2.0**15]))
        parts.append(part)
    samples = np.concatenate(parts) if parts else np.zeros((0, channels))
    subtype = draw(st.sampled_from(["PCM_16", "PCM_U8", "PCM_24", "FLOAT", "DOUBLE"]))
    with np.errstate(all="ignore"):
        return encoded(samples, rate_hz, "WAV", subtype)


@fuzzed
@given(st.sampled_from(GOOD).flatmap(damaged) | signals() | st.binary(max_size=500))
def test_any_file_is_a_prompt_or_is_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("prompt") / "prompt.wav"
    path.write_bytes(content)
    samples, refused = tried(load_prompt, path, LONGEST_S)
    assert path.read_bytes() == content
    if refused:
        assert "prompt.wav" in refused
        return
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1
    assert SHORTEST_PROMPT_S - 0.01 <= len(samples) / SAMPLE_RATE_HZ <= LONGEST_S + 0.01
    assert samples.std() > 0
