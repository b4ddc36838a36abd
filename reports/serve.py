"""A run's page and its speech over HTTP: for this machine only, and only to be read."""

import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.comparing.history import History
from bench.results import Run
from reports.audio import MIME_TYPES, clips_of
from reports.html import render

LOOPBACK = "127.0.0.1"
LIMIT_S = 30  # that a connection may be idle
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Page:
    """What a server has to give.

    Attributes:
        html: Of `/`.
        files: Of all other paths.
    """

    html: bytes
    files: Mapping[str, Path]

    def find(self, path: str) -> tuple[bytes, str] | None:
        """Return content and type of a path; None where there is nothing."""
        if path == "/":
            return self.html, "text/html; charset=utf-8"
        file = self.files.get(path)
        return (file.read_bytes(), MIME_TYPES[file.suffix]) if file and file.is_file() else None


def page_of(run: Run, folder: Path, history: History | None = None) -> Page:
    """Write a run's page, whose speech is served beside it instead of being part of it."""
    files: dict[str, Path] = {}

    def address(path: Path) -> str:
        name = f"/audio/{len(files)}{path.suffix}"
        files[name] = path
        return name

    clips = clips_of(run, folder, limit_bytes=0, address=address)
    return Page(render(run, clips, "'self'", history).encode(), files)


class Server(ThreadingHTTPServer):
    """Keeps quiet about browsers that close a connection before they have all of an answer."""

    def handle_error(
        self, request: "socket.socket | tuple[bytes, socket.socket]", client_address: object
    ) -> None:
        """Print what went wrong with a request, unless the connection was closed meanwhile."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def make_server(page: Page, port: int) -> ThreadingHTTPServer:
    """Open a server on the loopback interface.

    Requests must name it by its own address: a page of another origin whose name was made to
    resolve to this machine (DNS rebinding) is turned away.

    Args:
        page: What to serve.
        port: 0 for any that is free.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = LIMIT_S
        server_version = "bench"
        sys_version = ""

        def do_GET(self) -> None:
            """Give what was asked for."""
            content = self.answer()
            if content:
                self.wfile.write(content)

        def do_HEAD(self) -> None:
            """Give its headers."""
            self.answer()

        def answer(self) -> bytes:
            """Send the headers, and return what is to follow."""
            at = f":{self.connection.getsockname()[1]}"
            if self.headers.get("Host") not in (LOOPBACK + at, "localhost" + at):
                self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
                return b""
            found = page.find(self.path)
            if not found:
                self.send_error(HTTPStatus.NOT_FOUND)
                return b""
            content, kind = found
            part = part_of(self.headers.get("Range", ""), len(content))
            self.send_response(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK)
            if part:
                shown = f"bytes {part.start}-{part.stop - 1}/{len(content)}"
                self.send_header("Content-Range", shown)
                content = content[part.start : part.stop]
            self.send_header("Accept-Ranges", "bytes")  # players seek by asking for parts
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            return content

        def end_headers(self) -> None:
            """Add what every answer carries."""
            for name, value in HEADERS.items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Server((LOOPBACK, port), Handler)


def part_of(asked: str, size: int) -> range | None:
    """Read a `Range` header of one part; None for the whole, and for what cannot be given."""
    found = re.fullmatch(r"bytes=(\d{1,15})-(\d{0,15})", asked)
    if not found:
        return None
    start = int(found[1])
    stop = min(int(found[2]) + 1, size) if found[2] else size
    return range(start, stop) if start < stop else None
