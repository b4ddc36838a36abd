"""`bench sensitivity` prints what each part does, and refuses what it cannot take apart."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from tiny import tiny_flags

from bench.cli import bench
from quantization.distance import End
from quantization.sensitivity import Damage
from reports.grid import WRITERS
from reports.sensitivity import WORDS, lines, titles
from reports.units import MISSING

DAMAGES = [
    Damage("smd.out", {"8da8w": {End.LOGITS: 1e-4}, "8da4w": {End.LOGITS: 1e-2}}, 0.1, 0.2),
    Damage("text_encoder.row", {"8da8w": {End.LOGITS: 1e-6, End.DURATIONS: 1e-5}}, 0.01, 0.02),
]
SCHEMES = ("8da8w", "8da4w")


@pytest.mark.parametrize("form", list(WRITERS))
def test_a_part_is_one_line_with_a_ratio_per_scheme(form):
    text = WRITERS[form](titles(SCHEMES), WORDS, lines(DAMAGES, SCHEMES))
    first, second = (line for line in text.splitlines() if "smd.out" in line or "durations" in line)
    assert all(cell in first for cell in ("logits", "40.0", "20.0", "10.0%", "20.0%"))
    assert "49.6" in second  # of both ends together
    assert MISSING in second  # 8da4w does not take it


@pytest.mark.parametrize("scheme", ["fp32", "int8-static"])
def test_a_scheme_that_chooses_no_layers_is_one_line(scheme):
    result = CliRunner().invoke(bench, ["sensitivity", "--model", "tiny", "--scheme", scheme])
    assert result.exit_code == 2
    assert f"Error: {scheme} does not quantize layer by layer" in result.stderr


@pytest.mark.slow
def test_tiny_is_measured_by_method():
    command = [sys.executable, "-m", "bench", "sensitivity", *tiny_flags(), "--by", "method"]
    command += ["--scheme", "8da8w", "--json", "--quiet"]
    damages = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert {"smd", "codec_decoder", "head_7"} <= {damage["part"] for damage in damages}
    assert all(0 < sum(damage["noise"]["8da8w"].values()) < 0.1 for damage in damages)
