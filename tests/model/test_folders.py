"""Where a program's files go, on this system and by the user's wish."""

from pathlib import Path

from model.data import assets
from model.folders import cache_folder


def test_the_cache_is_where_the_variable_says_and_else_where_the_system_says(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr("sys.platform", "linux")
    for nothing in (lambda: monkeypatch.delenv("MOBILESPEECH_CACHE", raising=False),
                    lambda: monkeypatch.setenv("MOBILESPEECH_CACHE", "")):  # fmt: skip
        nothing()
        assert cache_folder() == tmp_path / "xdg" / "mobilespeech-bench"
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "ours"))
    assert cache_folder() == tmp_path / "ours"


def test_an_empty_variable_of_the_system_is_none_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MOBILESPEECH_CACHE", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "mobilespeech-bench"


def test_packages_and_lowered_models_lie_in_the_same_cache(tmp_path, monkeypatch):
    from lowering.cache import cache_root

    for chosen in (str(tmp_path), ""):
        monkeypatch.setenv("MOBILESPEECH_CACHE", chosen)
        assert cache_root() == assets.cache_folder() == cache_folder() != Path()
