"""What a repeat on this machine says of memory is what the model and a synthesis take."""

import json
import subprocess
import sys

import pytest

MIB = 1 << 20
# A program that takes 100 MiB, and a synthesis whose result takes 40 MiB more: in many small
# pieces, which the C library keeps for itself when they are freed, or in one, which it maps.
MEASURE = """
import json, sys, time
from pathlib import Path

from devices.host_child import measure
from devices.schedule import Schedule


def take(mib):
    if sys.argv[1] == "one piece":
        return bytearray(b"x") * (mib << 20)
    return [bytearray(b"x") * 4096 for _ in range(mib << 8)]


class Program:
    def __init__(self):
        self.weights = take(100)
        self.myself = self  # as a program whose methods refer to it

    def call(self, name, inputs):
        return []


class Trial:
    wall_ms = 1.0


def iterate(call):
    return Trial(), take(40)


def load(pte):
    return Program(), 1.0


found = measure(Path("model.pte"), Schedule(warmup=1, iterations=2), iterate, load)
print(json.dumps(found.facts))
"""


@pytest.mark.parametrize("pieces", ["one piece", "many pieces"])
def test_peak_memory_holds_the_model_and_a_result_once(pieces):
    command = [sys.executable, "-c", MEASURE, pieces]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout.splitlines()[-1])
    loaded = facts["load_peak_rss_bytes"] - facts["base_rss_bytes"]
    peak = facts["peak_rss_bytes"] - facts["base_rss_bytes"]
    assert 95 * MIB < loaded < 125 * MIB
    assert 135 * MIB < peak < 170 * MIB
