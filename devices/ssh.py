"""Linux boards over SSH: commands and files; needs the extra `ssh`."""

import contextlib
import re
import shlex
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from devices.patience import connected
from devices.shell import (
    KILLED,
    OUTPUT_LIMIT_BYTES,
    SLACK_S,
    CommandFailedError,
    ShellResult,
    UnauthorizedError,
    limited,
    output_of,
    printable,
)
from model.errors import ConfigError, DeviceError, DeviceUnavailableError

if TYPE_CHECKING:
    import paramiko

CONNECT_S = 8.0
SILENCE_S = 30.0
POLL_S = 0.01
BLOCK_BYTES = 1 << 16
ADDRESS = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+|\[[\da-fA-F:]+\])(:(?P<port>\d{1,5}))?")


class SshLink:
    """A board with an SSH server; a `devices.shell.Link`.

    Its operations share one connection, in which each has a channel of its own.
    Keys come from the agent and ~/.ssh, and the board's own must be in ~/.ssh/known_hosts.

    Args:
        address: "USER@HOST" or "USER@HOST:PORT".
    """

    def __init__(self, address: str) -> None:
        found = ADDRESS.fullmatch(address)
        if not found:
            raise ConfigError(f"{address!r} is no address of a board: USER@HOST or USER@HOST:PORT")
        self._address = address
        self._user = found["user"]
        self._host = found["host"].strip("[]")
        self._port = int(found["port"] or 22)
        self._turn = threading.Lock()
        self._open: paramiko.SSHClient | None = None
        self._was_there = False

    @property
    def address(self) -> str:
        """As given."""
        return self._address

    def run(self, command: str, timeout_s: float = 30.0) -> ShellResult:
        """Run a command line; see `Link.run`."""
        with self._client(f"running `{printable(command, 80)}`") as client:
            transport = client.get_transport()
            assert transport is not None
            channel = transport.open_session(timeout=CONNECT_S)
            channel.exec_command(limited(command, timeout_s))
            begin = time.monotonic()
            stdout, stderr = self._outputs(channel, begin + timeout_s + SLACK_S)
            code = channel.recv_exit_status()
        if code < 0:
            raise DeviceUnavailableError(f"{self._address} went away while running a command")
        result = ShellResult(command, code, stdout, stderr)
        if code == KILLED and time.monotonic() - begin >= timeout_s:
            raise CommandFailedError(
                self._address,
                result,
                f"over the limit of {timeout_s:g} s: `{printable(command, 80)}`",
            )
        return result

    def _outputs(self, channel: "paramiko.Channel", end: float) -> tuple[str, str]:
        """Read both outputs until the command ends."""
        stdout, stderr = bytearray(), bytearray()
        while not (channel.eof_received and channel.exit_status_ready()) or (
            channel.recv_ready() or channel.recv_stderr_ready()
        ):
            if channel.recv_ready():
                stdout += channel.recv(BLOCK_BYTES)
            elif channel.recv_stderr_ready():
                stderr += channel.recv_stderr(BLOCK_BYTES)
            elif channel.closed:
                break
            else:
                time.sleep(POLL_S)
            if len(stdout) + len(stderr) > OUTPUT_LIMIT_BYTES:
                raise DeviceError(f"the output is longer than {OUTPUT_LIMIT_BYTES >> 20} MiB")
            if time.monotonic() > end:
                raise DeviceUnavailableError(f"{self._address} does not answer any more")
        return stdout.decode(errors="replace"), stderr.decode(errors="replace")

    def push(self, local: Path, remote: str) -> None:
        """Copy a file to the device; see `Link.push`."""
        output_of(self, f"mkdir -p -- {shlex.quote(str(PurePosixPath(remote).parent))}")
        with self._client(f"pushing {remote}") as client, files(client) as sftp:
            sftp.put(str(local), remote)
            sftp.chmod(remote, 0o755)

    def pull(self, remote: str, local: Path, limit_bytes: int) -> None:
        """Copy a file from the device; see `Link.pull`."""
        with (
            self._client(f"pulling {remote}") as client,
            files(client) as sftp,
            sftp.open(remote, "rb") as source,
            local.open("wb") as sink,
        ):
            while block := source.read(BLOCK_BYTES):
                limit_bytes -= len(block)
                if limit_bytes < 0:
                    raise DeviceError(f"{self._address}: {remote} is larger than it may be")
                sink.write(block)

    @contextlib.contextmanager
    def _client(self, doing: str) -> Iterator["paramiko.SSHClient"]:
        """Give the connection, which is made anew after a fault."""
        with self._explained(doing):
            with self._turn:
                if self._open is None:
                    self._open = connected(self._connect, was_there=self._was_there)
                    self._was_there = True
                client = self._open
            try:
                yield client
            except FileNotFoundError:
                raise  # of a remote file: the connection is sound
            except Exception:
                self.close()
                raise

    def close(self) -> None:
        """End the connection; the next operation makes another one."""
        with self._turn:
            if self._open is not None:
                self._open.close()
            self._open = None

    def _connect(self) -> "paramiko.SSHClient":
        import paramiko

        client = paramiko.SSHClient()
        client.load_system_host_keys()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            with self._explained("connecting"):
                client.connect(
                    self._host,
                    self._port,
                    self._user,
                    timeout=CONNECT_S,
                    banner_timeout=CONNECT_S,
                    auth_timeout=CONNECT_S,
                )
        except BaseException:
            client.close()
            raise
        return client

    @contextlib.contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        """Turn what can go wrong on the way into the project's errors."""
        try:
            import paramiko
        except ImportError as error:
            raise ConfigError("boards over SSH need: pip install paramiko") from error
        where = f"{self._address}, {doing}"
        try:
            yield
        except (paramiko.AuthenticationException, paramiko.PasswordRequiredException) as error:
            raise UnauthorizedError(
                f"{where}: the board refuses our keys: try `ssh-copy-id {self._address}`"
            ) from error
        except FileNotFoundError as error:
            raise DeviceError(f"{where}: {error.strerror}") from error
        except paramiko.SSHException as error:
            hint = "log in once with ssh and accept its key" if "known_hosts" in str(error) else ""
            raise DeviceUnavailableError(
                f"{where}: {printable(str(error))} {hint}".rstrip()
            ) from error
        except (OSError, EOFError) as error:
            raise DeviceUnavailableError(
                f"{where}: the connection failed ({error}); is the board on?"
            ) from error


@contextlib.contextmanager
def files(client: "paramiko.SSHClient") -> Iterator["paramiko.SFTPClient"]:
    """Open the file service of a connection, which gives up when it stands still."""
    with client.open_sftp() as sftp:
        channel = sftp.get_channel()
        assert channel is not None
        channel.settimeout(SILENCE_S)
        yield sftp
