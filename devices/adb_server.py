"""ADB through a running adb server: for phones that it holds on USB or has paired over Wi-Fi."""

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from devices.patience import connected
from devices.shell import (
    SLACK_S,
    ShellDecoder,
    ShellResult,
    UnauthorizedError,
    finished,
    limited,
    printable,
)
from model.errors import ConfigError, DeviceError, DeviceUnavailableError

CONNECT_S = 2.0
SILENCE_S = 30.0
CHUNK_BYTES = 64 << 10  # the sync protocol's largest
EXECUTABLE = 0o100755
SERVER_VARIABLES = (
    "ADB_SERVER_SOCKET",
    "ANDROID_ADB_SERVER_ADDRESS",
    "ANDROID_ADB_SERVER_PORT",
)
# Kinds of local sockets, with what the kernel wants before their names.
UNIX_SOCKETS = {"local": "", "localfilesystem": "", "localabstract": "\0"}


class AdbServerLink:
    """One phone that an adb server holds; a `devices.shell.Link`.

    Args:
        address: "server:SERIAL", the serial as `adb devices` prints it.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._serial = address.removeprefix("server:")
        self._was_there = False

    @property
    def address(self) -> str:
        """As given."""
        return self._address

    def run(self, command: str, timeout_s: float = 30.0) -> ShellResult:
        """Run a command line; see `Link.run`."""
        limit_s = timeout_s + SLACK_S
        decoder = ShellDecoder()
        with self._service(f"shell,v2,raw:{limited(command, timeout_s)}", limit_s) as stream:
            begin = time.monotonic()
            while block := stream.recv(CHUNK_BYTES):
                decoder.feed(block)
                if time.monotonic() - begin > limit_s:
                    raise DeviceError(f"{self._address}: `{printable(command, 80)}` does not end")
        return finished(self._address, command, decoder, timeout_s, time.monotonic() - begin)

    def push(self, local: Path, remote: str) -> None:
        """Copy a file to the device; see `Link.push`."""
        with local.open("rb") as file, self._service("sync:", SILENCE_S) as stream:
            stream.sendall(packet(b"SEND", f"{remote},{EXECUTABLE}".encode()))
            while chunk := file.read(CHUNK_BYTES):
                stream.sendall(packet(b"DATA", chunk))
            stream.sendall(struct.pack("<4sI", b"DONE", int(time.time())))
            kind, size = struct.unpack("<4sI", receive(stream, 8))
            if kind != b"OKAY":
                self._refused(f"pushing {remote}", stream, size)

    def pull(self, remote: str, local: Path, limit_bytes: int) -> None:
        """Copy a file from the device; see `Link.pull`."""
        with local.open("wb") as file, self._service("sync:", SILENCE_S) as stream:
            stream.sendall(packet(b"RECV", remote.encode()))
            while True:
                kind, size = struct.unpack("<4sI", receive(stream, 8))
                if kind == b"DONE":
                    return
                if kind != b"DATA":
                    self._refused(f"pulling {remote}", stream, size)
                limit_bytes -= size
                if limit_bytes < 0 or size > CHUNK_BYTES:
                    raise DeviceError(f"{self._address}: {remote} is larger than it may be")
                file.write(receive(stream, size))

    def _refused(self, doing: str, stream: socket.socket, size: int) -> None:
        said = receive(stream, min(size, 1000)).decode(errors="replace")
        raise DeviceError(f"{self._address}, {doing}: {printable(said)}")

    def _connect(self) -> socket.socket:
        """Have the server connect us to the phone."""
        try:
            stream = connect()
        except OSError as error:
            raise DeviceUnavailableError(f"{self._address}: {no_server(error)}") from error
        try:
            ask(stream, f"host:transport:{self._serial}")
        except BaseException:
            stream.close()
            raise
        return stream

    @contextlib.contextmanager
    def _service(self, name: str, silence_s: float) -> Iterator[socket.socket]:
        """Open a service of the phone."""
        where = f"{self._address}, {printable(name, 80)}"
        try:
            with connected(self._connect, was_there=self._was_there) as stream:
                self._was_there = True
                ask(stream, name)
                stream.settimeout(silence_s)
                yield stream
        except TimeoutError as error:
            raise DeviceUnavailableError(f"{where}: no answer; is the phone connected?") from error
        except OSError as error:
            raise DeviceUnavailableError(f"{where}: the connection failed ({error})") from error


def server_devices() -> Mapping[str, str]:
    """Return what a running adb server knows: serials and their states; nothing without a server.

    A state is "device" where the phone answers; "unauthorized" and "offline" are others.
    """
    try:
        return held_devices()
    except (OSError, ValueError, DeviceError, DeviceUnavailableError):
        return {}


def held_devices() -> Mapping[str, str]:
    """Ask the adb server which phones it knows.

    Raises:
        OSError: No server answers.
        ValueError, DeviceError, DeviceUnavailableError: What answers is no adb server.
    """
    with connect() as stream:
        ask(stream, "host:devices")
        listing = receive(stream, int(receive(stream, 4), 16)).decode(errors="replace")
    rows = (line.split("\t") for line in listing.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2}


def server_problem() -> str:
    """Say why no phone can be reached through an adb server; empty where it knows one."""
    try:
        return "" if held_devices() else f"the adb server at {server_spec()} has no phone"
    except OSError as error:
        return no_server(error)
    except (ValueError, DeviceError, DeviceUnavailableError):
        return f"what answers at {server_spec()} is no adb server"


def no_server(error: OSError) -> str:
    """Say that no adb server answers, and what to do about it."""
    named = [name for name in SERVER_VARIABLES if os.environ.get(name)]
    remedy = f"start one there, or unset {' and '.join(named)}" if named else "adb start-server"
    return f"no adb server answers at {server_spec()} ({error.strerror or error}): {remedy}"


def server_spec() -> str:
    """Return where the adb server is, as the adb program writes it: "tcp:5037" by default.

    ADB_SERVER_SOCKET comes before ANDROID_ADB_SERVER_ADDRESS and ANDROID_ADB_SERVER_PORT (AOSP,
    packages/modules/adb, client/commandline.cpp, adb_commandline). An empty variable is not set.

    Raises:
        ConfigError: The port is none.
    """
    if spec := os.environ.get("ADB_SERVER_SOCKET"):
        return spec
    host = os.environ.get("ANDROID_ADB_SERVER_ADDRESS")
    port = os.environ.get("ANDROID_ADB_SERVER_PORT") or "5037"
    if not is_port(port):
        raise ConfigError(f"ANDROID_ADB_SERVER_PORT must be 1 to 65535, not {port!r}")
    if host and ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"tcp:{host}:{port}" if host else f"tcp:{port}"


def is_port(text: str) -> bool:
    """Say whether a text is the number of a port."""
    return text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535


def connect() -> socket.socket:
    """Connect to the adb server (`server_spec`).

    The forms are those of AOSP's packages/modules/adb, socket_spec.cpp, that a program outside
    Android can connect to. One is left out: "tcp:HOST" without a port, which adb takes as the port
    of a phone.

    Raises:
        OSError: There is none.
        ConfigError: The variables name no place.
    """
    spec = server_spec()
    kind, _, place = spec.partition(":")
    host, _, port = place.rpartition(":")
    if kind == "tcp" and is_port(port):
        address = (host.strip("[]") or "127.0.0.1", int(port))
        return socket.create_connection(address, timeout=CONNECT_S)
    if kind in UNIX_SOCKETS and place:
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(CONNECT_S)
        try:
            stream.connect(UNIX_SOCKETS[kind] + place)
        except BaseException:
            stream.close()
            raise
        return stream
    raise ConfigError(
        f"ADB_SERVER_SOCKET is {spec!r}; it may be tcp:PORT, tcp:HOST:PORT, localfilesystem:PATH"
        " or localabstract:NAME"
    )


def ask(stream: socket.socket, request: str) -> None:
    """Make a request to the server.

    Raises:
        DeviceUnavailableError: The server knows no such phone, or it is not authorized.
        DeviceError: The request is refused.
    """
    data = request.encode()
    stream.settimeout(SILENCE_S)
    stream.sendall(f"{len(data):04x}".encode() + data)
    if receive(stream, 4) == b"OKAY":
        return
    try:
        said = receive(stream, int(receive(stream, 4), 16)).decode(errors="replace")
    except ValueError:
        raise DeviceError("what answers at the adb server's port is no adb server") from None
    if "unauthorized" in said:
        raise UnauthorizedError(
            "the phone has not accepted the adb server's key: unlock it, tick"
            ' "Always allow from this computer" under "Allow USB debugging?", and try again'
        )
    if request.startswith("host:transport"):
        raise DeviceUnavailableError(f"the adb server says: {printable(said)}")
    raise DeviceError(f"the adb server refuses `{printable(request, 80)}`: {printable(said)}")


def packet(kind: bytes, data: bytes) -> bytes:
    """Frame a message of the sync protocol."""
    return struct.pack("<4sI", kind, len(data)) + data


def receive(stream: socket.socket, size: int) -> bytes:
    """Receive exactly so many bytes.

    Raises:
        ConnectionResetError: The stream ended before.
    """
    data = bytearray()
    while len(data) < size:
        block = stream.recv(size - len(data))
        if not block:
            raise ConnectionResetError("closed by the adb server")
        data += block
    return bytes(data)
