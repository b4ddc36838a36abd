"""What harness and runner write to each other reads back to the last bit."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from devices.base import Job, Repeat, Trial
from devices.exchange import read_report, read_request, write_report, write_request
from model.decoding import DecodingOptions, decoding_plan
from model.errors import DeviceError
from model.generate import STAGES, Limits, Request


@pytest.fixture
def job():
    options = DecodingOptions(
        plan=decoding_plan((3, 1, 1, 1, 1, 1, 1, 2)), temperature=0.1, top_k=3,
        position_temperature=1 / 3, layer_penalty=0.7, seed=2**63,
    )  # fmt: skip
    codes = np.random.default_rng(0).integers(0, 1024, (8, 30))
    request = Request(((1, 2, 3), (4,)), codes, options)
    return Job(Path("model.pte"), Limits(2, 400, 100, 75, 20), request)


@pytest.fixture
def repeat():
    trials = (Trial(10.5, 3.25, dict.fromkeys(STAGES, 1.5), None), Trial(1, 2, {}, 0.5))
    waveform = np.linspace(-1, 1, 640, dtype=np.float32)
    return Repeat(
        load_ms=1.5, warm_load_ms=0.5, base_rss_bytes=10, load_peak_rss_bytes=20, peak_rss_bytes=30,
        planned_bytes=None, threads=2, affinity="3", backends=("XnnpackBackend",), warmup_ms=(9.0,),
        trials=trials, codes=np.arange(16).reshape(8, 2), waveform=waveform,
        warnings=("OTHER_LOAD",),
    )  # fmt: skip


def test_a_request_reads_back_as_it_was(job, tmp_path):
    write_request(tmp_path / "request.txt", job)
    back = read_request(tmp_path / "request.txt", job.pte)
    assert back.limits == job.limits
    assert back.request.options == job.request.options
    assert back.request.sentences == job.request.sentences
    assert (back.request.prompt_codes == job.request.prompt_codes).all()


def test_a_report_reads_back_as_it_was(repeat, tmp_path):
    write_report(tmp_path, repeat)
    back = read_report(tmp_path)
    for spec in dataclasses.fields(Repeat):
        want, got = getattr(repeat, spec.name), getattr(back, spec.name)
        assert (want == got).all() if isinstance(want, np.ndarray) else want == got, spec.name


@pytest.mark.parametrize(
    "content",
    ["", "format 1\n", "format 2\n", "nonsense\n", "format 1\nseed x\n", "\0\n"],
)
def test_a_damaged_request_is_a_device_error(tmp_path, content):
    (tmp_path / "request.txt").write_text(content)
    with pytest.raises(DeviceError, match=r"request\.txt"):
        read_request(tmp_path / "request.txt", Path("model.pte"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "codes.bin").unlink(),
        lambda folder: (folder / "codes.bin").write_bytes(b"odd"),
        lambda folder: (folder / "report.json").write_text("{"),
        lambda folder: (folder / "report.json").write_text('{"format": 1}'),
        lambda folder: (folder / "report.json").write_text('{"format": 7}'),
        lambda folder: (folder / "report.json").write_text("[]"),
    ],
    ids=["no codes", "half a code", "cut", "empty", "other format", "no object"],
)
def test_a_damaged_report_is_a_device_error(repeat, tmp_path, damage):
    write_report(tmp_path, repeat)
    damage(tmp_path)
    with pytest.raises(DeviceError, match="report"):
        read_report(tmp_path)
