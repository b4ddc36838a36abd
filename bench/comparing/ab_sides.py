"""What `bench ab` compares: two schemes, two folders with a .pte, two checkouts or commits."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from bench.comparing.ab import Artifacts, Side
from bench.pipeline import Plan
from lowering.artifact import Artifact, read_artifact
from lowering.cache import ROOT, pins
from model.errors import ConfigError, StageFailedError
from model.toml_files import read_toml
from quantization.schemes import SCHEMES

PTE, MANIFEST = "model.pte", "manifest.json"


@contextlib.contextmanager
def open_side(name: str, plan: Plan) -> Iterator[Side]:
    """Find out what a name stands for, and have its artifacts made.

    Args:
        name: A scheme; a folder that `bench compile` wrote; a checkout of this project, or a commit
            of it, which lowers what the plan names with its own code.
        plan: What to measure.

    Raises:
        ConfigError: It is none of these, or its code asks for other packages than are installed.
        StageFailedError: The .pte cannot be read or made.
    """
    path = Path(name)
    if name in list(SCHEMES):
        yield Side(replace(plan, schemes=(name,)))
    elif name and (path / MANIFEST).is_file():
        yield side_of([read_artifact(path)], plan)
    elif name and (path / "bench" / "cli.py").is_file():
        check_pins(path, name)
        with compiled(path, compile_flags(plan)) as artifacts:
            yield side_of(artifacts, plan)
    elif commit := commit_of(name):
        with checkout(commit) as folder:
            check_pins(folder, name)
            with compiled(folder, compile_flags(plan)) as artifacts:
                yield replace(side_of(artifacts, plan), commit=commit[:12])
    else:
        raise ConfigError(
            f"{name!r:.200} is no scheme, no folder with {PTE} and {MANIFEST}, no checkout and no"
            " commit of this project"
        )


def side_of(artifacts: Sequence[Artifact], plan: Plan) -> Side:
    """Make a side of artifacts, with the cases that they allow.

    Raises:
        ConfigError: They are of another model than the plan.
    """
    for artifact in artifacts:
        if artifact.manifest.model != plan.choice.name:
            raise ConfigError(
                f"{artifact.pte} is of the model {artifact.manifest.model!r}: give --model"
                f" {artifact.manifest.model}"
            )
    found: Artifacts = {(a.manifest.scheme, a.manifest.backend): a for a in artifacts}
    schemes = tuple(dict.fromkeys(scheme for scheme, _ in found))
    backends = tuple(dict.fromkeys(backend for _, backend in found))
    return Side(replace(plan, schemes=schemes, backends=backends), found)


@contextlib.contextmanager
def compiled(folder: Path, flags: Sequence[str]) -> Iterator[list[Artifact]]:
    """Lower with a checkout's own code, in a process of its own.

    Raises:
        StageFailedError: It failed; the message has the last it said.
    """
    with tempfile.TemporaryDirectory(prefix="bench-ab-") as out:
        command = [sys.executable, "-m", "bench", "compile", "--quiet", *flags, "-o", out]
        environment = {**os.environ, "PYTHONPATH": str(folder.resolve())}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            # What could not be lowered stands in its table; anything else is an error of one line.
            said = " ".join((done.stderr.strip() or done.stdout.strip() or "nothing").split())
            raise StageFailedError(f"bench compile failed in {folder}; last it said: {said[-400:]}")
        yield [read_artifact(path.parent) for path in sorted(Path(out).rglob(MANIFEST))]


def check_pins(folder: Path, name: str) -> None:
    """Refuse a checkout whose code asks for other packages than those it would lower with.

    Raises:
        ConfigError: A package that shapes a .pte is not of the version that the checkout asks for,
            or what it asks for cannot be read.
    """
    from packaging.requirements import Requirement

    path = folder / "pyproject.toml"
    project = read_toml(path).get("project", {}) if path.is_file() else {}
    try:
        extras = project.get("optional-dependencies", {}).values()
        asked = [Requirement(one) for one in chain(project.get("dependencies", ()), *extras)]
    except (AttributeError, TypeError, ValueError) as error:
        line = " ".join(str(error).split())
        raise ConfigError(f"{path}: its dependencies cannot be read: {line:.200}") from error
    installed = pins()
    unlike = {
        f"{one.name}{one.specifier} ({installed[one.name]} is installed)"
        for one in asked
        if one.name in installed
        and not one.specifier.contains(installed[one.name], prereleases=True)
    }
    if unlike:
        raise ConfigError(
            f"{name!r:.200} asks for {', '.join(sorted(unlike))}, and bench ab lowers with what is"
            " installed, which would be neither program: run `bench compile -o FOLDER` of that"
            " checkout in an environment with its packages, and give FOLDER"
        )


def commit_of(name: str) -> str:
    """Return the commit of this project that a name stands for; empty where it is none."""
    what = f"{name}^{{commit}}"
    command = ["git", "-C", str(ROOT), "rev-parse", "--verify", "-q", "--end-of-options", what]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return said.stdout.strip()


@contextlib.contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Check a commit out beside this checkout, and remove it again."""
    with tempfile.TemporaryDirectory(prefix="bench-ab-") as parent:
        folder = Path(parent) / "checkout"
        worktree = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run(
            [*worktree, "add", "--quiet", "--detach", str(folder), commit],
            check=True, capture_output=True,
        )  # fmt: skip
        try:
            yield folder
        finally:
            subprocess.run([*worktree, "remove", "--force", str(folder)], check=False)


def compile_flags(plan: Plan) -> list[str]:
    """Return the flags of `bench compile` that lead to a plan's artifacts, for a checkout."""
    choice = plan.choice
    options = {
        "--model": choice.name,
        "--checkpoint": choice.checkpoint and Path(choice.checkpoint).resolve(),
        "--codec": choice.codec,
        "--codec-checkpoint": choice.codec_checkpoint and Path(choice.codec_checkpoint).resolve(),
        "--passes": ",".join(map(str, plan.passes)),
    }
    flags = [str(word) for name, value in options.items() if value for word in (name, value)]
    for option, names in (("--scheme", plan.schemes), ("--backend", plan.backends)):
        flags += [word for name in names for word in (option, name)]
    return flags
