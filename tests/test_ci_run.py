"""`.ci/run` chooses the tests that its argument and CI ask for, and ends as they end."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Writes down its name and arguments; the tests that measure fail where $MEASURING says so.
TOOL = """#!/bin/sh
echo "${0##*/} $*" >> "$LOG"
case "${0##*/} $*" in
  python3*) mkdir -p .venv/bin; : > .venv/bin/activate;;
  pytest*"-m alone") echo "=== 1 passed in 1.00s ==="; exit "${MEASURING:-0}";;
  pytest*) echo "=== 2 passed in 2.00s ===";;
esac
"""
TOOLS = ("pip", "ruff", "mypy", "pytest", "apt-get", "python3")


@pytest.fixture
def run(tmp_path):
    """Runs a copy of the script among tools that only write down what they are asked."""
    tools, log = tmp_path / "tools", tmp_path / "log"
    tools.mkdir()
    (tmp_path / ".ci").mkdir()
    script = shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    for name in TOOLS:
        (tools / name).write_text(TOOL)
        (tools / name).chmod(0o755)

    def run_script(*arguments, **variables):
        log.unlink(missing_ok=True)
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "LOG": str(log)}
        environment.pop("CI", None)
        done = subprocess.run(
            ["bash", script, *arguments], capture_output=True, text=True, check=False,
            env={**environment, **variables},
        )  # fmt: skip
        asked = log.read_text().splitlines() if log.exists() else []
        return done, [line for line in asked if line.startswith("pytest ")], asked

    return run_script


def test_without_an_argument_the_quick_tests_run_after_install_lint_and_types(run):
    done, tests, asked = run()
    assert done.returncode == 0
    assert [line.partition(" -m ")[2] for line in tests] == ["not slow"]
    assert [line.split()[0] for line in asked] == [*["pip"] * 3, "ruff", "ruff", "mypy", "pytest"]


@pytest.mark.parametrize(("arguments", "variables"), [(["all"], {}), ([], {"CI": "true"})])
def test_all_and_ci_run_every_test_and_those_that_measure_with_nothing_beside_them(
    run, arguments, variables
):
    done, tests, asked = run(*arguments, **variables)
    assert done.returncode == 0
    measuring, others = tests
    assert measuring == "pytest -m alone"
    assert others.endswith(" -m not alone")
    assert ("python3 -m venv .venv" in asked) == bool(variables)


def test_the_last_line_is_pytest_s_own_and_a_failure_hides_no_other_test(run):
    done, tests, _ = run("all", MEASURING="1")
    assert done.returncode == 1
    assert len(tests) == 2
    assert done.stdout.splitlines()[-1] == "=== 2 passed in 2.00s ==="


def test_another_argument_is_refused_before_anything_is_installed(run):
    done, _, asked = run("everything")
    assert (done.returncode, asked) == (2, [])
    assert "usage: .ci/run [all]" in done.stderr
