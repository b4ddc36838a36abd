"""The workflows under docs/ci are valid, and their commands do what they promise."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bench.cli import bench

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / "docs" / "ci").glob("*.yml"))
CHECKED_BY_NAME = "Install"  # what it installs is what runs these tests


def steps_of(workflow):
    """List the steps of a workflow that run something."""
    document = yaml.safe_load(workflow.read_text())
    (job,) = document["jobs"].values()
    return document.get("env", {}), [step for step in job["steps"] if "run" in step]


SCRIPTS = [
    pytest.param(step["run"], id=f"{workflow.stem}-{step['name']}")
    for workflow in WORKFLOWS
    for step in steps_of(workflow)[1]
]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_what_github_s_schema_asks_for(workflow):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    subprocess.run([*command, "vendor.github-workflows", str(workflow)], check=True)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_one_that_bash_takes_and_nobody_can_write_into(script):
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    assert "${{" not in script  # names of branches and the like come as variables


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_command_of_ours_and_its_options_exist(script):
    joined = script.replace("\\\n", " ")
    for name, rest in re.findall(r"\bbench ([a-z]+)([^|\n]*)", joined):
        known = {flag for option in bench.commands[name].params for flag in option.opts}
        given = {word for word in shlex.split(rest) if re.match(r"--?[a-z]", word)}
        assert given <= known, f"bench {name}"


SLOWER = """
        out: Tensor = self.down(F.gelu(self.up(x)))
        for step in range(1, 24):
            out = out + 1e-6 * self.down(F.gelu(self.up(x * (1 + 1e-6 * step))))
"""
GH = """#!/bin/sh
echo "gh $*" >> "$GH_LOG"
"""


@pytest.fixture
def clone(tmp_path):
    """A clone whose last commit makes every feed-forward layer compute 24 times as much."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), str(folder)], check=True)
    layers = folder / "model" / "layers.py"
    quick = "\n        out: Tensor = self.down(F.gelu(self.up(x)))\n"
    assert layers.read_text().count(quick) == 1
    layers.write_text(layers.read_text().replace(quick, SLOWER))
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    git = ["git", "-C", str(folder), *author, "commit", "-qam", "Make a layer slower"]
    subprocess.run(git, check=True)
    return folder


def run_steps(workflow, folder, given, expressions):
    """Run the scripts of a workflow as GitHub does; returns the exit status of each by its name."""
    defaults, steps = steps_of(workflow)
    codes = {}
    for step in steps:
        broken = any(codes.values())
        if step["name"] == CHECKED_BY_NAME or (broken and "!cancelled()" not in step.get("if", "")):
            continue
        own = {
            name: re.sub(r"\$\{\{ (.+?) \}\}", lambda found: expressions[found[1]], value)
            for name, value in step.get("env", {}).items()
        }
        environment = {**os.environ, **defaults, **own, **given}
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]], cwd=folder, env=environment, check=False
        )
        codes[step["name"]] = done.returncode
    return codes


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_commit_that_makes_a_layer_slower_is_caught_and_its_operator_named(clone, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("gh", GH), ("bench", f'#!/bin/sh\nexec {sys.executable} -m bench "$@"\n')):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    commits = [
        subprocess.run(
            ["git", "-C", str(clone), "rev-parse", name], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("HEAD~1", "HEAD")
    ]
    codes = run_steps(
        ROOT / "docs" / "ci" / "host.yml",
        clone,
        {
            "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(clone),
            "MODEL": "tiny", "SCHEME": "fp32", "ROUNDS": "10",
            "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            "GH_LOG": str(tmp_path / "gh.log"),
        },
        {
            "github.event.pull_request.base.sha": commits[0],
            "github.event.pull_request.head.sha": commits[1],
            "github.repository": "owner/name",
            "github.event.number": "7",
            "github.token": "none",
        },
    )  # fmt: skip
    assert codes == {"Measure both in turns": 0, "Judge": 3, "Comment": 0}
    page = (tmp_path / "summary.md").read_text()
    print(page)
    assert page.startswith("## ❌ Regressed: ")
    (cause,) = re.findall(r"\*\*Why fp32 x xnnpack · short is slower\*\*\n\n- (.+)", page)
    assert "Fully Connected" in cause
    assert "of smd" in cause
    posted = (tmp_path / "gh.log").read_text()
    assert "--method POST repos/owner/name/issues/7/comments -F body=@comment.md" in posted
    assert (clone / "comment.md").read_text().startswith("<!-- bench-report:bench -->")
    assert "<failure" in (clone / "junit.xml").read_text()
