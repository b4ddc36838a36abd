"""A device that speaks ADB and means harm: every answer ends in a named error, none in a hang."""

import itertools
import struct
import time

import pytest
from standin_phone.hostile import Wire, header, hostile_daemon, shell_packet

from devices.adb import AdbLink
from devices.discovery import look, read_properties
from devices.shell import UnauthorizedError
from model.errors import DeviceError, DeviceUnavailableError

FAULTS = []


def fault(error, says=""):
    """Put a behaviour into the table: the error it must end in, and what the message must say."""

    def add(behave):
        FAULTS.append(pytest.param(behave, error, says, id=behave.__name__))
        return behave

    return add


@fault(DeviceUnavailableError, "the connection failed")
def closes_at_once(wire: Wire):
    pass


@fault(DeviceUnavailableError, "no answer")
def says_nothing(wire: Wire):
    time.sleep(3)


@fault(DeviceError, "does not speak ADB")
def speaks_another_protocol(wire: Wire):
    wire.raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    time.sleep(1)


@fault(DeviceUnavailableError, "adb tcpip 5555")
def wants_wireless_debugging(wire: Wire):
    wire.receive()
    wire.send(b"STLS", 1 << 24)


@fault(UnauthorizedError, "has not accepted")
def refuses_every_key(wire: Wire):
    wire.receive()
    for _ in range(2):
        wire.send(b"AUTH", 1, 0, b"t" * 20)
        wire.receive()


@fault(DeviceError, "does not speak ADB")
def claims_a_packet_of_four_gigabytes(wire: Wire):
    wire.connect()
    number, _ = wire.accept_service()
    wire.raw(header(b"WRTE", 1, number, 0xFFFFFFFF, 0) + b"x" * 1000)
    time.sleep(1)


@fault(DeviceError, "does not speak ADB")
def sends_a_wrong_checksum(wire: Wire):
    wire.connect()
    number, _ = wire.accept_service()
    wire.raw(header(b"WRTE", 1, number, 5, 999) + b"hello")


@fault(DeviceError, "refused|Android 7")
def refuses_the_shell(wire: Wire):
    wire.connect()
    _, number, _, _ = wire.receive()
    wire.send(b"CLSE", 0, number)
    time.sleep(1)


@fault(DeviceUnavailableError, "went away")
def ends_without_a_status(wire: Wire):
    wire.connect()
    number, _ = wire.accept_service()
    wire.write(number, shell_packet(1, b"[ro.product.device]: [shiba]\n"))
    wire.send(b"CLSE", 1, number)
    time.sleep(1)


@fault(DeviceUnavailableError, "the connection failed")
def breaks_off_in_a_packet(wire: Wire):
    wire.connect()
    number, _ = wire.accept_service()
    wire.raw(header(b"WRTE", 1, number, 1000, 0) + b"x" * 10)


@fault(DeviceError, "longer than")
def answers_with_a_line_of_ten_megabytes(wire: Wire):
    wire.connect()
    number, _ = wire.accept_service()
    wire.answer(number, b"[" + b"x" * 10_000_000)


@fault(DeviceError, "longer than")
def claims_output_of_four_gigabytes(wire: Wire):
    wire.connect()
    number, _ = wire.accept_service()
    wire.write(number, struct.pack("<BI", 1, 0xFFFFFFFF))
    time.sleep(1)


@fault(DeviceError, "does not end")
def trickles_for_ever(wire: Wire):
    wire.connect()
    number, _ = wire.accept_service()
    while True:
        wire.write(number, shell_packet(1, b"."))
        time.sleep(0.1)


@fault(DeviceError, "status 1 from")
def knows_no_properties(wire: Wire):
    wire.connect()
    number, _ = wire.accept_service()
    wire.answer(number, b"", 1)


@pytest.fixture(autouse=True)
def impatient(keys, monkeypatch):
    monkeypatch.setattr("devices.adb.CONNECT_S", 1.0)
    monkeypatch.setattr("devices.adb.ACCEPT_S", 1.0)
    monkeypatch.setattr("devices.adb.SLACK_S", 0.5)


@pytest.mark.parametrize(("behave", "error", "says"), FAULTS)
def test_every_answer_that_is_none_ends_in_its_named_error(behave, error, says, record_property):
    record_property("designed", error.__name__)
    with hostile_daemon(behave) as address:
        link = AdbLink(address, accept_s=1.0)
        with pytest.raises(error, match=says) as caught:
            link.run("getprop", 1.0) if behave is trickles_for_ever else read_properties(link)
        record_property("said", str(caught.value))
        assert str(caught.value).isprintable()
        assert address in str(caught.value) or "longer than" in str(caught.value)


def test_a_phone_that_misbehaves_is_listed_with_its_fault_and_stops_nothing(monkeypatch):
    with hostile_daemon(refuses_the_shell) as address:
        assert "Android 7" in look(address, print).problem


def test_properties_that_are_no_text_are_read_as_far_as_they_go():
    def behave(wire):
        wire.connect()
        number, _ = wire.accept_service()
        wire.answer(number, b"[a]: [b]\n\xff\xfe\n[broken\n[c]: []\n\n]: [\n[x]: [\x1b[2J]\n")

    with hostile_daemon(behave) as address:
        assert read_properties(AdbLink(address)) == {"a": "b", "c": "", "x": "\x1b[2J"}


def pull_from(behave, tmp_path, limit_bytes=1000):
    with hostile_daemon(behave) as address:
        AdbLink(address).pull("/data/x", tmp_path / "x", limit_bytes)


def test_a_file_without_end_is_cut_off(tmp_path):
    def behave(wire):
        wire.connect()
        number, _ = wire.accept_service()
        wire.receive()
        wire.send(b"OKAY", 1, number)
        while True:
            wire.write(number, struct.pack("<4sI", b"DATA", 60_000) + b"x" * 60_000)

    with pytest.raises(DeviceError, match="sends more"):
        pull_from(behave, tmp_path, 1_000_000)
    assert (tmp_path / "x").stat().st_size <= 1_000_000


def test_a_message_that_the_sync_protocol_does_not_have_is_an_error(tmp_path):
    def behave(wire):
        wire.connect()
        number, _ = wire.accept_service()
        wire.receive()
        wire.send(b"OKAY", 1, number)
        wire.write(number, struct.pack("<4sI", b"EVIL", 4) + b"data")
        time.sleep(1)

    with pytest.raises(DeviceError, match="does not speak ADB"):
        pull_from(behave, tmp_path)


@pytest.mark.parametrize("cuts", [(), (4,), (8,), (4, 8, 12)])
def test_a_refusal_in_pieces_is_heard_to_its_end(tmp_path, cuts):
    refusal = struct.pack("<4sI", b"FAIL", 17) + b"Permission denied"
    pieces = [refusal[a:b] for a, b in itertools.pairwise((0, *cuts, len(refusal)))]

    def behave(wire):
        wire.connect()
        number, _ = wire.accept_service()
        wire.receive()
        wire.write(number, pieces[0])
        wire.send(b"OKAY", 1, number)
        for piece in pieces[1:]:
            wire.write(number, piece)
        time.sleep(1)

    (tmp_path / "x").write_bytes(b"data")
    with hostile_daemon(behave) as address, pytest.raises(DeviceError, match="Permission denied"):
        AdbLink(address).push(tmp_path / "x", "/system/x")


def test_a_refusal_without_end_is_no_answer(tmp_path):
    def behave(wire):
        wire.connect()
        number, _ = wire.accept_service()
        wire.receive()
        wire.write(number, struct.pack("<4sI", b"FAIL", 0xFFFFFFFF))
        wire.send(b"OKAY", 1, number)
        while True:
            wire.write(number, b"x" * 60_000)

    (tmp_path / "x").write_bytes(b"data")
    with hostile_daemon(behave) as address, pytest.raises(DeviceError, match="does not speak ADB"):
        AdbLink(address).push(tmp_path / "x", "/system/x")
