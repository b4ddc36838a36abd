"""Scorers run in processes of this machine, or on a Dask cluster, with the same result."""

import numpy as np
import pytest

from bench.quality.clips import Look
from bench.quality.engine import observe, scoring_workers
from bench.quality.packages import not_installed
from bench.quality.scorers import SCORERS
from model.errors import ConfigError

pytestmark = pytest.mark.slow


@pytest.fixture
def looks(monkeypatch, tmp_path):
    """Something for a scorer that is quick to load; nothing of it is in the cache."""
    reason = not_installed(SCORERS["pitch"].packages)
    if reason:
        pytest.skip(reason)
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path))
    ticks = np.arange(12_000) / 24_000
    tones = [(9000 * np.sin(2 * np.pi * hz * ticks)).astype(np.int16) for hz in range(100, 200, 10)]
    return [Look("pitch", tone, tones[0]) for tone in tones]


def scores(looks, where):
    with scoring_workers(where) as executor:
        return list(observe(looks, executor, lambda done, total: None))


def cents(answers):
    return [answer["rmse_cents"] for answer in answers]


def test_processes_of_this_machine_score(looks):
    found = cents(scores(looks, "2"))
    assert found == pytest.approx([1200 * np.log2(1 + n / 10) for n in range(10)], abs=5)


def test_a_cluster_scores_alike(looks, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="needs the extra `lab`")
    here = cents(scores(looks, "1"))
    monkeypatch.setenv("MOBILESPEECH_CACHE", str(tmp_path / "other"))
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(processes=True, **options) as cluster:
        assert cents(scores(looks, cluster.scheduler_address)) == here
    assert len(list((tmp_path / "other").rglob("*.json"))) == len(looks)


def test_an_address_where_nobody_is_is_one_clear_line(monkeypatch):
    pytest.importorskip("distributed", reason="needs the extra `lab`")
    monkeypatch.setattr("bench.quality.engine.CONNECT_S", 0.5)
    with (
        pytest.raises(ConfigError, match="no Dask scheduler at tcp"),
        scoring_workers("tcp://127.0.0.1:9"),
    ):
        pass
