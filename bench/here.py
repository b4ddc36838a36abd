"""What the same .pte says on this computer: told once, kept, and compared with what devices say."""

import hashlib
import tempfile
from pathlib import Path

from bench.evidence import Speech
from devices.base import Job
from devices.exchange import read_speech, write_request, write_speech
from devices.host import Host
from devices.schedule import Schedule
from lowering.cache import cache_key, cache_root, pins, source_hash
from model.entries import publish, usable
from model.errors import DeviceError

ONCE = Schedule(repeats=1, warmup=0, iterations=1)


def said_here(job: Job, pte_sha256: str) -> Speech | None:
    """Have this computer say what a device is asked to say, unless it has done so before.

    Args:
        job: What to say.
        pte_sha256: Of the model.

    Returns:
        The speech; None where this computer cannot run the .pte.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        request = Path(temporary, "request.txt")
        write_request(request, job)
        said = hashlib.sha256(request.read_bytes()).hexdigest()
    parts = {
        "sources": source_hash("model", "lowering", "devices"),
        "pins": pins(),
        "pte": pte_sha256,
        "request": said,
    }
    folder = cache_root() / "said" / cache_key(parts)
    if not usable(folder):
        try:
            repeat = Host().measure(job, ONCE)
        except DeviceError:
            return None
        publish(folder, lambda unfinished: write_speech(unfinished, repeat.codes, repeat.waveform))
    return Speech(*read_speech(folder))
