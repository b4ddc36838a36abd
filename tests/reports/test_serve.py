import http.client
import socket
import struct
import threading

import pytest

from reports.serve import make_server, page_of, part_of


@pytest.fixture
def server(run, folder):
    made = make_server(page_of(run, folder), 0)
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def ask(server, path="/", method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def test_the_page_and_its_speech_are_served(server, run, folder):
    status, headers, page = ask(server)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"media-src &#39;self&#39;" in page
    assert b"data:audio" not in page
    assert b'src="/audio/0.wav"' in page
    status, headers, sound = ask(server, "/audio/0.wav")
    assert (status, headers["Content-Type"]) == (200, "audio/wav")
    assert sound == (folder / run.rows[0].audio).read_bytes()


def test_players_get_the_part_that_they_ask_for(server, run, folder):
    content = (folder / run.rows[0].audio).read_bytes()
    status, headers, part = ask(server, "/audio/0.wav", Range="bytes=100-199")
    assert (status, part) == (206, content[100:200])
    assert headers["Content-Range"] == f"bytes 100-199/{len(content)}"


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-", range(0, 50)),
        ("bytes=10-99999", range(10, 50)),
        ("bytes=50-", None),
        ("bytes=9-3", None),
        ("bytes=-5", None),
        ("bytes=0-1,4-5", None),
        ("", None),
    ],
)
def test_a_range_is_a_part_or_the_whole(asked, part):
    assert part_of(asked, 50) == part


@pytest.mark.parametrize(
    "path", ["/audio/999.wav", "/../conftest.py", "/etc/passwd", "/?", "/audio/"]
)
def test_nothing_else_is_there(server, path):
    assert ask(server, path)[0] == 404


def test_heads_have_no_body(server):
    status, headers, body = ask(server, method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 0


def test_a_browser_that_closes_the_connection_is_no_error(server, capfd):
    request = b"GET / HTTP/1.0\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.server_port
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(request)
    assert ask(server)[0] == 200
    server.shutdown()
    server.server_close()  # waits for every answer
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_it_can_only_be_read(server, method):
    assert ask(server, method=method)[0] == 501


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "evil.example:80", ""])
def test_requests_under_another_name_are_turned_away(server, host):
    assert ask(server, Host=host)[0] == 421


def test_only_this_machine_can_connect(server):
    assert server.server_address[0] == "127.0.0.1"
    own = socket.gethostbyname(socket.gethostname())
    if own.startswith("127."):
        pytest.skip("this machine has no other address")
    with pytest.raises(OSError, match=r"refused|timed out"):
        socket.create_connection((own, server.server_port), timeout=2)


def test_answers_forbid_sniffing_framing_and_caching(server):
    headers = ask(server)[1]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert headers["Cache-Control"] == "no-store"
