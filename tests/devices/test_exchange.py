"""The files between harness and runner: what is written is read back, what is damaged is named."""

import json

import numpy as np
import pytest

from devices.base import Repeat, Trial
from devices.exchange import read_report, write_report
from model.errors import DeviceError

REPEAT = Repeat(
    load_ms=1.5,
    warm_load_ms=1.0,
    base_rss_bytes=10,
    load_peak_rss_bytes=30,
    peak_rss_bytes=20,
    planned_bytes=None,
    threads=2,
    backends=("XnnpackBackend",),
    warmup_ms=(9.0,),
    trials=(Trial(8.0, 2.0, {"smd": 5.0}, None),),
    codes=np.arange(16).reshape(8, 2),
    waveform=np.linspace(-1, 1, 640, dtype=np.float32),
    warnings=("EMULATED",),
)


def test_a_report_is_read_back_as_it_was_written(tmp_path):
    write_report(tmp_path, REPEAT)
    read = read_report(tmp_path)
    assert np.array_equal(read.codes, REPEAT.codes)
    assert np.array_equal(read.waveform, REPEAT.waveform)
    for name in set(vars(REPEAT)) - {"codes", "waveform"}:
        assert getattr(read, name) == getattr(REPEAT, name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "not of format 1"),
        ({"load_ms": "1"}, "load_ms must be a number"),
        ({"load_ms": float("nan")}, "load_ms must be a number"),
        ({"threads": 1.5}, "threads must be a whole number"),
        ({"trials": [{"wall_ms": 1}]}, "the key 'first_audio_ms' is missing"),
        ({"surprise": 1}, "unknown key 'surprise'"),
    ],
)
def test_a_report_that_is_wrong_is_an_error_that_says_where(tmp_path, change, message):
    write_report(tmp_path, REPEAT)
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DeviceError, match=message):
        read_report(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"format"', "[" * 100_000, "\udcff"])
def test_a_report_that_is_none_is_an_error(tmp_path, text):
    write_report(tmp_path, REPEAT)
    (tmp_path / "report.json").write_text(text, errors="surrogateescape")
    with pytest.raises(DeviceError):
        read_report(tmp_path)


def test_codes_that_are_cut_off_are_an_error(tmp_path):
    write_report(tmp_path, REPEAT)
    (tmp_path / "codes.bin").write_bytes(b"12345")
    with pytest.raises(DeviceError, match="cannot be read"):
        read_report(tmp_path)
