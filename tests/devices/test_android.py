"""The kind `android`, against a real adbd with a runner that is a script."""

import pytest
from standin_phone.fake_runner import fake_bundle, fake_job

from devices.android import BASE, Android
from devices.base import Schedule
from devices.discovery import find, link_to
from devices.profiles import load_profiles

pytestmark = pytest.mark.slow
SCHEDULE = Schedule(warmup=1, iterations=1, threads=3)


def open_phone(phone, bundle, profile="standin-amd64", discipline=None):
    own = {profile: {"address": phone.address}}
    found = find(load_profiles(own)[profile], print)
    link = link_to(found.address, print)
    return Android(load_profiles(own)[profile], link, found.properties, discipline, lambda _: bundle)


def test_a_repeat_on_a_phone_brings_back_what_the_runner_left(phone_amd64, tmp_path):
    device = open_phone(phone_amd64, fake_bundle(tmp_path / "bundle"))
    repeat = device.measure(fake_job(tmp_path), SCHEDULE)
    assert (repeat.threads, repeat.load_ms, repeat.trials[0].wall_ms) == (3, 3.5, 8.0)
    assert repeat.codes.shape == (8, 2)
    assert repeat.waveform.shape == (640,)
    assert repeat.warnings == ("EMULATED",)
    assert device.info().emulated
