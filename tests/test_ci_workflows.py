"""The workflows under docs/ci are valid, and their commands do what they promise."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from comparison_builder import regressed
from run_builder import make_row, make_run

from bench.cli import bench
from bench.results import save_run
from reports.compared import COMPARED

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / "docs" / "ci").glob("*.yml"))


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
        known: set[str] = set()
        command = bench.commands[name]
        for part in [command, *getattr(command, "commands", {}).values()]:
            known |= {flag for option in part.params for flag in option.opts}
        given = {word for word in shlex.split(rest) if re.match(r"--?[a-z]", word)}
        assert given <= known, f"bench {name}"


# A second pair of linear layers, 96 times as wide as the feed-forward of `tiny`, whose part in what
# is said is too small to change it.
SLOWER = {
    "        self.down = nn.Linear(ratio * width, width)\n": """
        with torch.random.fork_rng():
            self.more = nn.Sequential(nn.Linear(width, 192 * width), nn.Linear(192 * width, width))
""",
    "        out: Tensor = self.down(F.gelu(self.up(x)))\n": """
        out = out + 1e-6 * self.more(x)
""",
}
# Writes down what it is asked, and answers a question with $GH_ANSWER.
GH = """#!/bin/sh
echo "gh $*" >> "$GH_LOG"
case $* in *--jq*) echo "$GH_ANSWER";; esac
"""


@pytest.fixture
def tools(tmp_path):
    """The environment of a step: commands `bench` and `gh`, and files that GitHub reads."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, text in (("gh", GH), ("bench", f'#!/bin/sh\nexec {sys.executable} -m bench "$@"\n')):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return {
        "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "GH_ANSWER": "",
        "GH_LOG": str(tmp_path / "gh.log"), "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "GITHUB_WORKFLOW": "phone",
    }  # fmt: skip


PULL_REQUEST = {
    "github.repository": "owner/name",
    "github.event.number": "7",
    "github.token": "none",
}


@pytest.fixture
def clone(tmp_path):
    """A clone whose last commit adds wide layers to every feed-forward."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), str(folder)], check=True)
    path = folder / "model" / "layers.py"
    layers = path.read_text()
    for line, more in SLOWER.items():
        assert layers.count(line) == 1
        layers = layers.replace(line, line + more.lstrip("\n"))
    path.write_text(layers)
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    git = ["git", "-C", str(folder), *author, "commit", "-qam", "Make a layer slower"]
    subprocess.run(git, check=True)
    return folder


def run_steps(name, folder, given, expressions, *, left_out=("Install",)):
    """Run the scripts of a workflow as GitHub does; returns the exit status of each by its name."""
    defaults, steps = steps_of(ROOT / "docs" / "ci" / name)
    codes = {}
    for step in steps:
        broken = any(codes.values())
        if step["name"] in left_out or (broken and "!cancelled()" not in step.get("if", "")):
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


MEASURED = ("Install", "Measure both in turns", "Examine the phone", "Measure")


def test_a_regression_fails_the_job_and_is_posted(tools, tmp_path):
    (tmp_path / "comparison.json").write_text(COMPARED["json"](regressed()))
    codes = run_steps("host.yml", tmp_path, tools, PULL_REQUEST, left_out=MEASURED)
    assert codes == {"Judge": 3, "Comment": 0}
    posted = "--method POST repos/owner/name/issues/7/comments -F body=@comment.md"
    assert posted in (tmp_path / "gh.log").read_text()
    assert (tmp_path / "summary.md").read_text().startswith("## ❌ Regressed")
    assert (tmp_path / "comment.md").read_text().startswith("<!-- bench-report:bench -->")


def test_a_comment_that_is_there_is_edited_and_no_second_one_posted(tools, tmp_path):
    given = {**tools, "GH_ANSWER": "41"}
    left_out = (*MEASURED, "Judge")
    codes = run_steps("host.yml", tmp_path, given, PULL_REQUEST, left_out=left_out)
    assert codes == {"Comment": 0}
    said = (tmp_path / "gh.log").read_text()
    assert "--method PATCH repos/owner/name/issues/comments/41 -F body=@comment.md" in said
    assert "POST" not in said


@pytest.mark.parametrize(("factor", "code"), [(1.0, 0), (1.5, 3)])
def test_a_phone_is_judged_by_its_last_good_run(tools, tmp_path, factor, code):
    steady = 1 + 0.002 * np.array([0, 1, -1, 2, -2, 3, -3, 1.5, 0.5, -0.5])
    for folder, samples in (("baseline", steady), ("results", factor * steady[::-1])):
        place = tmp_path / folder / "host"
        place.mkdir(parents=True)
        run = make_run(make_row(rtf=samples))
        save_run(place / f"{run.header.run}.json", run)
    codes = run_steps(
        "lab.yml", tmp_path, {**tools, "GH_ANSWER": "9"}, PULL_REQUEST, left_out=MEASURED
    )
    assert codes == {"Fetch the baseline": 0, "Judge": code}
    assert "gh run download 9 --name baseline" in (tmp_path / "gh.log").read_text()
    assert (tmp_path / "junit.xml").exists()


def test_a_phone_without_a_last_good_run_is_reported(tools, tmp_path):
    place = tmp_path / "results" / "host"
    place.mkdir(parents=True)
    run = make_run(make_row(rtf=np.ones(5)))
    save_run(place / f"{run.header.run}.json", run)
    codes = run_steps("lab.yml", tmp_path, tools, PULL_REQUEST, left_out=MEASURED)
    assert codes == {"Fetch the baseline": 0, "Judge": 0}
    assert "## Schemes" in (tmp_path / "summary.md").read_text()


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(3600)
def test_a_commit_that_makes_a_layer_slower_is_caught_and_its_operator_named(
    clone, tools, tmp_path
):
    commits = [
        subprocess.run(
            ["git", "-C", str(clone), "rev-parse", name], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("HEAD~1", "HEAD")
    ]
    codes = run_steps(
        "host.yml",
        clone,
        {
            **tools, "PYTHONPATH": str(clone), "MODEL": "tiny", "SCHEME": "fp32", "ROUNDS": "10",
        },
        {
            **PULL_REQUEST,
            "github.event.pull_request.base.sha": commits[0],
            "github.event.pull_request.head.sha": commits[1],
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
