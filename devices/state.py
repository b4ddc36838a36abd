"""The state of a phone: battery service and clocks, changed to measure and put back afterwards."""

import contextlib
import shlex
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from types import FrameType

from devices.conditions import Discipline, read_conditions
from devices.shell import Link, output_of
from model.errors import DeviceError, DeviceUnavailableError

SETTLE_S = 1.5  # fixed-performance mode takes effect, and ends, within it
UNRESTORED = "unrestored"  # marks, in our folder on the phone, that its state was changed
CHARGER, PINNED = "charger", "clocks"  # what the mark says was changed


@contextlib.contextmanager
def prepared(
    link: Link, base: str, discipline: Discipline, *, frozen: bool = False
) -> Iterator[Sequence[str]]:
    """Hide the charger and pin the clocks, as asked for, and undo it whatever happens.

    Hiding the charger freezes Android's battery service: read temperature and power before. A mark
    in our folder on the phone says that this is under way: where the connection or this program
    dies, `restore` puts the phone right at the next opportunity.

    Args:
        link: Reaches the phone.
        base: Our folder on it.
        discipline: What to do.
        frozen: The battery service is frozen by another program: it is left alone.

    Yields:
        The warnings that remain.
    """
    warnings: list[str] = []
    wanted = {CHARGER: discipline.hide_charger and not frozen, PINNED: discipline.pin_clocks}
    changes = " ".join(name for name, true in wanted.items() if true)
    if not changes:
        yield warnings
        return
    with ending_by_signal_raises():
        output_of(
            link, f"mkdir -p {shlex.quote(base)} && echo {changes} >{shlex.quote(mark(base))}"
        )
        try:
            if wanted[CHARGER]:
                link.run("dumpsys battery unplug")
                warnings.append("CHARGER_HIDDEN")
            if wanted[PINNED]:
                warnings.append("CLOCKS_PINNED" if pin_clocks(link) else "CLOCKS_NOT_PINNED")
            yield warnings
        except BaseException:
            with contextlib.suppress(DeviceError, DeviceUnavailableError):
                restore(link, base)  # where this fails, the mark stays and the first error counts
            raise
        restore(link, base)


def pin_clocks(link: Link) -> bool:
    """Switch fixed-performance mode on, and say whether a clock fell.

    The command's status says only whether the phone's power HAL took the mode (AOSP,
    PowerManagerShellCommand.java, `runSetFixedPerformanceModeEnabled`).
    """
    before = read_conditions(link).max_clocks_khz
    link.run("cmd power set-fixed-performance-mode-enabled true")
    time.sleep(SETTLE_S)
    after = read_conditions(link).max_clocks_khz
    return any(now < then for then, now in zip(before, after, strict=False))


def restore(link: Link, base: str) -> bool:
    """Undo what an earlier `prepared` could not undo; say whether there was anything.

    Where clocks were pinned, it returns once they have settled, so that whoever reads them next
    reads the phone's own.
    """
    found = link.run(f"cat {shlex.quote(mark(base))}")
    if found.code != 0:
        return False
    changed = found.stdout.split() or [CHARGER, PINNED]  # of a mark that says nothing: all
    if CHARGER in changed:
        link.run("dumpsys battery reset")
    if PINNED in changed:
        link.run("cmd power set-fixed-performance-mode-enabled false")
        time.sleep(SETTLE_S)
    output_of(link, f"rm -f {shlex.quote(mark(base))}")
    return True


def mark(base: str) -> str:
    """Return the path of the mark that a phone's state is changed."""
    return f"{base}/{UNRESTORED}"


@contextlib.contextmanager
def ending_by_signal_raises() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise, as Ctrl-C does, so that what is in `finally` runs."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread only
        return
    before = {name: signal.signal(name, end) for name in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
