"""From a text to a page: the commands of the README, on a model small enough for every change."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny import one_at_a_time, tiny_flags

from model.config import HOP_LENGTH, SAMPLE_RATE_HZ


def bench(*arguments):
    """Run a command in a process of its own; returns what it printed."""
    command = [sys.executable, "-m", "bench", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# Lowering takes twice as long where weights are quantized.
@pytest.mark.parametrize("scheme", ["fp32", pytest.param("8da8w", marks=pytest.mark.slow)])
def test_a_scheme_is_lowered_run_in_fresh_processes_and_reported(tmp_path, scheme):
    results = ["--results", tmp_path / "results"]
    flags = [*tiny_flags(), "--scheme", scheme, "--utterance", "short", "--device", "host"]
    schedule = ["--repeats", "2", "--warmup", "0", "--iterations", "2", "--json", "--quiet"]
    with one_at_a_time():  # other tests may be about to lower the same
        document = json.loads(bench(*results, "run", *flags, *schedule))
    (row,) = document["rows"]
    assert (row["outcome"], row["reason"]) == ("ok", "")
    medians = {name: found["median"] for name, found in row["metrics"].items()}
    assert [len(row["metrics"][name]["samples"]) for name in ("rtf", "load_ms")] == [2, 2]
    assert min(medians["rtf"], medians["load_ms"], medians["first_audio_ms"]) > 0
    assert medians["delegated_nodes_share"] > 0.5
    quantized = scheme != "fp32"
    assert (medians["quantized_params_share"] > 0.1) == quantized
    assert (0.5 if quantized else 0.98) < medians["token_agreement"] <= 1
    (shared,) = document["artifacts"]
    assert {operator["method"] for operator in shared["operators"]} >= {"smd", "codec_decoder"}
    assert "UNTRAINED" in row["warnings"]
    speech, rate = soundfile.read(Path(tmp_path / "results" / "host" / row["audio"]))
    assert rate == SAMPLE_RATE_HZ
    assert len(speech) == medians["audio_frames"] * HOP_LENGTH
    assert np.abs(speech).max() > 0

    page = tmp_path / "page.html"
    assert bench(*results, "report", "latest", "-o", page).strip() == str(page)
    text = page.read_text(encoding="utf-8")
    assert document["run"] in text
    assert scheme in text
    assert "<audio" in text
