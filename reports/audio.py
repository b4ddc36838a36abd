"""The speech of a run, made part of a page as far as its size allows, or served beside it."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench.results import Case, Run

MIME_TYPES: Mapping[str, str] = MappingProxyType({".flac": "audio/flac", ".wav": "audio/wav"})
EMBEDDED_BYTES = 4 * 2**20  # of audio files in one page; base64 makes a third more of it


@dataclass(frozen=True)
class Clip:
    """The speech of one case.

    Attributes:
        case: Whose it is.
        uri: `data:` with the file itself, or the file's address where it did not fit or is served;
            empty where it cannot be had.
        problem: Why it cannot be had.
    """

    case: Case
    uri: str
    problem: str = ""

    @property
    def playable(self) -> bool:
        """Whether the page can play it: it carries the sound, or is served together with it."""
        return bool(self.uri) and not self.uri.startswith("file:")


def clips_of(
    run: Run,
    folder: Path | None,
    limit_bytes: int = EMBEDDED_BYTES,
    address: Callable[[Path], str] = Path.as_uri,
) -> list[Clip]:
    """Take the speech of every case that has any, utterance by utterance.

    Whole utterances are embedded until the first that does not fit: one scheme's speech alone is
    nothing to compare.

    Args:
        run: The run.
        folder: What `Row.audio` is relative to; None where the files are not at hand.
        limit_bytes: Of audio to embed.
        address: Where a file that is not embedded is found.
    """
    left_bytes = limit_bytes
    clips = []
    for utterance in dict.fromkeys(row.case.utterance for row in run.rows):
        rows = [row for row in run.rows if row.case.utterance == utterance and row.audio]
        found = [locate(row.audio, folder) for row in rows]
        wanted_bytes = sum(path.stat().st_size for path in found if isinstance(path, Path))
        left_bytes -= wanted_bytes
        for row, path in zip(rows, found, strict=True):
            if isinstance(path, str):
                clips.append(Clip(row.case, "", path))
            else:
                clips.append(Clip(row.case, data_uri(path) if left_bytes >= 0 else address(path)))
    return clips


def locate(audio: str, folder: Path | None) -> Path | str:
    """Find an audio file, or say why it is not to be had.

    A run file may come from anywhere: only sound inside the run's own folder is read.
    """
    if folder is None:
        return "the run's folder is not at hand"
    path = (folder / audio).resolve()
    if not path.is_relative_to(folder.resolve()):
        return "lies outside the run's folder"
    if path.suffix not in MIME_TYPES:
        return f"is none of {', '.join(MIME_TYPES)}"
    return path if path.is_file() else "is missing"


def data_uri(path: Path) -> str:
    """Write a sound file as an address that contains it."""
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return f"data:{MIME_TYPES[path.suffix]};base64,{content}"
