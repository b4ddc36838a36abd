"""Cached results are found again, and only by what they were made of."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lowering.cache import cache_key, cache_root, publish, source_hash
from lowering.reference import ReferenceSpec
from model.choice import ModelChoice
from model.decoding import DecodingOptions, decoding_plan
from model.utterance import built_in_utterances


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "cache"))


def spec(**changes):
    fields = {
        "choice": ModelChoice("tiny"),
        "utterance": built_in_utterances()["short"],
        "options": DecodingOptions(),
        **changes,
    }
    return ReferenceSpec(**fields)


def test_a_folder_is_there_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "cache" / "a"

    def fail(temporary):
        (temporary / "half").write_text("x")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        publish(folder, fail)
    assert list(folder.parent.iterdir()) == []
    publish(folder, lambda temporary: (temporary / "whole").write_text("x"))
    assert [path.name for path in folder.parent.iterdir()] == ["a"]


def test_of_many_writers_one_wins_and_none_fails(tmp_path):
    folder = tmp_path / "cache" / "a"
    start = threading.Barrier(8)

    def fill(temporary):
        (temporary / "file").write_text("same")
        start.wait()

    with ThreadPoolExecutor(8) as writers:
        for writing in [writers.submit(publish, folder, fill) for _ in range(8)]:
            writing.result()
    assert (folder / "file").read_text() == "same"
    assert [path.name for path in folder.parent.iterdir()] == ["a"]


def test_whatever_goes_in_changes_the_folder():
    folders = {
        spec().folder(),
        spec(choice=ModelChoice("base")).folder(),
        spec(utterance=built_in_utterances()["medium"]).folder(),
        spec(options=DecodingOptions(plan=decoding_plan((16,)))).folder(),
        spec(sources="other code").folder(),
    }
    assert len(folders) == 5
    assert spec().folder() in folders


def test_the_folder_stays_the_planned_one_when_code_changes_under_way(monkeypatch):
    planned = spec()
    before = planned.folder()
    monkeypatch.setattr("lowering.reference.source_hash", lambda *_: "changed")
    assert planned.folder() == before


def test_sources_of_different_packages_differ():
    assert source_hash("model") != source_hash("lowering")
    assert cache_key({"a": 1}) == cache_key({"a": 1}) != cache_key({"a": 2})


def test_the_cache_is_where_the_variable_says(tmp_path):
    assert cache_root() == tmp_path / "cache"
