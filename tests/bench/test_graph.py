"""`bench show --graph` and `bench diff`: what is delegated, what is not, and what changed."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from run_builder import make_case, make_failure, make_row, make_run

from bench import pte_diff
from bench.cli import bench
from bench.graph import graph_of, graphs_of_run, plain_name
from bench.pte_diff import diff_files
from bench.results import save_run
from lowering.program import MethodParts, Program
from model.errors import ConfigError
from reports.graph import changes_together

FACTS = {
    "delegates": 1, "delegated_nodes": 40, "delegated_macs_share": 0.98, "planned_bytes": 2048,
    "other_operators": {"embedding.default": 1, "mul.Tensor": 3},
    "quantized_params": 0, "total_params": 10, "quantized_macs": 0, "total_macs": 10,
    "calibration_samples": 0,
}  # fmt: skip
WHOLE = MethodParts({"XnnpackBackend": 1}, {"aten::embedding.out": 1}, 2048, 100, 50, 4000)


def operator(name, total_ms, delegate="", method="smd"):
    return {
        "method": method, "name": name, "delegate": delegate, "calls": 1, "total_ms": total_ms,
    }  # fmt: skip


PROFILE = (
    operator("Fully Connected (NC, F32) #1", 60.0, "delegate"),
    operator("mul.out", 20.0),
    operator("mul.out (others)", 10.0),
    operator("Convolution (NHWC, F32)", 10.0, "delegate", "codec_decoder"),
)


def profiled(scheme="fp32", utterance="short", operators=PROFILE):
    row = make_row(make_case(scheme, utterance), rtf=1.0)
    methods = {"smd": FACTS, "codec_decoder": {**FACTS, "other_operators": {}}}
    return replace(row, methods=methods, operators=operators)


def test_operators_outside_have_their_number_and_their_share_of_the_time():
    smd, codec = graph_of("a case", profiled().methods, PROFILE).methods
    assert [(one.operator, one.count) for one in smd.outside] == [("mul", 3), ("embedding", 1)]
    assert smd.outside[0].time_share == pytest.approx(0.3)
    assert smd.outside[1].time_share is None  # the profile does not name it
    assert (smd.time_share, codec.time_share) == pytest.approx((0.9, 0.1))
    assert codec.outside == ()


def test_without_a_profile_no_share_is_known():
    (smd,) = graph_of("a case", {"smd": FACTS}, ()).methods
    assert smd.time_share is None
    assert {one.time_share for one in smd.outside} == {None}


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("aten::embedding.out", "embedding"),
        ("embedding.default", "embedding"),
        ("embedding.out (others)", "embedding"),
        ("aten.embedding.default", "embedding"),
        ("dim_order_ops._to_dim_order_copy.default", "_to_dim_order_copy"),
        ("dim_order_ops::_to_dim_order_copy.out", "_to_dim_order_copy"),
        ("other operators", "other operators"),
        ("_to_dim_order_copy.out", "_to_dim_order_copy"),
    ],
)
def test_an_operator_has_one_name_in_manifest_and_profile(name, plain):
    assert plain_name(name) == plain


def test_a_pair_is_told_of_by_a_case_with_a_profile():
    rows = profiled(operators=()), profiled(utterance="long"), profiled("8da8w")
    graphs = graphs_of_run(make_run(*rows))
    assert [graph.name for graph in graphs] == [
        "fp32 x xnnpack · long", "8da8w x xnnpack · short",
    ]  # fmt: skip
    assert [graph.name for graph in graphs_of_run(make_run(*rows), "8da8w")] == [
        "8da8w x xnnpack · short"
    ]


def test_a_run_without_such_a_case_says_so():
    with pytest.raises(ConfigError, match="no case of"):
        graphs_of_run(make_run(make_failure()))


@pytest.fixture
def results(tmp_path):
    (tmp_path / "pixel8").mkdir()
    save_run(tmp_path / "pixel8" / "0001_abc.json", make_run(profiled()))
    return tmp_path


def invoke(results, *arguments):
    return CliRunner().invoke(bench, ["--results", str(results), *map(str, arguments)])


def test_a_run_s_graph_is_shown(results):
    result = invoke(results, "show", "--graph", "0001")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "mul x 3 (30 % of time)" in said.replace("30.0 %", "30 %")
    document = json.loads(invoke(results, "show", "--graph", "--json").stdout)
    assert document[0]["methods"][0]["outside"][0]["operator"] == "mul"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["show", "--json"], 2),
        (["show", "--graph", "--case", "nothing"], 2),
        (["show", "--graph", "nowhere.pte"], 2),
        (["diff", "nowhere.pte", "nowhere.pte"], 2),
    ],
)
def test_what_was_typed_wrongly_is_said_in_one_line(results, arguments, code):
    result = invoke(results, *arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Two .pte files: a method grew and changed its backend, one went, one came."""
    grown = replace(
        WHOLE, delegates={"VulkanBackend": 2}, planned_bytes=4096,
        other_operators={"aten::embedding.out": 1, "aten::mul.out": 2},
    )  # fmt: skip
    programs = {
        "a.pte": Program(
            5000, {"smd": WHOLE, "head_0": WHOLE, "same": WHOLE}, {"scheme": "fp32", "rate": "24"}
        ),
        "b.pte": Program(
            6000,
            {"smd": grown, "same": WHOLE, "codec_decoder": WHOLE},
            {"scheme": "8w", "rate": "24"},
        ),
    }
    monkeypatch.setattr(pte_diff, "read_program", lambda path: programs[path.name])
    for name in programs:
        (tmp_path / name).touch()
    return tmp_path / "a.pte", tmp_path / "b.pte"


def test_a_diff_says_what_came_went_and_grew(files):
    assert diff_files(*files).facts == (
        "head_0: no longer in the .pte",
        "smd: delegated subgraphs 1 -> 2",
        "smd: bytes planned for activations 2,048 -> 4,096",
        "smd: delegated to XnnpackBackend -> VulkanBackend",
        "smd: operators outside delegates: +2 aten::mul.out",
        "codec_decoder: new in the .pte",
        "scheme: fp32 -> 8w",
    )


def test_a_file_does_not_differ_from_itself(files, results):
    assert diff_files(files[0], files[0]).facts == ()
    assert "No method differs" in invoke(results, "diff", files[0], files[0]).output


def test_methods_that_changed_alike_are_named_together():
    facts = ("head_0: a 1 -> 2", "head_0: b", "smd: b", "head_1: a 1 -> 2", "head_1: b")
    assert changes_together(facts) == {"head_0, head_1": ["a 1 -> 2", "b"], "smd": ["b"]}


def test_a_diff_is_shown_side_by_side_and_as_json(files, results):
    said = " ".join(invoke(results, "diff", *files).output.split())
    assert "-> 4.0 KiB" in said
    assert "…" not in said
    document = json.loads(invoke(results, "diff", *files, "--json").stdout)
    assert document["pte_bytes"] == [5000, 6000]
    assert document["methods"]["head_0"][1] is None
