"""The embedded store: a folder per device, a file per run, and journals of runs under way."""

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.results import Header, Run, load_run, read_result, save_run
from bench.stores.journal import JOURNAL_SUFFIX, FileJournal, Journal
from bench.stores.store import LATEST, Archive, Kept, choose, is_called, no_latest
from model.errors import ConfigError, ResultError, reason_of
from model.files import locked, open_regular

HEAD_BYTES = 4096
HEAD = re.compile(rb'"started_at":\s*"([^"\\]{1,64})"(?:,\s*"made_by":\s*"([^"\\]{0,64})")?')


class FolderStore:
    """Keeps runs as files.

    Args:
        folder: Of results; holds one folder per device.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, header: Header, tag: str) -> Journal:
        """Start a run: make its journal under the next number."""
        folder = self.folder / header.device.name
        with writing(folder):
            name = next_name((path.name for path in folder.iterdir()), header.commit, tag)
            journal = FileJournal(folder / f"{name}{JOURNAL_SUFFIX}")
            journal.create()
            journal.append("header", asdict(replace(header, run=name)))
        return journal

    def resume(
        self, device: str, fits: Callable[[Journal], bool] = lambda _: True, name: str = ""
    ) -> Journal | None:
        """Find the newest unfinished run that fits and that no other process writes.

        Numbers tell which is newest: the clock may have been set back.
        """
        folder = self.folder / device
        paths = [
            path
            for path in sorted(folder.glob(f"*{JOURNAL_SUFFIX}"), key=number_of, reverse=True)
            if not name or is_called(name, device, path.stem)
        ]
        if not paths:
            return None
        with writing(folder):
            for path in paths:
                journal = FileJournal(path)
                if not journal.claim():
                    continue
                with contextlib.ExitStack() as unless_taken:
                    unless_taken.callback(journal.close)
                    if journal.empty or is_finished(path):
                        path.unlink(missing_ok=True)  # a kill came before its first line, or last
                    elif fits(journal):
                        unless_taken.pop_all()
                        return journal
        return None

    def finish(self, journal: Journal, run: Run) -> None:
        """Write the run's file, and remove its journal."""
        assert isinstance(journal, FileJournal)
        save_run(journal.path.with_suffix(".json"), run)
        journal.path.unlink(missing_ok=True)
        journal.close()

    def find(self, name: str) -> Kept:
        """Find a run by number, name, DEVICE/NAME, or as `latest`."""
        if name == LATEST:
            return self.latest()
        paths = results_of(self.folder)
        runs = [(path.parent.name, path.stem) for path in paths]
        path = paths[choose(name, runs, str(self.folder))]
        return Kept(read_result(path), str(path), path.parent)

    def latest(self) -> Kept:
        """Find the run of `bench run` that was started last."""
        for path in reversed(by_start(results_of(self.folder))):
            if head_of(path).made_by:
                continue
            kept = Kept(read_result(path), str(path), path.parent)
            if not kept.parts()[0].made_by:  # older files do not say it at their head
                return kept
        raise no_latest(str(self.folder))

    def names(self) -> Iterator[tuple[str, bool]]:
        """List runs, oldest first."""
        finished = set(results_of(self.folder))
        unfinished = set(files_of(self.folder, JOURNAL_SUFFIX))
        for path in by_start(finished | unfinished):
            if path in finished or path.with_suffix(".json") not in finished:
                yield f"{path.parent.name}/{path.stem}", path in finished

    def archive(self) -> contextlib.AbstractContextManager[Archive]:
        """Open the index of the folder's runs, brought up to date."""
        from bench.stores.folder_index import open_index

        return open_index(self.folder, results_of(self.folder))


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Keep other processes from giving names in a folder, which is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock"):
            yield
    except OSError as error:
        raise ResultError(f"{folder} cannot be written: {error}") from error


def is_finished(journal: Path) -> bool:
    """Whether a journal's run has a whole file: a kill came before the journal was removed."""
    with contextlib.suppress(ResultError):
        load_run(journal.with_suffix(".json"))
        return True
    return False


def number_of(path: Path) -> tuple[int, int]:
    """Order the runs of a device: by their numbers, and by time where there are none."""
    head = path.stem.split("_")[0]
    return int(head) if head.isascii() and head.isdigit() else -1, modified(path)


def modified(path: Path) -> int:
    """Return when a file was last changed; 0 where it has gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def results_of(folder: Path) -> list[Path]:
    """List the finished runs of a folder, in all its devices' folders, by number within each.

    Raises:
        ResultError: The folder, or one in it, may not be read, or its name is none.
    """
    return sorted(files_of(folder, ".json"), key=place_of)


def files_of(folder: Path, suffix: str) -> Iterator[Path]:
    """List the files of runs of a folder of results; a folder that is not there holds none.

    `Path.glob` would pass over what may not be read, so that it looks empty.

    Raises:
        ResultError: As `results_of`.
    """
    try:
        with os.scandir(folder) as entries:
            devices = [path for entry in entries if (path := Path(entry.path)).is_dir()]
        for device in devices:
            names = os.listdir(device)  # noqa: PTH208 - names are enough
            yield from (device / name for name in names if is_run(name, suffix))
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        named = getattr(error, "filename", None) or folder
        raise ResultError(f"{named!s:.200} cannot be read: {reason_of(error):.100}") from error


def is_run(name: str, suffix: str) -> bool:
    """Whether a file is named as those of runs are: a number first."""
    return name.endswith(suffix) and name[:1].isascii() and name[:1].isdigit()


def place_of(path: Path) -> tuple[str, int, int]:
    """Order the runs of all devices: device by device, each as `number_of` does."""
    return path.parent.name, *number_of(path)


@dataclass(frozen=True)
class Head:
    """What the first bytes of a run or a journal say; empty where they do not."""

    started_at: str = ""
    made_by: str = ""


def head_of(path: Path) -> Head:
    """Read when a run was started, and by what, without reading all of it."""
    try:
        with os.fdopen(open_regular(path, follow=True), "rb") as file:
            found = HEAD.search(file.read(HEAD_BYTES))
    except OSError:
        return Head()
    parts = found.groups() if found else ()
    return Head(*((part or b"").decode(errors="replace") for part in parts))


def by_start(paths: Iterable[Path]) -> list[Path]:
    """Order runs and journals by when they were started; the times of files may be a copy's."""
    return sorted(paths, key=lambda path: (head_of(path).started_at, place_of(path)))


def next_name(names: Iterable[str], commit: str, tag: str) -> str:
    """Name a new run of a device: number, commit, tag.

    Args:
        names: Of the device's runs and of their files; others do not count.
        commit: Of the project.
        tag: Of the user.

    Raises:
        ConfigError: The tag does not fit into the name of a file.
    """
    if not re.fullmatch(r"[\w.+-]{0,80}", tag):
        raise ConfigError(f"--tag takes letters, digits and . _ + -, not {tag!r:.80}")
    heads = [name.split("_")[0] for name in names if "_" in name]
    numbers = [int(head) for head in heads if head.isascii() and head.isdigit()]
    parts = [f"{max(numbers, default=0) + 1:04d}", commit.rstrip("+")[:7] or "untracked", tag]
    return "_".join(part for part in parts if part)
