"""The folders form layers, and reading results needs no torch."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ORDER = ["model", "quantization", "lowering", "devices", "bench", "reports"]
# Commands print what reports render.
EDGE = {*(ROOT / "bench").glob("cli*.py"), *(ROOT / "bench" / "commands").glob("*.py")}
SOURCES = [path for layer in ORDER for path in sorted((ROOT / layer).rglob("*.py"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_point_down(path):
    if path in EDGE:
        return
    layer = ORDER.index(path.relative_to(ROOT).parts[0])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        above = [name for name in names if name.split(".")[0] in ORDER[layer + 1 :]]
        assert not above, f"{path} must not import {above[0]}"


@pytest.mark.parametrize("package", ORDER)
def test_a_package_s_init_only_describes_it(package):
    for path in (ROOT / package).rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(body[0], ast.Expr)
        assert all(isinstance(node, ast.Assign) for node in body[1:])


@pytest.mark.parametrize(
    "modules",
    [
        "bench.cli",
        "bench.results, bench.rows, bench.config, bench.commands.listing",
        "reports.formats",
        "bench.pipeline, lowering.build",
    ],
)
def test_the_command_line_reads_results_without_torch(modules):
    check = f"import {modules}, sys; assert not {{'torch', 'executorch'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, cwd=ROOT)


CLICK = "import click\n@click.command()\ndef main():\n    pass\nmain()"


def test_help_costs_little_more_than_a_bare_click_command(tmp_path):
    """Less than twice its processor time, the best of a few starts, with bytecode as users have."""
    measure = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        "usage = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(usage.ru_utime + usage.ru_stime)"
    )
    bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}

    def cpu_s(*arguments):
        command = [sys.executable, "-c", measure, sys.executable, *arguments]
        run = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=ROOT,
            env={**os.environ, **bytecode},
        )  # fmt: skip
        return float(run.stdout)

    ours, bare = ("-m", "bench", "--help"), ("-c", CLICK, "--help")
    turns = [(cpu_s(*ours), cpu_s(*bare)) for _ in range(4)]  # the first writes the bytecode
    assert min(turn[0] for turn in turns) < 2 * min(turn[1] for turn in turns)
