"""What is tried again when a device went away, and for how long."""

import time
from collections.abc import Callable
from typing import TypeVar

from devices.shell import UnauthorizedError
from model.errors import DeviceUnavailableError

T = TypeVar("T")

ATTEMPTS = 3  # of a step that may be done again
RETURN_S = 10.0  # how long a device that was there may take to come back


def patiently(step: Callable[[], T]) -> T:
    """Do a step again when the device went away during it; only for steps that may be repeated."""
    for _ in range(ATTEMPTS - 1):
        try:
            return step()
        except UnauthorizedError:
            raise
        except DeviceUnavailableError:
            continue  # connecting anew gives the device time to come back
    return step()


def connected(connect: Callable[[], T], *, was_there: bool) -> T:
    """Connect; a device that was there before is given time to come back."""
    end = time.monotonic() + (RETURN_S if was_there else 0)
    pause_s = 0.2
    while True:
        try:
            return connect()
        except UnauthorizedError:
            raise
        except DeviceUnavailableError:
            if time.monotonic() + pause_s > end:
                raise
            time.sleep(pause_s)
            pause_s *= 2
