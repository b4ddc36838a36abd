import json

import numpy as np
import pytest

from model.config import HOP_LENGTH
from model.data.corpus import (
    AudioShards,
    Utterance,
    digest,
    finished_shards,
    to_int16,
    write_shard,
)
from model.data.manifest import damaged, summarize, write_manifest
from model.errors import InputError


def utterance(name, *, frames=3, split="train", speaker="a", seed=0):
    samples = np.random.default_rng(seed).integers(-999, 999, frames * HOP_LENGTH, dtype=np.int16)
    item = Utterance(
        name, speaker, "en", split, "Hello.", "package", "CC0-1.0", samples.size, digest(samples),
        ("sil", "h", "sil"), (1, 1, frames - 2),
    )  # fmt: skip
    return item, samples


def test_what_is_written_comes_back_in_order(tmp_path):
    made = [utterance(f"u{n}", frames=3 + n, seed=n) for n in range(5)]
    write_shard(tmp_path, 1, made[3:])
    write_shard(tmp_path, 0, made[:3])
    shards = AudioShards.open(tmp_path)
    assert list(shards.items) == [item for item, _ in made]
    for index, (_, samples) in enumerate(made):
        np.testing.assert_array_equal(shards.audio(index), samples)


def test_several_folders_open_as_one(tmp_path):
    write_shard(tmp_path / "a", 0, [utterance("a")])
    write_shard(tmp_path / "b", 0, [utterance("b")])
    assert [i.name for i in AudioShards.open(tmp_path / "a", tmp_path / "b").items] == ["a", "b"]


def test_selecting_keeps_audio_with_its_item(tmp_path):
    made = [utterance(f"u{n}", speaker="ab"[n % 2], seed=n) for n in range(4)]
    write_shard(tmp_path, 0, made)
    chosen = AudioShards.open(tmp_path).select(lambda item: item.speaker == "b")
    assert [digest(chosen.audio(i)) for i in range(len(chosen))] == [
        item.sha256 for item in chosen.items
    ]
    assert [item.name for item in chosen.items] == ["u1", "u3"]


def test_a_shard_without_its_items_file_does_not_exist(tmp_path):
    write_shard(tmp_path, 0, [utterance("u")])
    (tmp_path / "audio-00001.i16").write_bytes(b"half")
    (tmp_path / "items-00002.jsonl.partial").write_text("{")
    assert finished_shards(tmp_path) == {0}


def test_a_truncated_audio_file_is_an_error_that_names_it(tmp_path):
    write_shard(tmp_path, 0, [utterance("u")])
    audio = tmp_path / "audio-00000.i16"
    audio.write_bytes(audio.read_bytes()[:-2])
    with pytest.raises(InputError, match=r"audio-00000\.i16"):
        AudioShards.open(tmp_path)


def test_a_line_that_is_no_utterance_is_an_error_with_its_number(tmp_path):
    write_shard(tmp_path, 0, [utterance("u"), utterance("v")])
    items = tmp_path / "items-00000.jsonl"
    first = items.read_text().splitlines()[0]
    items.write_text(first + "\n" + json.dumps({"phonemes": [], "durations": []}) + "\n")
    with pytest.raises(InputError, match="line 2"):
        AudioShards.open(tmp_path)


def test_an_empty_folder_says_how_to_build(tmp_path):
    with pytest.raises(InputError, match="bench data build"):
        AudioShards.open(tmp_path)


def test_samples_are_cut_to_whole_frames_and_clipped():
    samples = to_int16(np.full(2 * HOP_LENGTH + 7, 1.5, dtype=np.float32))
    assert samples.shape == (2 * HOP_LENGTH,)
    assert samples.dtype == np.int16
    assert samples.max() == 32767


def test_the_manifest_counts_hours_by_split_and_names_unheard_speakers(tmp_path):
    made = [
        utterance("u0", frames=75 * 36),
        utterance("u1", frames=75 * 72, split="test", speaker="b"),
    ]
    write_shard(tmp_path, 0, made)
    manifest = write_manifest(tmp_path)
    assert manifest.hours == 0.03
    assert manifest.hours_by_split == {"test": 0.02, "train": 0.01}
    assert manifest.unheard_speakers == ("b",)
    assert json.loads((tmp_path / "manifest.json").read_text())["utterances"] == 2


def test_a_changed_sample_is_found_and_changes_no_length(tmp_path):
    write_shard(tmp_path, 0, [utterance("u"), utterance("v", seed=1)])
    assert damaged(tmp_path) == ()
    audio = tmp_path / "audio-00000.i16"
    data = bytearray(audio.read_bytes())
    data[-1] ^= 1
    audio.write_bytes(data)
    assert damaged(tmp_path) == ("v",)


def test_the_identity_of_a_corpus_depends_on_its_audio(tmp_path):
    write_shard(tmp_path / "a", 0, [utterance("u", seed=1)])
    write_shard(tmp_path / "b", 0, [utterance("u", seed=2)])
    assert summarize(tmp_path / "a").sha256 != summarize(tmp_path / "b").sha256
