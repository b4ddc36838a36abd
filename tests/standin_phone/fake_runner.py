"""A bundle whose runner is a shell script: the real one's flags and files, and faults on demand."""

import hashlib
from pathlib import Path

import numpy as np

from devices.base import Job
from devices.bundle import TARGETS, Bundle, folder_sha256
from model.config import N_CODEBOOK
from model.generate import Limits, Request

LOADER = """#!/bin/sh
shift 2
exec "$@"
"""
PARSE = """#!/bin/sh
profile=
while [ $# -gt 0 ]; do
  case $1 in
    --profile) profile=yes; shift;;
    --*) eval "${1#--}=\\$2"; shift 2;;
  esac
done
"""
# What a good run leaves: 2 frames of codes, 640 samples.
RESULTS = """
cat > $out/report.json <<REPORT
{"format": 1, "load_ms": 3.5, "warm_load_ms": 2.5, "base_rss_bytes": 1000000,
 "load_peak_rss_bytes": 3000000, "peak_rss_bytes": 4000000, "planned_bytes": 500000,
 "threads": $threads, "affinity": "${affinity:-3}",
 "backends": ["XnnpackBackend"], "warmup_ms": [9.0],
 "trials": [{"wall_ms": 8.0, "first_audio_ms": 4.0, "set_input_ms": 0.5, "stage_ms": {"smd": 7.0}}]}
REPORT
head -c 32 /dev/zero > $out/codes.bin
head -c 2560 /dev/zero > $out/waveform.bin
"""
SAY_OK = "echo '{\"ok\": true}'\n"
GOOD = RESULTS + SAY_OK


def fake_bundle(folder: Path, behaviour: str = GOOD, abi: str = "x86_64") -> Bundle:
    """Make a bundle whose runner does what `behaviour` says, in shell, once its flags are parsed.

    Every flag is a variable: $model, $request, $out, $threads, $warmup, $iterations, $profile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ((TARGETS[abi].loader, LOADER), ("runner", PARSE + behaviour)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return Bundle(folder, folder_sha256(folder), abi)


def fake_job(folder: Path, pte_bytes: int = 1000) -> Job:
    """Make a job whose model is a file of noise."""
    pte = folder / "model.pte"
    noise = hashlib.shake_128(str(folder).encode()).digest(pte_bytes)
    pte.write_bytes(noise)
    request = Request(((1, 2, 3),), np.zeros((N_CODEBOOK, 4), np.int64))
    return Job(pte, Limits(2, 64, 64, 32, 4), request)
