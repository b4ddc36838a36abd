"""An entry of the cache is there whole or not at all, and what was changed is made anew."""

import errno
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from model.entries import LISTING, fault, publish, require, usable
from model.errors import CacheError


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "a"


def write(content="whole"):
    def fill(unfinished):
        (unfinished / "sub").mkdir()
        (unfinished / "file").write_text(content)
        (unfinished / "sub" / "other").write_text("more")

    return fill


def left_in(folder):
    return sorted(path.name for path in folder.parent.iterdir() if path.name != ".lock")


def test_a_folder_is_there_whole_or_not_at_all(folder):
    def fail(unfinished):
        (unfinished / "half").write_text("x")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        publish(folder, fail)
    assert left_in(folder) == []
    assert not usable(folder)
    publish(folder, write())
    assert left_in(folder) == ["a"]
    assert usable(folder)
    assert require(folder) == folder


def test_of_many_writers_one_wins_and_none_fails(folder):
    start = threading.Barrier(8)

    def fill(unfinished):
        (unfinished / "file").write_text("same")
        start.wait()

    with ThreadPoolExecutor(8) as writers:
        for writing in [writers.submit(publish, folder, fill) for _ in range(8)]:
            writing.result()
    assert (folder / "file").read_text() == "same"
    assert left_in(folder) == ["a"]


def cut(path):
    path.write_text(path.read_text()[:-1])


def flip(path):
    status = path.stat()
    path.write_text("whOle")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


def replace_by_pipe(path):
    path.unlink()
    os.mkfifo(path)


def replace_by_link(path):
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def another_in_its_place(path):
    folder = path.parent
    publish(folder.with_name("b"), write("another model"))
    folder.rename(folder.with_name("c"))
    folder.with_name("b").rename(folder)


FAULTS = {
    "a file is cut short": (cut, "file has 4 bytes, not 5"),
    "a byte is flipped and the time is as before": (flip, "file was changed"),
    "a file is gone": (lambda path: path.unlink(), "file is missing"),
    "a folder takes the place of a file": (replace_by_folder, "file is no regular file"),
    "a pipe takes the place of a file": (replace_by_pipe, "file is no regular file"),
    "a link takes the place of a file": (replace_by_link, "file is no regular file"),
    "the listing is gone": (
        lambda path: (path.parent / LISTING).unlink(),
        f"{LISTING} is missing",
    ),
    "the listing is cut short": (lambda path: cut(path.parent / LISTING), f"{LISTING} was changed"),
    "the listing is another document": (
        lambda path: (path.parent / LISTING).write_text("[]"),
        f"{LISTING} was changed",
    ),
    "the listing is nested without end": (
        lambda path: (path.parent / LISTING).write_text("[" * 100_000),
        f"{LISTING} was changed",
    ),
    "a pipe takes the place of the listing": (
        lambda path: replace_by_pipe(path.parent / LISTING),
        "it is a pipe",
    ),
    "another entry takes its place": (another_in_its_place, "it was made as 'b'"),
}


@pytest.mark.parametrize(("spoil", "said"), FAULTS.values(), ids=FAULTS)
def test_every_fault_of_an_entry_is_named_and_it_is_made_anew(
    folder, spoil, said, caplog, record_property
):
    publish(folder, write())
    spoil(folder / "file")
    assert said in fault(folder)
    with pytest.raises(CacheError, match="run the command again"):
        require(folder)
    assert not usable(folder)
    warning = f"{folder} in the cache is broken ({fault(folder)}) and is made anew"
    assert warning in caplog.text
    record_property("designed", "the entry is made anew, with a warning")
    record_property("said", warning)
    publish(folder, write())
    assert usable(folder)
    assert (folder / "file").read_text() == "whole"
    assert not [name for name in left_in(folder) if name.startswith(".")]


def test_a_whole_entry_is_not_replaced_by_a_second_writer_of_a_broken_one(folder):
    """Both found it broken; the second comes when the first has mended it, and others read it."""
    publish(folder, write())
    cut(folder / "file")
    publish(folder, write())
    mended = (folder / "file").stat().st_ino
    publish(folder, write())
    assert (folder / "file").stat().st_ino == mended


def test_sizes_alone_can_be_compared(folder):
    publish(folder, write())
    flip(folder / "file")
    assert usable(folder, contents=False)
    cut(folder / "file")
    assert not usable(folder, contents=False)


def test_a_full_disk_is_one_line_and_leaves_nothing(folder):
    def fill(unfinished):
        (unfinished / "half").write_text("x")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(CacheError, match=r"No space left on device\): make room") as caught:
        publish(folder, fill)
    assert "\n" not in str(caught.value)
    assert left_in(folder) == []


LIMITED = """
import resource, sys
from pathlib import Path
from model.entries import publish
from model.errors import CacheError

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
try:
    publish(Path(sys.argv[1]), lambda folder: (folder / "large").write_bytes(bytes(1 << 20)))
except CacheError as error:
    print(error)
"""


def test_a_quota_of_the_system_is_one_line_too(folder):
    command = [sys.executable, "-c", LIMITED, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "File too large): make room" in done.stdout
    assert left_in(folder) == []


def test_a_cache_in_a_place_that_cannot_be_one_is_one_line(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CacheError, match="MOBILESPEECH_CACHE"):
        publish(tmp_path / "file" / "a", write())


def test_an_error_that_is_not_the_cache_s_stays_what_it_is(folder):
    def fill(unfinished):
        (unfinished / "nothing").read_bytes()

    with pytest.raises(FileNotFoundError):
        publish(folder, fill)


KILLED = """
import os, sys
from pathlib import Path
from model.entries import publish

def fill(unfinished):
    (unfinished / "half").write_text("x")
    os.kill(os.getpid(), 9)

publish(Path(sys.argv[1]), fill)
"""


def test_a_writer_that_is_killed_leaves_no_entry_and_no_lock(folder):
    subprocess.run([sys.executable, "-c", KILLED, folder], check=False)
    assert not folder.exists()
    assert len(left_in(folder)) == 1  # what was half filled
    publish(folder, write())
    assert usable(folder)
    assert left_in(folder) == ["a"]


def test_what_another_writer_is_filling_is_left_to_it(folder):
    filling, done = threading.Event(), threading.Event()

    def fill_slowly(unfinished):
        (unfinished / "file").write_text("slow")
        filling.set()
        assert done.wait(60)

    with ThreadPoolExecutor(1) as other:
        slow = other.submit(publish, folder.with_name("b"), fill_slowly)
        assert filling.wait(60)
        publish(folder, write())
        done.set()
        slow.result()
    assert left_in(folder) == ["a", "b"]
    assert (folder.with_name("b") / "file").read_text() == "slow"


def test_the_listing_holds_sizes_and_hashes(folder):
    publish(folder, write())
    listing = json.loads((folder / LISTING).read_text())
    assert listing["entry"] == "a"
    assert {name: size for name, (size, _) in listing["files"].items()} == {
        "file": 5,
        "sub/other": 4,
    }
