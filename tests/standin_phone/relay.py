"""A TCP relay on loopback that can spoil what passes: slow it, cut it, swallow it."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

BLOCK_BYTES = 1 << 16


@dataclass
class Faults:
    """What a relay does to each connection; everything may change while it runs.

    Attributes:
        rate: Bytes per second from host to device; 0 for all it takes.
        cut_after: Bytes from the host after which the connection is struck; 0 for never.
        cut_reply_after: Bytes from the device after which the connection is struck; 0 for never.
        stall_after: Bytes from the host after which it stays open and moves nothing; 0 for never.
        then: After a strike: "recover" for no more of them, "gone" for no more connections.
        strike: What a strike does; None for ending the connection.
        refuse: End new connections at once.
    """

    rate: float = 0.0
    cut_after: int = 0
    cut_reply_after: int = 0
    stall_after: int = 0
    then: str = "recover"
    strike: Callable[[], None] | None = None
    refuse: bool = False

    def struck(self, passed: int, from_host: bool) -> bool:
        """Say whether the connection ends here, and make ready for what comes then."""
        limit = self.cut_after if from_host else self.cut_reply_after
        if not limit or passed <= limit:
            return False
        self.cut_after = self.cut_reply_after = 0
        self.refuse = self.then == "gone"
        if self.strike:
            self.strike()
        return self.strike is None


class Relay:
    """Passes connections to 127.0.0.1:`port` on to wherever `connect` leads.

    Args:
        connect: Opens a connection to the target.
        port: To listen on; 0 for any free one.
        faults: What to do to the connections.
    """

    def __init__(
        self, connect: Callable[[], socket.socket], port: int = 0, faults: Faults | None = None
    ) -> None:
        self.faults = faults or Faults()
        self._connect = connect
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @classmethod
    def to_port(cls, port: int, faults: Faults | None = None) -> "Relay":
        """Make a relay to a port of this machine."""
        return cls(lambda: socket.create_connection(("127.0.0.1", port)), faults=faults)

    def __enter__(self) -> "Relay":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and end every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() does not
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """End every connection now."""
        for end in tuple(self._open):
            shut(end)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            if self.faults.refuse:
                return
            try:
                target = self._connect()
            except OSError:
                return
            with target:
                for end in (client, target):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open |= {client, target}
                stalled = threading.Event()
                back = threading.Thread(
                    target=self._pump, args=(target, client, False, stalled), daemon=True
                )
                back.start()
                self._pump(client, target, True, stalled)
                back.join()
                self._open -= {client, target}

    def _pump(
        self, source: socket.socket, sink: socket.socket, from_host: bool, stalled: threading.Event
    ) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while block := source.recv(BLOCK_BYTES):
                passed += len(block)
                if self.faults.struck(passed, from_host):
                    break
                if from_host and self.faults.stall_after and passed > self.faults.stall_after:
                    stalled.set()
                if stalled.is_set():
                    continue
                sink.sendall(block)
                if from_host and self.faults.rate:
                    time.sleep(len(block) / self.faults.rate)
        shut(source)
        shut(sink)


def shut(end: socket.socket) -> None:
    """End a connection for both sides, whatever its state."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
