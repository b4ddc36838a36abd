"""The command `bench`, also as `python -m bench`.

Importing the command line takes a tenth of a second, in which Ctrl-C has to end the program like
later: with a line and 130. Nothing but this is imported before.
"""

import os
import signal
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130


def interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    """End the program at once; it has done nothing yet."""
    os.write(2, b"Interrupted.\n")
    os._exit(INTERRUPTED)


def main() -> None:
    """Import the command line and run it."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:  # a background job's, which Ctrl-C is not meant for
        signal.signal(signal.SIGINT, interrupted)
    from bench.cli import bench

    signal.signal(signal.SIGINT, before)
    bench()


if __name__ == "__main__":
    main()
