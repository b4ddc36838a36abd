from dataclasses import asdict, replace

import numpy as np

from bench import pipeline
from bench.evidence import facts_from_json, facts_of
from bench.results import load_run
from devices.base import Reading, Repeat

READINGS = (
    Reading("2026-02-11T09:00:00+00:00", 0, 30.1, 2400000),
    Reading("2026-02-11T09:00:20+00:00", None, None, 2000000),
)


def test_what_a_device_tells_of_itself_is_kept_with_its_row(plan, device, tmp_path, monkeypatch):
    measure = device.measure
    monkeypatch.setattr(
        device, "measure", lambda *asked: replace(measure(*asked), readings=READINGS)
    )
    run = pipeline.run(plan, device, tmp_path, lambda step: None)
    kept = load_run(next(tmp_path.glob("*/*.json")))
    assert {row.readings for row in run.rows} == {READINGS * plan.schedule.repeats}
    assert [row.readings for row in kept.rows] == [row.readings for row in run.rows]


def test_repeats_from_before_there_were_readings_can_be_read():
    codes = np.zeros((8, 4), np.int64)
    repeat = Repeat(
        load_ms=5.0, warm_load_ms=4.0, base_rss_bytes=1, load_peak_rss_bytes=2, peak_rss_bytes=3,
        planned_bytes=None, threads=2, affinity="3", backends=(), warmup_ms=(), trials=(),
        codes=codes, waveform=np.zeros(4, np.float32), readings=READINGS,
    )  # fmt: skip
    entry = asdict(facts_of(repeat, 0, codes))
    assert facts_from_json(entry).readings == READINGS
    del entry["readings"]
    assert facts_from_json(entry).readings == ()
