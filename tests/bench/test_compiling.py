"""Every pair of a matrix is a row: lowered, skipped with a reason, or failed with one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import compiling
from bench.cli import bench
from bench.compiling import Compiled, compile_pairs, compiled
from bench.results import Outcome
from lowering.artifact import Artifact
from lowering.backends import BACKENDS
from lowering.build import Built
from model.choice import ModelChoice
from quantization.schemes import SCHEMES


@pytest.fixture
def manifest(plan):
    return plan.lowering("fp32", "xnnpack").read().manifest


@pytest.fixture
def no_compiler(monkeypatch, manifest):
    """Builds that succeed for fp32, and fail for all other schemes."""

    def build(specs, *, jobs, limit_s):
        for spec in specs:
            yield Built(spec, "" if spec.scheme == "fp32" else "lower failed: too hard", 2.0)

    def read(spec):
        made = replace(manifest, scheme=spec.scheme, backend=spec.backend)
        return Artifact(Path("model.pte"), made)

    monkeypatch.setattr(compiling, "build_artifacts", build)
    monkeypatch.setattr(compiling, "prepare_references", lambda plan, show, limit_s: None)
    monkeypatch.setattr("lowering.lower.LoweringSpec.read", read)
    monkeypatch.setattr("lowering.coreml.find_spec", lambda _: None)


def test_the_matrix_has_no_hole(plan, no_compiler):
    whole = replace(
        plan, choice=ModelChoice("tiny"), schemes=tuple(SCHEMES), backends=tuple(BACKENDS)
    )
    rows = [row for _, row in compile_pairs(whole, lambda step: None)]
    assert [(row.scheme, row.backend) for row in rows] == [
        (scheme, backend) for backend in BACKENDS for scheme in SCHEMES
    ]
    assert all((row.outcome is Outcome.OK) != bool(row.reason) for row in rows)
    by_pair = {(row.scheme, row.backend): row for row in rows}
    assert by_pair["fp32", "xnnpack"].outcome is Outcome.OK
    assert by_pair["8da8w", "xnnpack"].outcome is Outcome.LOWER
    assert by_pair["8da8w", "coreml"].outcome is Outcome.SKIPPED
    assert "[coreml]" in by_pair["fp16", "coreml"].reason  # the extra is not there


def test_a_manifest_is_summed_up_over_its_methods(manifest):
    (smd,) = manifest.methods.values()
    facts = {
        "smd": replace(smd, delegated_macs_share=1.0, total_macs=900, other_operators={"a": 1}),
        "head_0": replace(smd, delegated_macs_share=0.0, total_macs=100, other_operators={"a": 2}),
    }
    row = compiled(replace(manifest, methods=facts, token_agreement=(1.0, 0.5)))
    assert row.delegated_macs_share == pytest.approx(0.9)
    assert row.other_operators == {"a": 3}
    assert row.delegates == 2 * smd.delegates
    assert row.token_agreement == 0.75
    assert row.wall_s == sum(manifest.stage_s.values())


@pytest.fixture
def rows(monkeypatch):
    found = [
        Compiled("fp32", "xnnpack", Outcome.OK, stage_peak_rss_bytes={"lower": 1 << 30}),
        Compiled("8w", "xnnpack", Outcome.SKIPPED, "no kernels"),
        Compiled("4w", "xnnpack", Outcome.SKIPPED, "no kernels"),
    ]
    monkeypatch.setattr(
        compiling, "compile_pairs", lambda plan, show, jobs, limit_s: [(None, r) for r in found]
    )
    return found


@pytest.mark.parametrize("style", ["table", "markdown"])
def test_the_table_says_why_of_all_pairs_with_one_reason_at_once(rows, style):
    result = CliRunner().invoke(bench, ["compile", "-q", "--format", style])
    assert result.exit_code == 0, result.output
    assert "8w, 4w x xnnpack: skipped: no kernels" in result.stdout
    assert "1024" in result.stdout  # MiB at the peak


def test_json_is_one_document(rows):
    result = CliRunner().invoke(bench, ["compile", "-q", "--json"])
    assert [row["outcome"] for row in json.loads(result.stdout)] == ["ok", "skipped", "skipped"]


def test_a_failed_pair_is_exit_code_1(rows):
    rows.append(Compiled("mixed", "xnnpack", Outcome.LOWER, "it crashed"))
    assert CliRunner().invoke(bench, ["compile", "-q"]).exit_code == 1


def test_nothing_lowered_is_exit_code_1(rows):
    del rows[0]
    assert CliRunner().invoke(bench, ["compile", "-q"]).exit_code == 1
