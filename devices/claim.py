"""One run at a time per device, among the programs of this computer."""

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path

from model.errors import DeviceUnavailableError

LOCKS = Path.home() / ".cache" / "mobilespeech-bench" / "locks"


@contextlib.contextmanager
def claimed(identity: str, address: str) -> Iterator[None]:
    """Keep other runs of this computer away from a device.

    Args:
        identity: Of the device, however it is reached.
        address: Of the device, for the message.

    Raises:
        DeviceUnavailableError: Another run has it.
    """
    LOCKS.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(identity.encode()).hexdigest()[:16]
    with (LOCKS / name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DeviceUnavailableError(
                f"{address} is in use by another run on this computer"
            ) from None
        yield
