"""The whole of `bench run` on a stand-in phone: a real adbd, an emulated Arm processor."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from standin_phone.root import CannotStandInError, qemu
from tiny import lowered, tiny_flags

from devices.bundle import build_bundle
from lowering.cache import ROOT, cache_root
from model.errors import DeviceError

# An emulator takes a hundred times as long as a phone.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]
SCHEMES = ("fp32", "8da8w", "8da4w", "int8-static")
# Arm's int8 kernels round otherwise than x86's, and one code chosen otherwise changes all that
# follow.
ROUNDED_OTHERWISE = ("8da8w", "8da4w", "int8-static")


@pytest.fixture(scope="module")
def document(phone_arm64, tmp_path_factory):
    """The one JSON document that a run prints; one repeat of each scheme."""
    try:
        qemu()
        build_bundle("arm64-v8a")
    except (CannotStandInError, DeviceError) as reason:
        pytest.skip(str(reason))
    lowered(*SCHEMES)
    folder = tmp_path_factory.mktemp("standin")
    flags = [
        *("--device", "standin-arm64", *tiny_flags(), "--utterance", "short", "--json", "-q"),
        *("--repeats", "1", "--warmup", "0", "--iterations", "1"),
        *(word for scheme in SCHEMES for word in ("--scheme", scheme)),
    ]
    environment = {
        **os.environ,
        "HOME": str(folder),
        "MOBILESPEECH_CACHE": str(cache_root()),
        "ANDROID_SERIAL": phone_arm64.address,
        "ANDROID_ADB_SERVER_PORT": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--results", str(folder / "results"), "run", *flags],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    found["folder"] = str(folder / "results" / "standin-arm64")
    return found


def test_every_scheme_is_a_row_that_is_ok_and_says_that_it_is_emulated(document):
    assert document["device"]["emulated"]
    assert [row["case"]["scheme"] for row in document["rows"]] == list(SCHEMES)
    for row in document["rows"]:
        assert (row["outcome"], row["reason"]) == ("ok", "")
        assert "EMULATED" in row["warnings"]


def test_codes_equal_those_of_the_same_pte_on_this_computer_or_it_is_said(document):
    for row in document["rows"]:
        share = row["metrics"]["host_agreement"]["median"]
        assert ("HOST_DIFFERS" in row["warnings"]) == (share < 1)
        if row["case"]["scheme"] in ROUNDED_OTHERWISE:
            assert share > 0.5, row["case"]
        else:
            assert share == 1.0, row["case"]
        if share == 1.0:
            assert row["metrics"]["host_lsd_db"]["median"] < 0.5


def test_memory_operators_and_speech_come_back(document):
    for row in document["rows"]:
        assert row["metrics"]["peak_rss_bytes"]["median"] > 1e6
        assert 0 < row["metrics"]["delegated_time_share"]["median"] <= 1
        assert (Path(document["folder"]) / row["audio"]).stat().st_size > 1000
