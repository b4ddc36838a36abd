"""Where the adb server is, by the variables that the adb program reads.

Source of names, precedence and forms: AOSP, packages/modules/adb, client/commandline.cpp
(adb_commandline) and socket_spec.cpp (socket_spec_connect, parse_tcp_socket_spec).
"""

import contextlib
import os
import socket
import threading

import pytest

from devices.adb_server import (
    SERVER_VARIABLES,
    AdbServerLink,
    server_devices,
    server_problem,
    server_spec,
)
from model.errors import ConfigError, DeviceUnavailableError

LISTING = b"SERIAL\tdevice\n"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in SERVER_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@contextlib.contextmanager
def server(family, address, listing=LISTING, status=b"OKAY"):
    """An adb server that answers `host:devices`; the value is where it listens."""

    def serve():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    client.recv(1000)
                    client.sendall(status + b"%04x" % len(listing) + listing)

    with socket.socket(family) as listener:
        listener.bind(address)
        listener.listen()
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("variables", "spec"),
    [
        ({}, "tcp:5037"),
        ({"ANDROID_ADB_SERVER_PORT": "5038"}, "tcp:5038"),
        ({"ANDROID_ADB_SERVER_PORT": ""}, "tcp:5037"),
        ({"ANDROID_ADB_SERVER_ADDRESS": "lab"}, "tcp:lab:5037"),
        ({"ANDROID_ADB_SERVER_ADDRESS": "lab", "ANDROID_ADB_SERVER_PORT": "1"}, "tcp:lab:1"),
        ({"ANDROID_ADB_SERVER_ADDRESS": "::1"}, "tcp:[::1]:5037"),
        ({"ADB_SERVER_SOCKET": "tcp:7", "ANDROID_ADB_SERVER_PORT": "8"}, "tcp:7"),
        (
            {"ADB_SERVER_SOCKET": "localabstract:x", "ANDROID_ADB_SERVER_ADDRESS": "y"},
            "localabstract:x",
        ),
    ],
)
def test_the_socket_comes_before_address_and_port(monkeypatch, variables, spec):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert server_spec() == spec


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "5037 ", "٣"])
def test_a_port_that_is_none_is_a_wrong_configuration(monkeypatch, port):
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", port)
    with pytest.raises(ConfigError, match="ANDROID_ADB_SERVER_PORT must be 1 to 65535"):
        server_devices()


@pytest.mark.parametrize(
    "spec", ["5037", "tcp:", "tcp:host", "tcp:host:x", "vsock:2:5037", "acceptfd:3", "local:"]
)
def test_a_socket_of_no_known_form_is_answered_with_the_forms(monkeypatch, spec):
    monkeypatch.setenv("ADB_SERVER_SOCKET", spec)
    with pytest.raises(ConfigError, match=r"tcp:PORT, tcp:HOST:PORT, localfilesystem:PATH"):
        server_devices()


def test_a_server_is_found_by_address_and_port(monkeypatch):
    with server(socket.AF_INET, ("127.0.0.2", 0)) as (host, port):
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
        assert server_devices() == {}  # nobody listens at 127.0.0.1
        monkeypatch.setenv("ANDROID_ADB_SERVER_ADDRESS", host)
        assert server_devices() == {"SERIAL": "device"}
        assert server_problem() == ""


@pytest.mark.parametrize("form", ["tcp:{port}", "tcp:127.0.0.1:{port}", "tcp:localhost:{port}"])
def test_a_server_is_found_by_a_socket_of_tcp(monkeypatch, form):
    with server(socket.AF_INET, ("127.0.0.1", 0)) as (_, port):
        monkeypatch.setenv("ADB_SERVER_SOCKET", form.format(port=port))
        assert server_devices() == {"SERIAL": "device"}


@pytest.mark.parametrize("kind", ["local", "localfilesystem"])
def test_a_server_is_found_by_a_socket_in_the_file_system(monkeypatch, tmp_path, kind):
    with server(socket.AF_UNIX, str(tmp_path / "adb")):
        monkeypatch.setenv("ADB_SERVER_SOCKET", f"{kind}:{tmp_path}/adb")
        assert server_devices() == {"SERIAL": "device"}


def test_a_server_is_found_by_an_abstract_socket(monkeypatch):
    name = f"adb-test-{os.getpid()}"
    with server(socket.AF_UNIX, f"\0{name}"):
        monkeypatch.setenv("ADB_SERVER_SOCKET", f"localabstract:{name}")
        assert server_devices() == {"SERIAL": "device"}


def test_no_server_is_said_with_the_place_and_the_remedy(monkeypatch):
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    assert server_problem() == (
        "no adb server answers at tcp:1 (Connection refused): start one there, or unset"
        " ANDROID_ADB_SERVER_PORT"
    )
    with pytest.raises(DeviceUnavailableError, match="no adb server answers at tcp:1"):
        AdbServerLink("server:nobody").run("true")


def test_a_server_without_phones_and_something_else_than_a_server_are_told_apart(monkeypatch):
    with server(socket.AF_INET, ("127.0.0.1", 0), b"") as (_, port):
        monkeypatch.setenv("ADB_SERVER_SOCKET", f"tcp:{port}")
        assert server_problem() == f"the adb server at tcp:{port} has no phone"
    with server(socket.AF_INET, ("127.0.0.1", 0), b"", b"HTTP") as (_, port):
        monkeypatch.setenv("ADB_SERVER_SOCKET", f"tcp:{port}")
        assert "is no adb server" in server_problem()
