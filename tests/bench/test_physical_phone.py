"""On the phone that is attached: `pytest -m device -s`. It needs no more than that phone.

The first test tries what measurements assume and leaves a file for a report of a fault; the second
measures the smallest model once.
"""

import json
import os
import subprocess
import sys

import pytest
from physical_phone import NoPhoneError, physical_phone

from lowering.cache import ROOT

pytestmark = [pytest.mark.device, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def phone(request):
    try:
        return physical_phone(request.config.getoption("-m"))
    except NoPhoneError as reason:
        pytest.skip(str(reason))


def bench(phone, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "bench", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "ANDROID_SERIAL": phone.address},
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    return done


def test_what_measurements_assume_holds_on_the_phone(phone, tmp_path):
    report = tmp_path / "device-report.json"
    done = bench(phone, "doctor", "--device", phone.profile, "--verify", "-o", report)
    assert report.exists(), done.stderr[-2000:]
    print(f"to attach to a report: {report}")
    findings = json.loads(report.read_text())["findings"]
    assert [found for found in findings if found["state"] == "problem"] == []
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_short_run_on_the_phone_gives_a_row_with_its_numbers(phone, tmp_path):
    done = bench(
        phone,
        *("--results", tmp_path, "run", "--device", phone.profile, "--json", "-q"),
        *("--model", "tiny", "--utterance", "short", "--scheme", "fp32"),
        *("--repeats", 1, "--warmup", 1, "--iterations", 1),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["outcome"], row["reason"]) == ("ok", "")
    assert row["metrics"]["rtf"]["median"] > 0
    assert row["metrics"]["peak_rss_bytes"]["median"] > 1e6
    assert row["metrics"]["host_agreement"]["median"] > 0.9
