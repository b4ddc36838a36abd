"""A link to this computer itself, for tests of what does not depend on ADB."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devices.shell import ShellResult
from model.errors import DeviceError, DeviceUnavailableError


class LocalLink:
    """Runs commands with this computer's shell.

    Args:
        commands: Further programs: a name and a shell script each.
        folder: Where to put them.

    Attributes:
        ran: The commands so far.
        pushed: Remote paths of the pushes so far.
        fail_push: Number of the push, from 1, at which the device goes away; 0 for none.
    """

    address = "local"

    def __init__(self, folder: Path, commands: Mapping[str, str] | None = None) -> None:
        self.ran: list[str] = []
        self.pushed: list[str] = []
        self.fail_push = 0
        self._programs = folder / "programs"
        self._programs.mkdir(parents=True, exist_ok=True)
        for name, script in (commands or {}).items():
            (self._programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (self._programs / name).chmod(0o755)

    def run(self, command: str, timeout_s: float = 30.0) -> ShellResult:
        self.ran.append(command)
        environment = {**os.environ, "PATH": f"{self._programs}:{os.environ['PATH']}"}
        try:
            done = subprocess.run(
                ["sh", "-c", command], capture_output=True, text=True, errors="replace",
                timeout=timeout_s, env=environment, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise DeviceError("over the limit") from error
        code = done.returncode if done.returncode >= 0 else 128 - done.returncode
        return ShellResult(command, code, done.stdout, done.stderr)

    def push(self, local: Path, remote: str) -> None:
        self.pushed.append(remote)
        if len(self.pushed) == self.fail_push:
            raise DeviceUnavailableError("local went away")
        Path(remote).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(local, remote)
        Path(remote).chmod(0o755)

    def pull(self, remote: str, local: Path, limit_bytes: int) -> None:
        if Path(remote).stat().st_size > limit_bytes:
            raise DeviceError("too large")
        shutil.copy(remote, local)


class ScriptedLink:
    """Answers every command with the same text.

    Args:
        stdout: The text.
    """

    address = "scripted"

    def __init__(self, stdout: str) -> None:
        self._stdout = stdout

    def run(self, command: str, timeout_s: float = 30.0) -> ShellResult:
        return ShellResult(command, 0, self._stdout, "")

    def push(self, local: Path, remote: str) -> None:
        raise NotImplementedError

    def pull(self, remote: str, local: Path, limit_bytes: int) -> None:
        raise NotImplementedError
