"""A run of training in TensorBoard: every figure of the log, and the samples as audio."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model.config import SAMPLE_RATE_HZ
from model.errors import ConfigError


class Board:
    """Writes for TensorBoard beside `log.jsonl`.

    Args:
        folder: Takes TensorBoard's files.

    Raises:
        ConfigError: The package tensorboard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError("--tensorboard needs a package: pip install tensorboard") from error
        self.writer: Any = SummaryWriter(str(folder))

    def write(self, entry: Mapping[str, Any]) -> None:
        """Add the numbers of an entry of the log, at its step."""
        for name, value in numbers(entry):
            if name != "step":
                self.writer.add_scalar(name, value, entry["step"])

    def play(self, folder: Path, step: int) -> None:
        """Add the WAV files of a folder."""
        import soundfile

        for path in sorted(folder.glob("*.wav")):
            audio, _ = soundfile.read(path, dtype="float32")
            self.writer.add_audio(path.stem, audio[None], step, sample_rate=SAMPLE_RATE_HZ)
        self.writer.flush()


def numbers(entry: object, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers in nested mappings and lists, named by the way to them."""
    if isinstance(entry, Mapping):
        for key, value in entry.items():
            yield from numbers(value, f"{name}/{key}".lstrip("/"))
    elif isinstance(entry, list):
        for index, value in enumerate(entry):
            yield from numbers(value, f"{name}/{index}")
    elif isinstance(entry, int | float):
        yield name, float(entry)
