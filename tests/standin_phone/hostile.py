"""A daemon that speaks ADB and means harm: it answers by a script in place of a phone."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

STDOUT, EXIT = 1, 3


class Wire:
    """One connection, as the device sees it."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream

    def send(self, command: bytes, arg0: int = 0, arg1: int = 0, data: bytes = b"") -> None:
        """Send a packet as it should be."""
        self.raw(header(command, arg0, arg1, len(data), sum(data)) + data)

    def raw(self, data: bytes) -> None:
        """Send bytes."""
        self._stream.sendall(data)

    def receive(self) -> tuple[bytes, int, int, bytes]:
        """Receive a packet: its command, its two arguments and its data."""
        command, arg0, arg1, size, _, _ = struct.unpack("<6I", self._exactly(24))
        return command.to_bytes(4, "little"), arg0, arg1, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            block = self._stream.recv(size - len(data))
            if not block:
                raise ConnectionResetError
            data += block
        return data

    def connect(self) -> None:
        """Do what a phone does first."""
        self.receive()
        self.send(b"CNXN", 0x01000000, 1 << 20, b"device::\0")

    def accept_service(self) -> tuple[int, bytes]:
        """Open what the host asks for; returns its number and its name."""
        _, number, _, service = self.receive()
        self.send(b"OKAY", 1, number)
        return number, service

    def write(self, number: int, data: bytes) -> None:
        """Write to an open service, and wait until the host has taken it."""
        self.send(b"WRTE", 1, number, data)
        while self.receive()[0] != b"OKAY":
            pass

    def answer(self, number: int, stdout: bytes, code: int = 0) -> None:
        """Answer a command as a phone does."""
        for start in range(0, len(stdout), 1 << 16):
            self.write(number, shell_packet(STDOUT, stdout[start : start + (1 << 16)]))
        self.write(number, shell_packet(EXIT, bytes([code])))
        self.send(b"CLSE", 1, number)


def header(command: bytes, arg0: int, arg1: int, size: int, checksum: int) -> bytes:
    """Make the header of a packet."""
    number = int.from_bytes(command, "little")
    return struct.pack("<6I", number, arg0, arg1, size, checksum & 0xFFFFFFFF, number ^ 0xFFFFFFFF)


def shell_packet(kind: int, data: bytes) -> bytes:
    """Frame data of the shell protocol."""
    return struct.pack("<BI", kind, len(data)) + data


@contextlib.contextmanager
def hostile_daemon(behave: Callable[[Wire], None]) -> Iterator[str]:
    """Run a daemon that treats every connection by a script; the value is its address."""

    def serve(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            behave(Wire(client))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
