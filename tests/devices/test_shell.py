"""Commands on a device: decoding, limits, quoting."""

import itertools
import struct
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.shell import (
    OUTPUT_LIMIT_BYTES,
    CommandFailedError,
    ShellDecoder,
    ShellResult,
    finished,
    limited,
    printable,
    whole_number,
)
from model.errors import DeviceError, DeviceUnavailableError


def test_a_number_too_long_to_be_true_is_none_and_not_another_number():
    assert whole_number(r"^level: (\d+)", "level: " + "9" * 18) == 10**18 - 1
    assert whole_number(r"^level: (\d+)", "level: " + "9" * 19) is None


def packet(kind, payload):
    return struct.pack("<BI", kind, len(payload)) + payload


STREAM = packet(1, b"out\n") + packet(2, b"err") + packet(1, b"more") + packet(3, b"\x2a")


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=6))
def test_output_and_status_do_not_depend_on_how_the_stream_is_cut(cuts):
    decoder = ShellDecoder()
    edges = [0, *sorted(cuts), len(STREAM)]
    for start, end in itertools.pairwise(edges):
        decoder.feed(STREAM[start:end])
    assert decoder.code == 42
    assert decoder.output() == ("out\nmore", "err")


def test_a_stream_without_a_status_is_a_lost_device_and_no_success():
    decoder = ShellDecoder()
    decoder.feed(packet(1, b"all is well"))
    with pytest.raises(DeviceUnavailableError, match="went away"):
        finished("phone", "true", decoder, 1.0, 0.1)


@pytest.mark.parametrize("size", [OUTPUT_LIMIT_BYTES + 1, 0xFFFFFFFF])
def test_output_that_claims_to_be_huge_is_refused_before_it_is_there(size):
    with pytest.raises(DeviceError, match="longer than"):
        ShellDecoder().feed(struct.pack("<BI", 1, size))


def test_output_that_never_ends_is_refused():
    decoder = ShellDecoder()
    for _ in range(OUTPUT_LIMIT_BYTES // 65536):
        decoder.feed(packet(1, b"x" * 65536))
    with pytest.raises(DeviceError, match="longer than"):
        decoder.feed(packet(2, b"x"))


def test_bytes_that_are_no_text_become_text():
    decoder = ShellDecoder()
    decoder.feed(packet(1, b"caf\xc3\xa9 \xff\xfe") + packet(3, b"\0"))
    assert decoder.output()[0] == "café \ufffd\ufffd"


@pytest.mark.parametrize(
    ("command", "code"),
    [("true", 0), ("exit 5", 5), ("exec sh -c 'exit 7'", 7), ("kill -KILL $$", 137)],
)
def test_the_limit_on_the_device_passes_the_status_through(command, code):
    done = subprocess.run(["sh", "-c", limited(command, 30)], check=False)
    assert done.returncode == code


def test_the_device_ends_what_takes_too_long():
    begin = time.monotonic()
    done = subprocess.run(["sh", "-c", limited("exec sleep 60", 1)], check=False)
    assert done.returncode == 137
    assert time.monotonic() - begin < 30


def test_running_out_of_time_is_told_apart_from_being_killed():
    decoder = ShellDecoder()
    decoder.feed(packet(3, b"\x89"))
    assert finished("phone", "runner", decoder, 10.0, 3.0).code == 137
    with pytest.raises(CommandFailedError, match="over the limit of 10 s"):
        finished("phone", "runner", decoder, 10.0, 10.2)


def test_a_failed_command_names_device_status_command_and_output():
    error = CommandFailedError("phone", ShellResult("ls /x", 1, "", "no such file\n"))
    assert str(error) == "phone: status 1 from `ls /x`; it said: no such file"


def test_what_a_device_says_cannot_move_the_cursor_or_fill_the_screen():
    assert printable("\x1b[2Jgone\r") == "\\x1b[2Jgone\\r"
    assert len(printable("x" * 10_000_000, 100)) < 120
