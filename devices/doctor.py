"""Everything that a run on a phone or a board needs, checked one by one, with remedies."""

import contextlib
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from devices.android import BASE, identity_of, is_emulated
from devices.bundle import Bundle, build_bundle
from devices.claim import claimed
from devices.composed import files_of
from devices.conditions import (
    LOW_BATTERY_PERCENT,
    Conditions,
    Discipline,
    is_hot,
    read_conditions,
)
from devices.cores import (
    USUAL_PAGE_BYTES,
    canary_ms,
    fast_cores,
    granted_cores,
    page_size_bytes,
)
from devices.discovery import Notify, find, link_to
from devices.elf import load_alignment
from devices.linux import open_linux
from devices.load import TOLERATED_SHARE, busy_share
from devices.profiles import Profile, soc_of
from devices.runner_call import NOT_STARTED, crashed
from devices.shell import SIGNALLED, Link, printable, whole_number
from devices.ssh import SshLink
from devices.state import prepared, restore
from devices.store import Store
from devices.wakefulness import over_network
from model.errors import HarnessError

OK, WARNING, PROBLEM = "ok", "warning", "problem"
ROOM_BYTES = 200_000_000  # bundle, model and results
MEMORY_BYTES = 500_000_000
FIRST_THERMAL_SDK = 29  # Android 10
TOOLS = ("cat", "df", "du", "grep", "kill", "ls", "mkdir", "mv", "readlink", "rm", "sha256sum")
RUNNER_USAGE = 2  # its exit status without arguments
ALIGNED_BYTES = 65536  # what linkers for arm64 take by default
AGAIN = "`bench devices --clean` removes our folder from the device; then try again"
HELP = 1  # that of gflags, which ExecuTorch's own runners use, when asked for help


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: What was looked at.
        state: "ok", "warning" (a run works and will say so) or "problem" (it will not work).
        detail: What was seen.
        remedy: What to do; empty where all is well.
        facts: What was measured, for programs: JSON values by name.
    """

    check: str
    state: str
    detail: str
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Patient:
    """A phone or a board that is looked at.

    Attributes:
        profile: What it should be.
        link: Reaches it.
        store: Its folder of ours.
        properties: What a phone says of itself.
        conditions: Its state.
        bundle_for: Gives the runner for an instruction set.
    """

    profile: Profile
    link: Link
    store: Store
    properties: Mapping[str, str]
    conditions: Conditions
    bundle_for: Callable[[str], Bundle]


def examine(
    profile: Profile,
    notify: Notify = lambda _: None,
    bundle_for: Callable[[str], Bundle] = build_bundle,
    further: "Checks" = (),
) -> Iterator[Finding]:
    """Check a phone or a board and say what is wrong; nothing that it does raises an error.

    What is found has no control characters, whatever the device has said.

    Args:
        profile: Which one.
        notify: Called with a sentence when somebody has to do something about it.
        bundle_for: Gives the runner for an instruction set.
        further: Checks after the doctor's own.

    Yields:
        One finding after the other, as they are made.
    """
    for found in examined(profile, notify, bundle_for, further):
        yield replace(found, detail=printable(found.detail), remedy=printable(found.remedy))


def examined(
    profile: Profile, notify: Notify, bundle_for: Callable[[str], Bundle], further: "Checks"
) -> Iterator[Finding]:
    """Check a phone or a board: see `examine`; findings may repeat what the device has said."""
    yield build(profile, bundle_for)
    begin = time.monotonic()
    try:
        if profile.kind == "linux":
            patient = board(profile, bundle_for)
        else:
            patient = phone(profile, notify, bundle_for)
    except HarnessError as error:
        yield Finding("connection", PROBLEM, str(error), "docs/phones.md, 'Connect'")
        return
    took_ms = (time.monotonic() - begin) * 1e3
    yield Finding("connection", OK, f"{patient.link.address} answered within {took_ms:.0f} ms")
    with contextlib.ExitStack() as stack:
        try:  # a run that is under way would be measured with what checks change
            identity = identity_of(patient.properties, patient.link.address)
            stack.enter_context(claimed(identity, patient.link.address))
        except HarnessError as error:
            yield Finding("in use", PROBLEM, str(error), "wait until the other run ends")
            return
        own = CHECKS_OF_BOARDS if profile.kind == "linux" else CHECKS_OF_PHONES
        for check in (*own, *further):
            try:
                yield check(patient)
                if check is leftovers:  # what was frozen is live again
                    patient = replace(patient, conditions=read_conditions(patient.link))
            except HarnessError as error:
                name = check.__name__.replace("_", " ")
                yield Finding(name, PROBLEM, str(error), AGAIN)


def build(profile: Profile, bundle_for: Callable[[str], Bundle]) -> Finding:
    """Build the runner, which needs no device yet, or look for one's own."""
    try:
        if profile.runner:
            return Finding("build", OK, f"{len(files_of(Path(profile.runner)))} files of your own")
        bundle = bundle_for(profile.abi)
    except HarnessError as error:
        return Finding("build", PROBLEM, str(error), "docs/runner.md, 'Building it'")
    size = sum(path.stat().st_size for path in bundle.files.values())
    return Finding("build", OK, f"a runner for {profile.abi}, {size / 1e6:.1f} MB")


def phone(profile: Profile, notify: Notify, bundle_for: Callable[[str], Bundle]) -> Patient:
    """Find a phone and read its state."""
    found = find(profile, notify)
    link = link_to(found.address, notify)
    store = Store(link, BASE)
    return Patient(profile, link, store, found.properties, read_conditions(link), bundle_for)


def board(profile: Profile, bundle_for: Callable[[str], Bundle]) -> Patient:
    """Connect to a board and read its state."""
    device = open_linux(profile)
    link = SshLink(profile.address)
    return Patient(profile, link, device.store, {}, read_conditions(link), bundle_for)


def leftovers(patient: Patient) -> Finding:
    """Put right what an interrupted run left."""
    if restore(patient.link, patient.store.base):
        return Finding(
            "leftovers", OK, "an earlier run was cut off; battery service and clocks restored"
        )
    return Finding("leftovers", OK, "none")


def system(patient: Patient) -> Finding:
    """Look at what runs there."""
    said = patient.properties
    version = f"Android {said.get('ro.build.version.release', 'unknown')}"
    if is_emulated(said):
        return Finding("system", WARNING, f"{version}, emulated", "times mean nothing: use a phone")
    if said.get("ro.build.type", "user") != "user":
        return Finding(
            "system", WARNING, f"{version}, not a user build", "its speed is not that of a product"
        )
    return Finding("system", OK, version)


def tools(patient: Patient) -> Finding:
    """Look for the commands that a run uses."""
    looking = "; ".join(f"command -v {tool} >/dev/null || echo {tool}" for tool in TOOLS)
    missing = patient.link.run(looking).stdout.split()
    if missing:
        return Finding("tools", PROBLEM, f"missing: {' '.join(missing)}", "update Android")
    if canary_ms(patient.link, 0) is None:
        return Finding("tools", WARNING, "no clock in nanoseconds", "slowing down goes unnoticed")
    return Finding("tools", OK, "all there")


def room(patient: Patient) -> Finding:
    """Look at free storage."""
    free_bytes = patient.store.free_bytes()
    if free_bytes is None:
        return Finding("room", WARNING, "unknown", "look at the phone's storage settings")
    detail = f"{free_bytes / 1e6:.0f} MB free"
    if free_bytes < ROOM_BYTES:
        return Finding("room", PROBLEM, detail, "make room, or `bench devices --clean`")
    return Finding("room", OK, detail)


def memory(patient: Patient) -> Finding:
    """Look at free memory."""
    available_bytes = patient.conditions.available_bytes
    if available_bytes is None:
        return Finding("memory", WARNING, "unknown", "close all apps")
    detail = f"{available_bytes / 1e6:.0f} MB available"
    if available_bytes < MEMORY_BYTES:
        return Finding("memory", WARNING, detail, "close all apps, or restart the phone")
    return Finding("memory", OK, detail)


def temperature(patient: Patient) -> Finding:
    """Look at temperature and throttling."""
    conditions, ceiling = patient.conditions, patient.profile.discipline.max_battery_c
    if conditions.thermal_override:
        return Finding(
            "temperature", PROBLEM, "the status is overridden", "adb shell cmd thermalservice reset"
        )
    if conditions.thermal_status is None:
        sdk = whole_number(r"^(\d+)$", patient.properties.get("ro.build.version.sdk", ""))
        old = sdk is not None and sdk < FIRST_THERMAL_SDK
        remedy = "Android 10 or newer tells it" if old else "throttling is judged by a workload"
        return Finding("temperature", WARNING, "no thermal status: nothing measures it", remedy)
    detail = f"thermal status {conditions.thermal_status}"
    if conditions.battery_c is not None:
        detail += f", battery {conditions.battery_c:g} °C ({conditions.battery_source})"
    if is_hot(conditions, patient.profile.discipline):
        return Finding("temperature", WARNING, detail, f"let it cool below {ceiling} °C")
    if conditions.battery_c is None:
        return Finding(
            "temperature", WARNING, f"{detail}, battery unknown", "no repeat waits for it to cool"
        )
    return Finding("temperature", OK, detail)


def battery(patient: Patient) -> Finding:
    """Look at the battery, and whether its state is live and free of a charger."""
    told = patient.conditions
    if told.updates_stopped:
        return Finding(
            "battery",
            WARNING,
            "its state is frozen by another program",
            "adb shell dumpsys battery reset",
        )
    if told.battery_percent is None:
        return Finding("battery", WARNING, "the phone does not tell", "look at its screen")
    detail = f"{told.battery_percent} %"
    if told.battery_percent < LOW_BATTERY_PERCENT:
        return Finding("battery", WARNING, detail, "charge it first")
    if told.powered:
        return Finding(
            "battery",
            WARNING,
            f"{detail}, a charger is connected, which heats it",
            "measure over Wi-Fi, or accept the warning CHARGING",
        )
    return Finding("battery", OK, detail)


def clocks(patient: Patient) -> Finding:
    """Look whether clocks can be read, and pinned."""
    if not patient.conditions.max_clocks_khz:
        return Finding("clocks", WARNING, "not readable", "pinning them cannot be verified")
    pinning = Discipline(hide_charger=False, pin_clocks=True)
    with prepared(patient.link, patient.store.base, pinning) as warnings:
        pinned = "CLOCKS_PINNED" in warnings
    highest_ghz = max(patient.conditions.max_clocks_khz) / 1e6
    detail = f"up to {highest_ghz:.2f} GHz; fixed-performance mode {'works' if pinned else 'fails'}"
    if pinned:
        return Finding("clocks", OK, detail)
    return Finding("clocks", WARNING, detail, "leave pin_clocks off")


def awake(patient: Patient) -> Finding:
    """Look whether the phone is awake and stays so."""
    told = patient.conditions.wakefulness
    if told.dozing:
        return Finding(
            "awake", WARNING, "in doze", "wake it, or adb shell dumpsys deviceidle disable"
        )
    if told.screen_on:
        return Finding("awake", WARNING, "the screen is on", "with a cable, switch it off")
    if told.screen_on is None:
        return Finding("awake", WARNING, "the phone does not tell", "keep its screen as it is")
    if told.may_sleep and over_network(patient.link.address):
        return Finding(
            "awake",
            WARNING,
            "the screen is off and no wake lock is held: the phone may sleep",
            "keep the screen on, or use a cable",
        )
    if told.wake_lock is None and over_network(patient.link.address):
        return Finding(
            "awake",
            WARNING,
            "the screen is off, and the phone does not tell of wake locks: it may sleep",
            "keep the screen on, or use a cable",
        )
    return Finding("awake", OK, "the screen is off; a cable or a wake lock keeps it running")


def load(patient: Patient) -> Finding:
    """Look how busy other programs keep the phone."""
    share = busy_share(patient.link)
    if share is None:
        return Finding("load", WARNING, "unknown", "close all apps")
    detail = f"{share:.0%} of all cores' time used"
    if share > TOLERATED_SHARE:
        return Finding("load", WARNING, detail, "close all apps, wait until updates are done")
    return Finding("load", OK, detail)


def cores(patient: Patient) -> Finding:
    """Look which cores are fast, and whether the kernel lets a program run on them."""
    mask = fast_cores(patient.link, soc_of(patient.properties))
    if not mask:
        return Finding("cores", WARNING, "speeds unknown", "the runner runs on whichever cores")
    detail = f"fast ones: mask {mask:x}, {mask.bit_count()} of them"
    granted = granted_cores(patient.link, mask)
    if granted is None:
        return Finding("cores", WARNING, "no taskset", "slowing down is judged on any core")
    if granted != mask:
        given = f"gives {granted:x}" if granted else "refuses it"
        return Finding(
            "cores", WARNING, f"{detail}; the kernel {given}", "wake the phone and try again"
        )
    return Finding("cores", OK, detail)


def pages(patient: Patient) -> Finding:
    """Look whether the runner's files can be mapped by a kernel with such pages."""
    size_bytes = page_size_bytes(patient.link)
    if size_bytes is None:
        return Finding("pages", WARNING, "their size is unknown", "the runner may not be loaded")
    facts = {"page_size_bytes": size_bytes}
    alignments = {name: load_alignment(path) for name, path in runner_files(patient).items()}
    coarse = [name for name, align in alignments.items() if align and align < size_bytes]
    size = f"{size_bytes // 1024} KiB"
    if coarse:
        remedy = f"link it with -Wl,-z,max-page-size={max(size_bytes, ALIGNED_BYTES)}"
        detail = f"of {size}, and {coarse[0]} is aligned for smaller ones: it cannot be loaded"
        return Finding("pages", PROBLEM, detail, remedy, facts)
    if size_bytes > USUAL_PAGE_BYTES:
        remedy = "compare memory only between devices with such pages"
        return Finding(
            "pages", WARNING, f"of {size}; the runner is aligned for them", remedy, facts
        )
    return Finding("pages", OK, f"of {size}", facts=facts)


def runner_files(patient: Patient) -> Mapping[str, Path]:
    """Name the files of the runner that a run would push."""
    if patient.profile.runner:
        return files_of(Path(patient.profile.runner))
    return patient.bundle_for(patient.profile.abi).files


def runner(patient: Patient) -> Finding:
    """Bring the runner to the device and start it."""
    own = Path(patient.profile.runner)
    folder = patient.store.put(runner_files(patient))
    if patient.profile.runner:
        start = f"LD_LIBRARY_PATH=. exec {shlex.quote(f'./{own.name}')} --helpshort"
    else:
        start = f"exec {shlex.join(patient.bundle_for(patient.profile.abi).command)}"
    result = patient.link.run(f"cd {shlex.quote(folder)} && {start}")
    if result.code != (HELP if patient.profile.runner else RUNNER_USAGE):
        if result.code > SIGNALLED:
            how = crashed(result.code - SIGNALLED)
        else:
            how = f"ends with status {result.code}{denial(patient.link)}"
        said = printable(result.stderr.strip(), 200)
        return Finding("runner", PROBLEM, f"{how}: {said or 'without a word'}", NOT_STARTED)
    return Finding("runner", OK, f"starts; {patient.store.pushed_bytes / 1e6:.1f} MB pushed")


def denial(link: Link) -> str:
    """Quote what SELinux last denied in our folder; empty where the log tells of nothing.

    Source of the form: Linux, security/selinux/avc.c, avc_dump_av and avc_audit_pre_callback.
    """
    command = "logcat -d -b all 2>/dev/null | grep 'avc: *denied' | grep -F mobilespeech-bench"
    lines = link.run(f"{command} | tail -n 1").stdout.strip().splitlines()
    found = re.search(r"avc: *denied *\{[^}]{1,100}\}", lines[-1]) if lines else None
    return f"; SELinux says `{printable(found.group(), 120)}`" if found else ""


Checks = Sequence[Callable[[Patient], Finding]]
CHECKS_OF_BOARDS: Checks = (tools, room, memory, cores, pages, runner)
CHECKS_OF_PHONES: Checks = (
    leftovers,
    system,
    tools,
    room,
    memory,
    temperature,
    battery,
    clocks,
    awake,
    load,
    cores,
    pages,
    runner,
)
