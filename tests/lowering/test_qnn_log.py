"""The HTP compiler's own figures are read from what it prints, per graph."""

import os

import pytest

from lowering.qnn.log import captured, errors, figures

PRINTED = """\
[INFO] [Qnn ExecuTorch]:  <I> QnnGraph_create started for graph smd
[INFO] [Qnn ExecuTorch]:  <I> QnnGraph_create started for graph head_0
[INFO] [Qnn ExecuTorch]:  <I> QnnGraph_finalize started, graph = 0x1
[ERROR] [Qnn ExecuTorch]:  <E> unexpected GraphHtpSettings option 66
[INFO] [Qnn ExecuTorch]: Completed stage: Graph Optimizations (34720 us)

====== DDR bandwidth summary ======
[INFO] [Qnn ExecuTorch]: spill_bytes=4096
[INFO] [Qnn ExecuTorch]: fill_bytes=8192
[INFO] [Qnn ExecuTorch]: write_total_bytes=212992
[INFO] [Qnn ExecuTorch]: read_total_bytes=1314816
[INFO] [Qnn ExecuTorch]: Completed stage: Completion (27 us)
[INFO] [Qnn ExecuTorch]:  <I> QnnGraph_finalize started, graph = 0x2
spill_bytes=0
Completed stage: Completion (3 us)
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path))


def test_each_graph_has_its_own_figures():
    assert figures(PRINTED) == {
        "smd": {
            "compile_us": 34747,
            "ddr_spill_bytes": 4096,
            "ddr_fill_bytes": 8192,
            "ddr_write_total_bytes": 212992,
            "ddr_read_total_bytes": 1314816,
        },
        "head_0": {"ddr_spill_bytes": 0, "compile_us": 3},
    }


def test_a_silent_compiler_has_no_figures():
    assert figures("") == {}


def test_errors_are_those_of_consequence():
    said = f"{PRINTED}[ERROR] [Qnn ExecuTorch]:  <E> no such SoC\n"
    assert errors(PRINTED) == []
    assert errors(said) == ["no such SoC"]


def test_what_native_code_writes_is_caught_and_written_on(capfd, tmp_path):
    with captured() as said:
        os.write(1, b"to output\n")
        os.write(2, b"to error\n")
        assert said() == "to output\nto error\n"
    written = capfd.readouterr().out
    assert "to output\nto error\n" in written
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "after\n"
    assert list((tmp_path / "logs").iterdir()) == []


def test_what_was_said_before_a_failure_is_written_on(capfd):
    def fail():
        os.write(2, b"last words\n")
        raise RuntimeError

    with pytest.raises(RuntimeError), captured():
        fail()
    assert "last words" in capfd.readouterr().out
