"""What a run is at, for whoever shows it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """A step of a run that was just finished.

    Attributes:
        stage: "reference", "lower", "measure", "profile", "speak", "score", "probe" or
            "search".
        done: Steps of the stage that are finished.
        total: Steps of the stage.
        detail: The step that was just finished.
    """

    stage: str
    done: int
    total: int
    detail: str = ""


Show = Callable[[Progress], None]
