"""Shows progress on standard error: bars on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType

from bench.commands.output import one_line
from bench.progress import Progress

TITLES = {
    "reference": "fp32 reference",
    "lower": "lowering",
    "measure": "measuring",
    "profile": "profiling",
    "speak": "speaking",
    "score": "scoring",
    "probe": "quantizing",
    "search": "searching",
}


class PlainView:
    """One line per finished step."""

    def __enter__(self) -> "PlainView":
        self.start = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to tidy up."""

    def show(self, step: Progress) -> None:
        """Print what was finished, and when."""
        seconds = time.monotonic() - self.start
        text = f"[{seconds:6.1f} s] {TITLES[step.stage]} {step.done}/{step.total} {step.detail}"
        print(one_line(text.rstrip()), file=sys.stderr, flush=True)


class BarView:
    """One bar per stage, drawn by rich."""

    def __enter__(self) -> "BarView":
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self.tasks: dict[str, int] = {}
        self.bars = Progress(
            TextColumn("{task.description:<15}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", style="dim", markup=False),  # names of files
            console=Console(stderr=True),
        )
        self.bars.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bars.__exit__(kind, error, trace)

    def show(self, step: Progress) -> None:
        """Move the stage's bar."""
        from rich.progress import TaskID

        if step.stage not in self.tasks:
            task = self.bars.add_task(TITLES[step.stage], total=step.total, detail="")
            self.tasks[step.stage] = int(task)
        self.bars.update(TaskID(self.tasks[step.stage]), completed=step.done, detail=step.detail)


class QuietView(PlainView):
    """Shows nothing."""

    def show(self, step: Progress) -> None:
        """Say nothing."""


def new_view(*, quiet: bool) -> "PlainView | BarView":
    """Choose the view that suits where standard error goes."""
    if quiet:
        return QuietView()
    return BarView() if sys.stderr.isatty() else PlainView()
