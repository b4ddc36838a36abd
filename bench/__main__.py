"""The command `bench`, also as `python -m bench`.

Importing the command line takes a tenth of a second, in which Ctrl-C has to end the program like
later: with a line and 130. Nothing but this is imported before.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130


def interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    """End the program at once; it has done nothing yet."""
    os.write(2, b"Interrupted.\n")
    os._exit(INTERRUPTED)


def open_closed_streams() -> None:
    """Open the null device in place of a standard stream that is closed: `bench ... >&-`.

    Otherwise the next file that is opened gets its number, and whatever prints writes into that
    file; and `sys.stdout` is None, which libraries do not expect.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - it stays open
            assert stream.fileno() == number  # the lowest that is free
            os.set_inheritable(number, True)  # as standard streams are
            setattr(sys, name, stream)


def main() -> None:
    """Import the command line and run it."""
    open_closed_streams()
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:  # a background job's, which Ctrl-C is not meant for
        signal.signal(signal.SIGINT, interrupted)
    from bench.cli import bench

    signal.signal(signal.SIGINT, before)
    bench()


if __name__ == "__main__":
    main()
