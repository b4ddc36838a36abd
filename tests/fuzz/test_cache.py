"""Whatever is done to an entry of the cache: it is found broken and made anew; nothing hangs."""

import os
import shutil

from fuzzing import damaged, fuzzed
from hypothesis import given
from hypothesis import strategies as st

from model.entries import LISTING, fault, publish, usable

CONTENT = {"model.pte": bytes(range(256)) * 4, "manifest.json": b'{"format": 1}'}
NAMES = (*CONTENT, LISTING)


def fill(folder):
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)


KINDS = (
    "damage", "remove", "pipe", "folder", "link", "hard link", "exchange", "move", "gone",
)  # fmt: skip


def harm(entry, outside, name, kind, damage):
    """Do it; returns whether the entry still says what it did."""
    path = entry / name
    if kind == "damage":
        changed = damage(path.read_bytes())
        same = changed == path.read_bytes()
        path.write_bytes(changed)
        return same
    if kind == "gone":
        shutil.rmtree(entry)
        return False
    if kind == "move":  # another entry in its place
        shutil.rmtree(entry)
        other = entry.with_name("other")
        publish(other, fill)
        other.rename(entry)
        return False
    content = path.read_bytes()
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        outside.write_bytes(content)
        path.symlink_to(outside)
    elif kind == "hard link":
        outside.write_bytes(content)
        path.hardlink_to(outside)
        return True
    elif kind == "exchange":
        path.write_bytes(b"exchanged")
    return False


@fuzzed
@given(st.data())
def test_a_harmed_entry_is_broken_and_is_made_anew(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("cache")
    entry, outside = root / "artifacts" / "entry", root / "outside"
    publish(entry, fill)
    name = data.draw(st.sampled_from(NAMES))
    kind = data.draw(st.sampled_from(KINDS))
    same = harm(entry, outside, name, kind, lambda content: data.draw(damaged(content)))
    before = outside.read_bytes() if outside.exists() else None
    if not same:
        assert fault(entry) or listing_says_the_same(entry)
    if not usable(entry):
        publish(entry, fill)
    assert fault(entry) == ""
    assert {name: (entry / name).read_bytes() for name in CONTENT} == CONTENT
    assert (outside.read_bytes() if outside.exists() else None) == before
    left = {path.name for path in entry.parent.iterdir()} - {"entry", ".lock"}
    assert not left


def listing_says_the_same(entry):
    """A listing may be written in another way and say the same."""
    return all((entry / name).read_bytes() == content for name, content in CONTENT.items())
