"""Everything that can go wrong between here and a phone: each ends in a named error, or finishes.

One table: a fault, and how it must end. A phone is a real adbd behind a relay that spoils the
connection; a daemon is a program of ours that speaks ADB and means harm.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from standin_phone.fake_runner import GOOD, SAY_OK, fake_bundle, fake_job
from standin_phone.fixtures import start
from standin_phone.phone import Phone
from standin_phone.relay import Relay

from devices.adb import AdbLink
from devices.android import BASE, Android
from devices.conditions import Discipline
from devices.discovery import find, link_to
from devices.profiles import load_profiles
from devices.schedule import Schedule
from devices.shell import CommandFailedError, UnauthorizedError
from model.errors import DeviceError, DeviceUnavailableError

SCHEDULE = Schedule(warmup=1, iterations=1, threads=1)
FINISHES = None


@dataclass
class Bench:
    """What a fault is made with."""

    phone: Phone
    relay: Relay
    folder: Path
    patch: pytest.MonkeyPatch

    limit_s: float = 60.0

    def device(self, behaviour: str = GOOD, bundle_bytes: int = 0) -> Android:
        """Open the phone through the relay, with a runner that behaves like this."""
        bundle = fake_bundle(self.folder / "bundle", behaviour)
        if bundle_bytes:
            (bundle.folder / "large.so").write_bytes(b"\0" * bundle_bytes)
        address = f"127.0.0.1:{self.relay.port}"
        discipline = Discipline(run_limit_s=self.limit_s)
        profile = replace(load_profiles()["standin-amd64"], address=address, discipline=discipline)
        found = find(profile, print)
        return Android(profile, link_to(found.address, print), found.properties, lambda _: bundle)

    def measure(self, behaviour: str = GOOD, bundle_bytes: int = 0, pte_bytes: int = 1000):
        """Run one repeat."""
        device = self.device(behaviour, bundle_bytes)
        return device.measure(fake_job(self.folder, pte_bytes), SCHEDULE)


FAULTS: list[object] = []


def fault(error: type[Exception] | None, says: str = "") -> Callable[[Callable], Callable]:
    """Put a fault into the table: how it must end, and what the message must say."""

    def add(make: Callable) -> Callable:
        FAULTS.append(pytest.param(make, error, says, id=make.__name__))
        return make

    return add


@pytest.fixture
def bench(phone_amd64, tmp_path, monkeypatch):
    monkeypatch.setattr("devices.patience.RETURN_S", 3.0)
    with Relay.to_port(phone_amd64.port) as relay:
        made = Bench(phone_amd64, relay, tmp_path, monkeypatch)
        yield made
        AdbLink(phone_amd64.address).run(f"rm -rf {BASE}")


# ---- Connecting ---------------------------------------------------------------------------------


@fault(DeviceUnavailableError, "Connection refused")
def nobody_listens(bench):
    bench.relay.close()
    bench.measure()


@fault(DeviceUnavailableError, "the connection failed")
def connection_closed_at_once(bench):
    bench.relay.faults.refuse = True
    bench.measure()


@fault(UnauthorizedError, "accept")
def key_unknown_and_nobody_accepts_it(bench):
    public_key = "QUFBQQ== somebody@else"
    with start("x86_64", public_key=public_key) as phone:
        AdbLink(phone.address, accept_s=1.0).run("true")


@fault(DeviceUnavailableError, "its ro.product.device is 'standin', not shiba")
def phone_of_another_model(bench):
    profile = replace(load_profiles()["pixel8"], address=f"127.0.0.1:{bench.relay.port}")
    find(profile, print)


@fault(DeviceUnavailableError, "in use by another run")
def phone_in_use_by_another_run(bench):
    device = bench.device()
    with device.claim():
        bench.measure()


# ---- Pushing ------------------------------------------------------------------------------------


@fault(FINISHES)
def connection_cut_while_pushing_and_back(bench):
    bench.relay.faults.cut_after = 1_000_000
    bench.measure(bundle_bytes=3_000_000)


@fault(DeviceUnavailableError)
def connection_cut_while_pushing_for_good(bench):
    bench.relay.faults.cut_after, bench.relay.faults.then = 1_000_000, "gone"
    bench.measure(bundle_bytes=3_000_000)


@fault(DeviceUnavailableError, "no answer")
def link_silent_while_pushing(bench):
    bench.patch.setattr("devices.adb.SILENCE_S", 1.0)
    bench.patch.setattr("devices.patience.ATTEMPTS", 1)
    bench.relay.faults.stall_after = 1_000_000
    bench.measure(bundle_bytes=3_000_000)


@fault(FINISHES)
def link_slow_while_pushing(bench):
    bench.relay.faults.rate = 1_500_000
    bench.measure(bundle_bytes=3_000_000)


@fault(FINISHES)
def daemon_restarts_while_pushing(bench):
    bench.relay.faults.cut_after, bench.relay.faults.strike = 1_000_000, bench.phone.kill_adbd
    bench.measure(bundle_bytes=3_000_000)


@fault(DeviceError, "MB left where")
def no_room_and_the_phone_says_so(bench):
    with start("x86_64", data_bytes=1_000_000) as phone, Relay.to_port(phone.port) as relay:
        replace(bench, phone=phone, relay=relay).measure(bundle_bytes=3_000_000)


@fault(DeviceError, "No space left on device")
def no_room_and_the_phone_does_not_say(bench):
    bench.patch.setattr("devices.store.Store.free_bytes", lambda _: None)
    with start("x86_64", data_bytes=1_000_000) as phone, Relay.to_port(phone.port) as relay:
        replace(bench, phone=phone, relay=relay).measure(bundle_bytes=3_000_000)


@fault(DeviceError, "arrived changed")
def content_changes_on_the_way(bench):
    push = AdbLink.push

    def corrupting(link, local, remote):
        push(link, local, remote)
        link.run(f"echo >> {remote}")

    bench.patch.setattr(AdbLink, "push", corrupting)
    bench.measure()


@fault(DeviceError, "Not a directory")
def our_folder_is_a_file(bench):
    device = bench.device()
    device._link.run(f"echo > {BASE}")
    device.measure(fake_job(bench.folder), SCHEDULE)


# ---- Running ------------------------------------------------------------------------------------


@fault(DeviceUnavailableError, "the connection failed")
def connection_cut_while_running(bench):
    bench.relay.faults.cut_reply_after = 100_000
    bench.measure("head -c 200000 /dev/zero; sleep 20")


@fault(DeviceUnavailableError)
def daemon_dies_while_running(bench):
    bench.measure("kill -9 $(pidof adbd); sleep 20")


@fault(FINISHES)
def runner_left_over_from_a_dead_program(bench):
    bench.relay.faults.cut_reply_after = 100_000
    left = "trap '' HUP; head -c 200000 /dev/zero; echo $$ > $out/../pid; exec sleep 1000"
    with pytest.raises(DeviceUnavailableError):
        bench.measure(left)
    bench.measure(GOOD)
    link = AdbLink(bench.phone.address)
    assert link.run(f"kill -0 $(cat {BASE}/pid)").code != 0
    assert "run-" not in link.run(f"ls {BASE}").stdout


@fault(FINISHES)
def silent_for_longer_than_adb_waits(bench):
    bench.measure("sleep 11" + GOOD)


@fault(CommandFailedError, "SIGSEGV")
def runner_crashes(bench):
    bench.measure("kill -SEGV $$")


@fault(CommandFailedError, r"SIGSYS \(seccomp forbids a system call")
def runner_makes_a_forbidden_system_call(bench):
    bench.measure("kill -SYS $$")


@fault(CommandFailedError, r"SIGILL \(the processor lacks an instruction")
def runner_meets_an_unknown_instruction(bench):
    bench.measure("kill -ILL $$")


@fault(CommandFailedError, "no log that can be read says by whom")
def runner_killed(bench):
    bench.measure("kill -KILL $$")


@fault(CommandFailedError, "over the limit of 2 s")
def runner_hangs(bench):
    try:
        replace(bench, limit_s=2.0).measure("echo $$ > $out/../pid; exec sleep 1000")
    finally:
        assert AdbLink(bench.phone.address).run(f"kill -0 $(cat {BASE}/pid)").code != 0


@fault(CommandFailedError, "the speech is too long")
def runner_gives_its_own_error(bench):
    bench.measure("""echo '{"error": "length", "what": "the speech is too long"}'; exit 12""")


@fault(CommandFailedError, "does not start the runner")
def runner_is_no_program(bench):
    bench.patch.setattr("standin_phone.fake_runner.LOADER", "\x7fELF nonsense")
    bench.measure()


@fault(CommandFailedError)
def runner_prints_garbage(bench):
    bench.measure("head -c 5000 /dev/urandom; exit 0")


@fault(DeviceError, "longer than")
def runner_prints_a_line_of_ten_megabytes(bench):
    bench.measure("head -c 10000000 /dev/zero")


@fault(DeviceError, "longer than")
def runner_never_stops_printing(bench):
    bench.measure("yes")


@fault(DeviceError, r"left no report\.json")
def runner_leaves_nothing(bench):
    bench.measure(SAY_OK)


@fault(DeviceError, "cannot be read")
def report_is_no_json(bench):
    bench.measure(GOOD + "echo '{\"format\": 1, ' > $out/report.json")


@fault(DeviceError, "cannot be read")
def report_is_no_text(bench):
    bench.measure(GOOD + "head -c 5000 /dev/urandom > $out/report.json")


@fault(DeviceError, "cannot be read")
def report_is_nested_without_end(bench):
    bench.measure(GOOD + "yes [ | head -c 400000 > $out/report.json")


@fault(DeviceError, "not of format")
def report_is_of_another_shape(bench):
    bench.measure(GOOD + "echo '\"format\"' > $out/report.json")


@fault(DeviceError, "the key 'load_ms' is missing")
def report_lacks_a_field(bench):
    bench.measure(GOOD + 'echo \'{"format": 1, "trials": []}\' > $out/report.json')


@fault(DeviceError, "threads must be a whole number")
def report_has_text_for_a_number(bench):
    bench.measure("""threads='"many"'""" + GOOD)


@fault(DeviceError, "sends more")
def report_is_far_too_long(bench):
    bench.measure(GOOD + "head -c 20000000 /dev/zero > $out/report.json")


@fault(DeviceError, r"left no codes\.bin")
def result_is_an_endless_device(bench):
    bench.measure(GOOD + "ln -sf /dev/zero $out/codes.bin")


@fault(DeviceError, "cannot be read")
def codes_are_cut_off(bench):
    bench.measure(GOOD + "head -c 31 /dev/zero > $out/codes.bin")


@fault(DeviceError, "unexpected name")
def trace_has_a_name_that_leads_elsewhere(bench):
    bench.device("touch $out/report.json $out/'..\\\\evil.etdump';" + SAY_OK).profile(
        fake_job(bench.folder), SCHEDULE
    )


# ---- Pulling ------------------------------------------------------------------------------------


@fault(FINISHES)
def connection_cut_while_pulling_and_back(bench):
    bench.relay.faults.cut_reply_after = 1_000_000
    bench.measure(GOOD + "head -c 4000000 /dev/zero > $out/waveform.bin")


@fault(DeviceUnavailableError)
def connection_cut_while_pulling_for_good(bench):
    bench.relay.faults.cut_reply_after, bench.relay.faults.then = 1_000_000, "gone"
    bench.measure(GOOD + "head -c 4000000 /dev/zero > $out/waveform.bin")


@fault(FINISHES)
def daemon_restarts_while_pulling(bench):
    bench.relay.faults.cut_reply_after, bench.relay.faults.strike = (
        1_000_000,
        bench.phone.kill_adbd,
    )
    bench.measure(GOOD + "head -c 4000000 /dev/zero > $out/waveform.bin")


@pytest.mark.slow
@pytest.mark.parametrize(("make", "error", "says"), FAULTS)
def test_every_fault_ends_in_its_named_error_or_in_a_finished_run(
    bench, make, error, says, record_property
):
    record_property("designed", error.__name__ if error else "the run finishes")
    if error is FINISHES:
        make(bench)
        return
    with pytest.raises(error) as caught:
        make(bench)
    record_property("said", str(caught.value))
    assert re.search(says, str(caught.value))
    assert str(caught.value).isprintable()
