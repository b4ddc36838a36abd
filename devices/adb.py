"""ADB spoken to the device itself, over TCP or USB: no adb program and no server needed.

The only file that imports adb_shell. Its version is pinned, because private methods of it are used
and replaced: it has no shell protocol (and so no exit status), does not hear a service or a push
being refused, and its TCP transport leaves packets half sent.
"""

import base64
import contextlib
import functools
import io
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from adb_shell import constants, exceptions
from adb_shell.adb_device import AdbDevice
from adb_shell.adb_message import AdbMessage
from adb_shell.auth.keygen import encode_pubkey, get_user_info, keygen
from adb_shell.auth.sign_cryptography import CryptographySigner
from adb_shell.hidden_helpers import _AdbTransactionInfo, _FileSyncTransactionInfo
from adb_shell.transport.base_transport import BaseTransport
from adb_shell.transport.tcp_transport import TcpTransport
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from devices.patience import connected
from devices.shell import (
    SLACK_S,
    ShellDecoder,
    ShellResult,
    UnauthorizedError,
    finished,
    limited,
)
from model.errors import ConfigError, DeviceError, DeviceUnavailableError
from model.folders import config_folder, home_folder

CONNECT_S = 8.0
SILENCE_S = 30.0  # how long a transfer may stand still
ACCEPT_S = 30.0  # how long somebody may take to accept our key on the phone's screen
EXECUTABLE = 0o100755
ANDROID_KEY = home_folder() / ".android" / "adbkey"
OWN_KEY = config_folder() / "adbkey"
USB_EXTRA = "pip install 'mobilespeech-bench[usb]'"
LIBUSB = "sudo apt install libusb-1.0-0"
UDEV = (
    "udev has no rule that lets this user open it: sudo apt install"
    " android-sdk-platform-tools-common, join the group plugdev, log in again, plug it in anew"
)
USB_DEVICES = Path("/sys/bus/usb/devices")
ADB_INTERFACE = ["ff", "42", "01"]  # class, subclass, protocol: AOSP, packages/modules/adb, adb.h

SILENT = (exceptions.TcpTimeoutException, exceptions.AdbTimeoutError, TimeoutError)
GONE = (
    exceptions.AdbConnectionError,
    exceptions.UsbReadFailedError,
    exceptions.UsbWriteFailedError,
    exceptions.UsbDeviceNotFoundError,
    OSError,
)
REFUSED = (exceptions.AdbCommandFailureException, exceptions.PushFailedError)
NONSENSE = (
    exceptions.InvalidCommandError,
    exceptions.InvalidChecksumError,
    exceptions.InvalidResponseError,
    KeyError,  # adb_shell looks up ids of the sync protocol without asking
    struct.error,
)


class AdbLink:
    """One phone, reached directly; a `devices.shell.Link`.

    Each operation has a connection of its own: after a fault a connection's stream is out of step,
    and operations at the same time lose each other's packets. USB has room for one at a time.

    Args:
        address: "HOST:PORT", or "usb:SERIAL".
        notify: Called with a sentence when the phone waits for somebody to accept our key.
        accept_s: How long to wait for that.
    """

    def __init__(
        self,
        address: str,
        *,
        notify: Callable[[str], None] = lambda _: None,
        accept_s: float = ACCEPT_S,
    ) -> None:
        self._address = address
        self._notify = notify
        self._accept_s = accept_s
        self._was_there = False
        usb = address.startswith("usb:")
        self._turn = threading.Lock() if usb else contextlib.nullcontext()

    @property
    def address(self) -> str:
        """As given."""
        return self._address

    def run(self, command: str, timeout_s: float = 30.0) -> ShellResult:
        """Run a command line; see `Link.run`."""
        limit_s = timeout_s + SLACK_S
        decoder = ShellDecoder()
        with self._connection(f"running `{command[:80]}`") as connection:
            begin = time.monotonic()
            for block in connection.shell_packets(limited(command, timeout_s), limit_s):
                decoder.feed(block)
                if time.monotonic() - begin > limit_s:
                    raise DeviceError(f"{self._address}: `{command[:80]}` does not end")
        return finished(self._address, command, decoder, timeout_s, time.monotonic() - begin)

    def push(self, local: Path, remote: str) -> None:
        """Copy a file to the device; see `Link.push`."""
        with self._connection(f"pushing {remote}") as connection:
            connection.push(
                str(local),
                remote,
                st_mode=EXECUTABLE,
                transport_timeout_s=SILENCE_S,
                read_timeout_s=SILENCE_S,
            )

    def pull(self, remote: str, local: Path, limit_bytes: int) -> None:
        """Copy a file from the device; see `Link.pull`."""
        with local.open("wb") as file, self._connection(f"pulling {remote}") as connection:
            connection.pull(
                remote,
                LimitedWriter(file, limit_bytes),
                transport_timeout_s=SILENCE_S,
                read_timeout_s=SILENCE_S,
            )

    @contextlib.contextmanager
    def _connection(self, doing: str) -> Iterator["Connection"]:
        with self._turn, self._explained(doing):
            connection = connected(self._connect, was_there=self._was_there)
            self._was_there = True
            with contextlib.closing(connection):
                yield connection

    def _connect(self) -> "Connection":
        with self._explained("connecting"):
            return self._authorized()

    def _authorized(self) -> "Connection":
        """Open one connection, as a computer whose key the phone knows."""
        connection = Connection(open_transport(self._address))
        asked = []

        def ask(_: object) -> None:
            asked.append(True)
            self._notify(
                f"{self._address}: accept this computer's key on the phone's screen"
                f" (within {self._accept_s:g} s)"
            )

        try:
            connection.connect(
                rsa_keys=signers(),
                transport_timeout_s=CONNECT_S,
                read_timeout_s=max(CONNECT_S, self._accept_s),
                auth_timeout_s=self._accept_s,
                auth_callback=ask,
            )
        except BaseException as error:
            connection.close()
            if asked and isinstance(error, SILENT + GONE):
                raise UnauthorizedError(
                    f"{self._address} has not accepted this computer's key: unlock the phone, tick"
                    ' "Always allow from this computer" under "Allow USB debugging?", and try again'
                ) from error
            raise
        return connection

    @contextlib.contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        """Turn what can go wrong on the way into the project's errors."""
        where = f"{self._address}, {doing}"
        try:
            yield
        except SILENT as error:
            raise DeviceUnavailableError(
                f"{where}: no answer; is it on, connected, and reachable from here?"
            ) from error
        except usb_errors() as error:
            raise DeviceUnavailableError(
                f"{where}: USB fails ({error}): {usb_remedy(error)}"
            ) from error
        except GONE as error:
            raise DeviceUnavailableError(
                f"{where}: the connection failed ({error}); check cable and network, that USB"
                " debugging is on, and that no adb server holds the phone (adb kill-server)"
            ) from error
        except exceptions.DeviceAuthError as error:
            raise UnauthorizedError(f"{where}: the phone refuses this computer's key") from error
        except REFUSED as error:
            raise DeviceError(f"{where}: {reason_of(error)}") from error
        except NONSENSE as error:
            if "STLS" in str(error):
                raise DeviceUnavailableError(
                    f"{where}: this port speaks wireless debugging's TLS; run `adb tcpip 5555` once"
                    " over USB, or pair with the adb program and use its server"
                ) from error
            raise DeviceError(
                f"{where}: what answers there does not speak ADB ({type(error).__name__})"
            ) from error


class LimitedWriter(io.BytesIO):
    """Passes what adb_shell pulls on to a file, up to a limit.

    Raises:
        DeviceError: The device sends more, or this computer's disk takes no more.
    """

    def __init__(self, file: BinaryIO, limit_bytes: int) -> None:
        super().__init__()
        self._file = file
        self._left = limit_bytes

    def write(self, data: bytes | bytearray, /) -> int:  # type: ignore[override] # no others come
        """Write to the file."""
        self._left -= len(data)
        if self._left < 0:
            raise DeviceError("the device sends more than the size limit of the file")
        try:
            return self._file.write(data)
        except OSError as error:
            raise DeviceError(f"a pulled file cannot be written here: {error}") from error


def reason_of(error: Exception) -> str:
    """Return what the device said when it refused, which adb_shell may hold as bytes."""
    said = error.args[0] if error.args else "refused"
    if isinstance(said, bytes | bytearray):
        said = said.decode(errors="replace")
    return str(said)


def signers() -> Sequence[CryptographySigner]:
    """Return the keys to offer: Android's own and ours, which is made where there is none.

    Raises:
        ConfigError: A key cannot be read or written.
    """
    keys = [key for key in (ANDROID_KEY, OWN_KEY) if key.is_file()]
    try:
        if not keys:
            OWN_KEY.parent.mkdir(parents=True, exist_ok=True)
            unfinished = OWN_KEY.with_name(f"adbkey-{os.getpid()}")
            unfinished.touch(mode=0o600)
            keygen(str(unfinished))
            unfinished.with_suffix(".pub").replace(OWN_KEY.with_suffix(".pub"))
            unfinished.replace(OWN_KEY)
            keys = [OWN_KEY]
        return [signer(key) for key in keys]
    except (OSError, ValueError, TypeError, AssertionError) as error:
        named = " and ".join(map(str, keys)) or str(OWN_KEY)
        raise ConfigError(f"the ADB key {named} cannot be used: {error}") from error


@functools.cache
def signer(key: Path) -> "KeySigner":
    """Read a key pair, once."""
    return KeySigner(key)


class KeySigner(CryptographySigner):  # type: ignore[misc] # adb_shell has no types
    """Signs with a private key; its public part is computed where no file has it.

    The adb program computes it, too (AOSP, packages/modules/adb, client/auth.cpp).

    Args:
        key: File of the private key.
    """

    def __init__(self, key: Path) -> None:
        self.rsa_key = load_pem_private_key(key.read_bytes(), password=None)
        try:
            self.public_key = key.with_name(f"{key.name}.pub").read_bytes()
        except FileNotFoundError:
            self.public_key = base64.b64encode(encode_pubkey(str(key))) + get_user_info().encode()


def open_transport(address: str) -> BaseTransport:
    """Make the transport that an address names.

    Raises:
        ConfigError: The address is none, or USB needs a package that is missing.
    """
    kind, _, rest = address.rpartition(":")
    if kind == "usb":
        try:
            from adb_shell.transport.usb_transport import UsbTransport
        except (ImportError, OSError) as error:
            raise ConfigError(f"USB without an adb server needs: {USB_EXTRA}") from error
        return UsbTransport.find_adb(rest, default_transport_timeout_s=CONNECT_S)
    if not kind or not rest.isdigit() or int(rest) > 65535:
        raise ConfigError(f"{address!r} is no address: HOST:PORT, usb:SERIAL or server:SERIAL")
    return FullWriteTransport(kind.strip("[]"), int(rest))


@dataclass(frozen=True)
class UsbPhones:
    """What is on USB.

    Attributes:
        serials: Serial numbers of the phones that can be opened.
        blocked: Of each other phone, why it cannot be opened.
        problem: Why USB cannot be looked at; empty where it can.
    """

    serials: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    problem: str = ""


def usb_phones() -> UsbPhones:
    """Look for phones on USB, and say what keeps us from looking."""
    try:
        from adb_shell.transport.usb_transport import UsbTransport
    except ImportError:
        return UsbPhones(problem=f"{seen_on_usb()}USB without an adb server needs: {USB_EXTRA}")
    except OSError as error:
        return UsbPhones(problem=no_libusb(error))
    serials, blocked, problem = [], [], ""
    try:
        for transport in UsbTransport.find_all_adb_devices(default_transport_timeout_s=CONNECT_S):
            try:
                serials.append(str(transport.serial_number))
            except usb_errors() as error:
                blocked.append(f"a phone on USB cannot be opened ({error}): {usb_remedy(error)}")
    except usb_errors() as error:
        problem = f"USB cannot be read ({error}): {usb_remedy(error)}"
    except OSError as error:  # libusb1 loads the library late
        problem = no_libusb(error)
    return UsbPhones(tuple(serials), tuple(blocked), problem)


def no_libusb(error: OSError) -> str:
    """Say that libusb1 lacks the library that it calls."""
    return f"{seen_on_usb()}libusb cannot be loaded ({error}): {LIBUSB}"


def seen_on_usb(devices: Path = USB_DEVICES) -> str:
    """Say that a phone is on USB by what the kernel tells of its ADB interface; else nothing."""
    for interface in devices.glob("*:*"):
        with contextlib.suppress(OSError):
            codes = [
                (interface / f"bInterface{name}").read_text().strip()
                for name in ("Class", "SubClass", "Protocol")
            ]
            if codes == ADB_INTERFACE:
                return "a phone is on USB, but "
    return ""


def usb_remedy(error: Exception) -> str:
    """Return what to do about an error of libusb."""
    if type(error).__name__ == "USBErrorAccess":
        return UDEV
    return "an adb server may hold it (adb kill-server); plug it in anew"


def usb_errors() -> tuple[type[Exception], ...]:
    """Return the base of libusb's errors, where its package is installed."""
    try:
        import usb1
    except (ImportError, OSError):
        return ()
    return (usb1.USBError,)


class FullWriteTransport(TcpTransport):  # type: ignore[misc] # adb_shell has no types
    """TCP that never leaves a packet half sent, and that notices when the other side ends."""

    _connection: socket.socket

    def connect(self, transport_timeout_s: float | None) -> None:
        """Connect, and find out within half a minute when the device is no longer on the net."""
        super().connect(transport_timeout_s)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):  # not every system has all of them
                self._connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:
        """Send all of a packet; the time-out is for standing still."""
        rest = memoryview(data)
        while rest:
            _, writable, _ = select.select([], [self._connection], [], transport_timeout_s)
            if not writable:
                raise exceptions.TcpTimeoutException("the device takes no data")
            rest = rest[self._connection.send(rest) :]
        return len(data)

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:
        """Receive what there is; nothing means the end, which adb_shell reads as "not yet"."""
        if numbytes > constants.MAX_ADB_DATA:
            raise exceptions.InvalidResponseError(f"a packet of {numbytes} bytes")
        data: bytes = super().bulk_read(numbytes, transport_timeout_s)
        if not data:
            raise ConnectionResetError("closed by the device")
        return data


class Connection(AdbDevice):  # type: ignore[misc] # adb_shell has no types
    """adb_shell's connection with a shell that has an exit status, and refusals that are heard."""

    def shell_packets(self, command: str, silence_s: float) -> Iterator[bytes]:
        """Yield what a command answers in the shell protocol."""
        info = self._open(b"shell,v2,raw:" + command.encode(), silence_s, silence_s, None)
        yield from self._read_until_close(info)

    def _open(
        self,
        destination: bytes,
        transport_timeout_s: float,
        read_timeout_s: float,
        timeout_s: float | None,
    ) -> _AdbTransactionInfo:
        """Open a service; where the device refuses it (by CLSE), say so at once."""
        self._local_id += 1
        info = _AdbTransactionInfo(
            self._local_id, None, transport_timeout_s, read_timeout_s, timeout_s
        )
        self._io_manager.send(
            AdbMessage(constants.OPEN, info.local_id, 0, destination + b"\0"), info
        )
        answer, info.remote_id, _, _ = self._io_manager.read([constants.OKAY, constants.CLSE], info)
        if answer == constants.CLSE:
            service = destination.partition(b":")[0].decode()
            raise exceptions.AdbCommandFailureException(
                f"the phone has no service {service!r}: Android 7 or newer is needed"
            )
        return info

    def _clse(self, adb_info: _AdbTransactionInfo) -> None:
        """Close a service: left out, since the connection ends with its one operation.

        Waiting for the answer would hide what went wrong before behind a second error.
        """

    def _filesync_flush(
        self, adb_info: _AdbTransactionInfo, filesync_info: _FileSyncTransactionInfo
    ) -> None:
        """Send what is buffered; a refusal that comes in place of the acknowledgement is kept."""
        data = filesync_info.send_buffer[: filesync_info.send_idx]
        self._io_manager.send(
            AdbMessage(constants.WRTE, adb_info.local_id, adb_info.remote_id, data), adb_info
        )
        filesync_info.send_idx = 0
        answer = constants.WRTE
        while answer == constants.WRTE:
            answer, said = self._read_until([constants.OKAY, constants.WRTE], adb_info)
            filesync_info.recv_buffer += said
        if filesync_info.recv_buffer.startswith(constants.FAIL):
            raise exceptions.PushFailedError(self._refusal(adb_info, filesync_info))

    def _refusal(
        self, adb_info: _AdbTransactionInfo, filesync_info: _FileSyncTransactionInfo
    ) -> bytes:
        """Read a refusal to its end: its length and its words may come in packets of their own."""
        said = bytes(filesync_info.recv_buffer)
        while len(said) < 8 + int.from_bytes(said[4:8], "little"):
            if len(said) > constants.MAX_ADB_DATA:
                raise exceptions.InvalidResponseError("a refusal without end")
            said += self._read_until([constants.WRTE], adb_info)[1]
        return said[8:]
