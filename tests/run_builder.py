"""Runs made up for tests: cases by scheme, metrics by samples."""

from dataclasses import replace

import numpy as np

from bench.results import Case, Header, Outcome, Row, Run
from bench.stats import summarize
from devices.base import DeviceInfo
from devices.schedule import Schedule

DEVICE = DeviceInfo("pixel8", "android", "Pixel 8", "Android 15", "arm64-v8a", "G3", 9, 8 << 30)
UNITS = {"rtf": "ratio", "peak_rss_bytes": "bytes", "pte_bytes": "bytes", "audio_frames": "frames"}


def make_case(scheme="fp32", utterance="short"):
    return Case(scheme, "xnnpack", utterance, "tiny")


def make_row(case=None, warnings=(), **metrics):
    """Make a row; every metric is a number, or a sequence of samples."""
    measured = {
        name: summarize(np.atleast_1d(samples), UNITS.get(name, "ms"))
        for name, samples in metrics.items()
    }
    return Row(case or make_case(), Outcome.OK, metrics=measured, warnings=tuple(warnings))


def make_failure(case=None, outcome=Outcome.RUN, reason="it crashed"):
    return Row(case or make_case(), outcome, reason)


def make_run(*rows, name="0001_abc", **conditions):
    header = Header(
        run=name, started_at="2026-01-01T00:00:00+00:00", commit="abc", device=DEVICE,
        schedule=Schedule(), versions={"executorch": "1.5.1"}, model={"weights": "random"},
        trained=True, passes=(8, 1), utterances={"short": {"text": "Hi.", "prompt": "heart"}},
        cases=tuple(row.case for row in rows),
    )  # fmt: skip
    return Run(replace(header, **conditions), rows)
