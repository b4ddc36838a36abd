"""Files on a device: whole, checked, pushed once."""

from pathlib import Path

import pytest
from standin_phone.local_link import LocalLink, ScriptedLink

from devices.patience import patiently
from devices.store import Store
from model.errors import ConfigError, DeviceError, DeviceUnavailableError


@pytest.fixture
def link(tmp_path):
    return LocalLink(tmp_path)


@pytest.fixture
def files(tmp_path):
    made = {}
    for name in ("runner", "libc.so.6", "model.pte"):
        made[name] = tmp_path / f"local-{name}"
        made[name].write_bytes(name.encode() * 1000)
    return made


@pytest.fixture
def base(tmp_path):
    return str(tmp_path / "device folder" / "ours")


def test_files_arrive_whole_in_a_folder_of_their_content(link, base, files, tmp_path):
    store = Store(link, base)
    folder = store.put(files)
    for name, path in files.items():
        assert (tmp_path / folder / name).read_bytes() == path.read_bytes()
    assert store.pushed_bytes == sum(path.stat().st_size for path in files.values())
    assert all(".part/" in remote for remote in link.pushed)


def test_what_is_there_is_not_pushed_again_by_this_program_or_the_next(link, base, files):
    folder = Store(link, base).put(files)
    later = Store(link, base)
    assert later.put(files) == folder == later.put(files)
    assert later.pushed_bytes == 0


def test_changed_content_is_another_folder(link, base, files):
    store = Store(link, base)
    before = store.put(files)
    files["runner"].write_bytes(b"new")
    assert store.put(files) != before


def test_a_file_that_rotted_on_the_device_is_pushed_anew(link, base, files, tmp_path):
    folder = Store(link, base).put(files)
    (tmp_path / folder / "runner").write_bytes(b"rotten")
    store = Store(link, base)
    assert store.put(files) == folder
    assert (tmp_path / folder / "runner").read_bytes() == files["runner"].read_bytes()


def test_a_push_that_broke_off_goes_on_with_the_next_file(link, base, files):
    link.fail_push = 2
    store = Store(link, base)
    store.put(files)
    assert [remote.rpartition("/")[2] for remote in link.pushed] == [
        "runner",
        "libc.so.6",  # broke off
        "libc.so.6",
        "model.pte",
    ]


def test_nothing_half_pushed_can_be_taken_for_whole(link, base, files, tmp_path):
    link.fail_push = 3
    folder = f"{base}/whatever"
    with pytest.raises(DeviceUnavailableError):
        Store(link, base)._complete(folder, files, dict.fromkeys(files, "0" * 64))
    assert not (tmp_path / folder).exists()


def test_content_that_changes_on_the_way_is_an_error(link, base, files, tmp_path):
    class Corrupting(LocalLink):
        def push(self, local, remote):
            super().push(local, remote)
            with Path(remote).open("ab") as file:
                file.write(b"!")

    with pytest.raises(DeviceError, match="arrived changed"):
        Store(Corrupting(tmp_path), base).put(files)


def test_a_device_without_room_is_told_before_anything_is_pushed(tmp_path, base, files):
    df = "echo Filesystem 1K-blocks Used Available Use% Mounted; echo tmpfs 100 99 1 99% /data"
    link = LocalLink(tmp_path, {"df": df})
    with pytest.raises(DeviceError, match="0 MB left"):
        Store(link, base).put(files)
    assert link.pushed == []


def test_fetched_files_equal_those_on_the_device(link, base, files, tmp_path):
    store = Store(link, base)
    folder = store.put(files)
    target = tmp_path / "target"
    target.mkdir()
    store.fetch(folder, {"runner": 10_000}, target)
    assert (target / "runner").read_bytes() == files["runner"].read_bytes()
    assert [path.name for path in target.iterdir()] == ["runner"]


def test_a_file_that_is_not_there_is_named_and_leaves_nothing_here(link, base, files, tmp_path):
    store = Store(link, base)
    folder = store.put(files)
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(DeviceError, match=r"left no report\.json"):
        store.fetch(folder, {"report.json": 100}, target)
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a b", "-rf", "", "a\nb", ".hidden"])
def test_names_that_leave_the_folder_are_refused(link, base, files, name):
    with pytest.raises(ConfigError, match="is no valid file name"):
        Store(link, base).put({name: files["runner"]})


def test_a_strange_name_on_the_device_is_refused_and_shown_harmlessly(link, base, tmp_path):
    store = Store(link, base)
    folder = store.make_folder("run")
    (tmp_path / folder / "\x1b[2Jx.etdump").touch()
    with pytest.raises(DeviceError, match=r"\\\\x1b"):
        store.names(folder, r"[a-z_]+\.etdump")


@pytest.mark.parametrize("said", ["du: mobilespeech-bench: Permission denied", "9" * 5000, "-"])
def test_what_our_folder_takes_is_unknown_where_the_phone_does_not_tell(base, said):
    assert Store(ScriptedLink(said), base).used_bytes() is None


@pytest.mark.parametrize("free", ["9" * 400, "9" * 19])
def test_room_that_cannot_be_counts_as_not_told(base, free):
    assert (
        Store(ScriptedLink(f"Filesystem\n/dev/x 9 9 {free} 9% /data\n"), base).free_bytes() is None
    )


def test_cleaning_removes_our_folder_and_nothing_beside_it(link, base, files, tmp_path):
    store = Store(link, base)
    store.put(files)
    beside = tmp_path / "device folder" / "theirs"
    beside.touch()
    assert store.used_bytes() > 0
    store.clean()
    assert [path.name for path in beside.parent.iterdir()] == ["theirs"]
    assert store.used_bytes() == 0


def test_a_device_that_stays_away_is_given_up():
    tried = []

    def step():
        tried.append(1)
        raise DeviceUnavailableError("gone")

    with pytest.raises(DeviceUnavailableError):
        patiently(step)
    assert len(tried) == 3
