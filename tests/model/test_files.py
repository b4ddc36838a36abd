"""Files are opened only where they are files, and written whole or not at all."""

import contextlib
import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from model.files import NotRegularError, locked, open_log, read_regular, replacing, write_whole

SMALL = 1000


@pytest.fixture(params=["pipe", "folder", "device", "link", "socket"])
def special(request, tmp_path):
    """A name of something that is no regular file."""
    import socket

    path = tmp_path / "special"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "folder":
        path.mkdir()
    elif request.param == "device":
        path.symlink_to("/dev/null")
    elif request.param == "link":
        (tmp_path / "theirs").write_text("theirs")
        path.symlink_to(tmp_path / "theirs")
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    return path


def test_files_of_ours_are_opened_only_if_they_are_regular(special):
    """Neither hangs on a pipe, and neither follows a link."""
    with pytest.raises(NotRegularError, match="not a regular file"), locked(special):
        pass
    with pytest.raises(NotRegularError, match="not a regular file"):
        open_log(special)
    with pytest.raises(NotRegularError, match="not a regular file"):
        read_regular(special, SMALL, follow=False)


def test_a_link_that_the_user_named_is_followed_to_a_file_and_no_further(tmp_path):
    (tmp_path / "file").write_text("content")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", SMALL) == b"content"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "far").symlink_to("pipe")
    with pytest.raises(NotRegularError, match="a pipe"):
        read_regular(tmp_path / "far", SMALL)


def test_a_lock_leaves_the_file_s_content(tmp_path):
    path = tmp_path / "lock"
    path.write_text("content")
    with locked(path), pytest.raises(BlockingIOError), locked(path, wait=False):
        pass
    assert path.read_text() == "content"


def test_a_written_file_has_the_permissions_that_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "file", "content")
        with locked(tmp_path / "lock"):
            pass
    finally:
        os.umask(before)
    for name in ("file", "lock"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.write_bytes"])
def test_a_full_disk_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "page.html"
    write_whole(path, "old")
    with monkeypatch.context() as patch:
        patch.setattr(step, full)
        with pytest.raises(OSError, match="No space left") as caught:
            write_whole(path, "new")
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_of_the_writer_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "page.html"
    write_whole(path, "old")
    with contextlib.suppress(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_special_file_is_not_written_over(special):
    if special.is_symlink():
        write_whole(special, "ours")  # in place of the link, and not through it
        assert special.read_text() == "ours"
        assert not special.is_symlink()
        return
    kind = special.lstat().st_mode
    with pytest.raises(NotRegularError, match="not a regular file"):
        write_whole(special, "ours")
    assert special.lstat().st_mode == kind


def test_a_name_as_long_as_any_can_be_written(tmp_path):
    path = tmp_path / ("n" * 255)
    write_whole(path, "content")
    assert path.read_text() == "content"


def test_a_missing_folder_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_whole(tmp_path / "missing" / "page.html", "content")
    assert caught.value.filename == str(tmp_path / "missing" / "page.html")


def test_of_many_writers_one_wins_whole(tmp_path):
    path = tmp_path / "file"
    contents = [letter * 100_000 for letter in "abcd"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda content: write_whole(path, content), contents * 5))
    assert path.read_text() in contents
    assert list(tmp_path.iterdir()) == [path]
