"""A run names the commit of the checkout that made it, or says why it cannot."""

import os
import stat
import subprocess

import pytest
from run_builder import make_row, make_run

from bench import pipeline
from bench.pipeline import describe_commit, git_commit, why_no_commit


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with one commit, in place of the project's."""
    folder = tmp_path / "checkout"
    git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", folder], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    monkeypatch.setattr(pipeline, "ROOT", folder)
    return folder


@pytest.fixture
def git_of(tmp_path, monkeypatch):
    """Puts a script in place of git."""

    def put(script):
        path = tmp_path / "bin" / "git"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")

    return put


HEADER = make_run(make_row()).header


def without_commit():
    from dataclasses import replace

    return replace(HEADER, commit="")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away, which takes root")
def test_a_checkout_of_another_user_s_is_named_too(checkout):
    """As in a container: git calls it "dubious ownership"."""
    named = git_commit()
    for path in (checkout, *checkout.rglob("*")):
        os.chown(path, 12345, 12345)
    assert named
    assert git_commit() == named


def test_what_git_says_against_a_checkout_is_passed_on(checkout, git_of):
    git_of("echo \"fatal: detected dubious ownership in repository at 'here'\" >&2; exit 128")
    assert git_commit() == ""
    assert "dubious ownership" in why_no_commit(without_commit())


def test_a_checkout_without_git_is_said(checkout, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert describe_commit() == ("", "git cannot be started: No such file or directory")


def test_an_installed_project_is_not_called_by_the_commit_of_a_repository_around_it(
    checkout, monkeypatch
):
    installed = checkout / "venv" / "site-packages"
    installed.mkdir(parents=True)
    monkeypatch.setattr(pipeline, "ROOT", installed)
    assert describe_commit() == ("", "")
    assert why_no_commit(without_commit()) == ""


def test_a_run_that_names_its_commit_is_silent(checkout, git_of):
    git_of("exit 1")
    assert HEADER.commit
    assert why_no_commit(HEADER) == ""
