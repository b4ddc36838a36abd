"""What a measurement assumes of a phone or a board, tried on it: `bench doctor --verify`.

The doctor's own checks ask whether a run will work. These try the assumptions behind a run's
numbers, each by its effect: what was asked for is read back.
"""

import itertools
import math
import re

from devices.android import is_emulated
from devices.battery import READ_SERVICE, read_battery
from devices.conditions import Discipline
from devices.cores import CANARY_RATIO, READ_CORES, canary_ms, fast_cores
from devices.doctor import OK, PROBLEM, WARNING, Checks, Finding, Patient
from devices.linux import ASK
from devices.profiles import soc_of
from devices.shell import SIGNALLED, Link, printable
from devices.state import prepared
from devices.thermal import read_thermal

SEGMENTATION_FAULT = SIGNALLED + 11
CANARY_RUNS = 10
CLOCK_READINGS = 12
COARSEST_TICK_NS = 1_000_000  # a hundredth of what the fixed workload takes, or less
REPORT_IT = "please report it, with this file"
# Starts a child on one core after the other and reads back, from outside it, on which it ran: field
# 3 is its state, field 39 the core (proc_pid_stat(5)). A child that was refused is a zombie.
PLACE_CHILDREN = """
for cpu in {cores}; do
  taskset $(printf %x $((1 << cpu))) sleep 5 2>/dev/null & child=$!
  sleep 0.3
  echo "cpu$cpu $(cut -d' ' -f3,39 /proc/$child/stat 2>/dev/null)"
  kill $child 2>/dev/null
done
"""
COUNT_READABLE = """
for file in {pattern}; do [ -e "$file" ] && echo there; cat "$file" >/dev/null 2>&1 && echo read
done
"""
CPU = "/sys/devices/system/cpu/cpu[0-9]*"


def device(patient: Patient) -> Finding:
    """Say what was verified, by what it says of itself and without what tells it from others."""
    said, link = patient.properties, patient.link
    release = re.match(r"\d+\.\d+", link.run("uname -r").stdout)
    if said:
        system = f"Android {said.get('ro.build.version.release', 'unknown')}"
        model = f"{said.get('ro.product.manufacturer', '')} {said.get('ro.product.model', '')}"
    else:
        asked = dict(re.findall(r"^(\w+)=(.*)$", link.run(ASK).stdout, re.MULTILINE))
        system, model = asked.get("os", "Linux"), asked.get("model", "")
    facts = {
        "model": printable(model.strip() or "unknown", 100),
        "system": printable(system, 100),
        "kernel": release.group() if release else "",
        "abi": printable(said.get("ro.product.cpu.abi", patient.profile.abi), 40),
        "emulated": is_emulated(said),
    }
    for name in (
        "product.device",
        "build.version.sdk",
        "build.version.security_patch",
        "soc.model",
    ):
        facts[name] = printable(said.get(f"ro.{name}", ""), 40)
    return Finding(
        "device", OK, f"{facts['model']}, {facts['system']}, {facts['abi']}", facts=facts
    )


def shell(patient: Patient) -> Finding:
    """Try that a command's status and its two outputs come back apart."""
    ended = patient.link.run("echo out; echo err >&2; exit 42")
    crashed = patient.link.run("kill -SEGV $$").code
    found = (ended.code, ended.stdout, ended.stderr, crashed)
    if found != (42, "out\n", "err\n", SEGMENTATION_FAULT):
        detail = f"status, outputs and signal come back as {printable(repr(found), 100)}"
        return Finding("shell", PROBLEM, detail, f"failures go unnoticed: {REPORT_IT}")
    return Finding("shell", OK, "status, both outputs and a signal come back (shell v2)")


def thermal(patient: Patient) -> Finding:
    """Look at what tells of heat: the thermal service with its HAL, and the kernel's zones."""
    told = read_thermal(patient.link)
    there, read = readable(patient.link, "/sys/class/thermal/thermal_zone*/temp")
    zones = f"{read} of {there} zones readable"
    facts = {"hal_ready": told.hal_ready, "status": told.status, "zones": [read, there]}
    remedy = "rows say THERMAL_UNKNOWN: judge by SLOWED"
    if told.hal_ready is None:
        detail = f"no thermal service tells of a HAL; {zones}"
        return Finding("thermal", WARNING, detail, remedy, facts)
    if not told.hal_ready:
        detail = f"the thermal service has no HAL, so that its status of 0 means unknown; {zones}"
        return Finding("thermal", WARNING, detail, remedy, facts)
    if told.status is None:
        detail = f"the thermal HAL reports no throttling of the skin: 0 means unknown; {zones}"
        return Finding("thermal", WARNING, detail, remedy, facts)
    return Finding("thermal", OK, f"the thermal service has a HAL; {zones}", facts=facts)


def capacity(patient: Patient) -> Finding:
    """Look whether the cores' capacities can be read, and whether they tell the kinds apart."""
    return speeds(patient.link, "capacity", "cpu_capacity", 1)


def frequency(patient: Patient) -> Finding:
    """Look whether the cores' clocks can be read: the highest, the limit and the current one."""
    found = speeds(patient.link, "frequency", "cpuinfo_max_freq", 2)
    names = ("scaling_max_freq", "scaling_cur_freq")
    counts = {name: readable(patient.link, f"{CPU}/cpufreq/{name}") for name in names}
    detail = "; ".join(
        [found.detail, *(f"{name} of {read}/{there}" for name, (there, read) in counts.items())]
    )
    facts = {**found.facts, **{name: list(count) for name, count in counts.items()}}
    if found.state == OK and not all(read for _, read in counts.values()):
        return Finding("frequency", WARNING, detail, "throttling is seen by SLOWED alone", facts)
    return Finding("frequency", found.state, detail, found.remedy, facts)


def speeds(link: Link, check: str, name: str, column: int) -> Finding:
    """Look at one file about each core's speed."""
    rows = re.findall(r"^cpu(\d+) (\d*) ?@(\d*)$", link.run(READ_CORES).stdout, re.MULTILINE)
    values = [int(row[column][:18]) if row[column] else None for row in rows]
    told = [value for value in values if value is not None]
    facts = {name: values}
    detail = f"{name} of {len(told)}/{len(rows)} cores"
    if not told:
        return Finding(check, WARNING, f"{detail}: not readable", "the other file decides", facts)
    return Finding(check, OK, f"{detail}: {' '.join(map(str, sorted(set(told))))}", facts=facts)


def battery_updates(patient: Patient) -> Finding:
    """Try that the battery service stops its updates while a run hides the charger, and resumes.

    See `devices.battery` for what AOSP's service does.
    """
    link, check = patient.link, "battery updates"
    if "level:" not in link.run(READ_SERVICE).stdout:
        return Finding(check, WARNING, "there is no battery service", "the battery is not watched")
    if read_battery(link).updates_stopped:
        detail = "another program has frozen the battery service: it shows old values"
        return Finding(check, WARNING, detail, "adb shell dumpsys battery reset")
    with prepared(link, patient.store.base, Discipline(hide_charger=True)):
        during = read_battery(link)
    after = read_battery(link)
    facts = {
        "stopped": [during.updates_stopped, after.updates_stopped],
        "temperature_source": [during.source, after.source],
    }
    if after.updates_stopped:
        detail = "the battery service stays frozen after `dumpsys battery reset`"
        return Finding(check, PROBLEM, detail, f"restart the phone; {REPORT_IT}", facts)
    if not during.updates_stopped:
        detail = "`dumpsys battery unplug` does not stop them"
        return Finding(check, WARNING, detail, f"the charger is not hidden: {REPORT_IT}", facts)
    live = f"read from {during.source}" if during.source else "unknown"
    detail = f"they stop at `unplug` and resume at `reset`; temperature meanwhile: {live}"
    return Finding(check, OK, detail, facts=facts)


def affinity(patient: Patient) -> Finding:
    """Keep a child on each fast core in turn, and read back on which it ran."""
    link = patient.link
    mask = fast_cores(link, soc_of(patient.properties))
    listed = len(re.findall(r"^cpu\d+ ", link.run(READ_CORES).stdout, re.MULTILINE))
    cores = [core for core in range(64) if (mask or (1 << listed) - 1) >> core & 1]
    if link.run("command -v taskset && command -v cut").code != 0:
        return Finding("affinity", WARNING, "no taskset or no cut: not tried", "update Android")
    said = link.run(PLACE_CHILDREN.format(cores=" ".join(map(str, cores))), 120).stdout
    ran = {int(a): (state, int(b)) for a, state, b in re.findall(r"cpu(\d+) (\w) (\d+)", said)}
    refused = [core for core in cores if ran.get(core, ("Z", 0))[0] == "Z"]
    elsewhere = [core for core in cores if core not in refused and ran[core][1] != core]
    facts = {"cores": cores, "refused": refused, "elsewhere": elsewhere}
    if refused:
        detail = f"the kernel refuses cores {' '.join(map(str, refused))}"
        remedy = "wake the phone and try again; rows say CORES_REFUSED"
        return Finding("affinity", WARNING, detail, remedy, facts)
    if elsewhere:
        detail = f"children kept on cores {' '.join(map(str, elsewhere))} ran on others"
        return Finding("affinity", WARNING, detail, f"masks have no effect: {REPORT_IT}", facts)
    return Finding(
        "affinity", OK, f"takes effect on cores {' '.join(map(str, cores))}", facts=facts
    )


def timer(patient: Patient) -> Finding:
    """Look at the steps of the clock that times the fixed workload."""
    command = f"for n in {' '.join('x' * CLOCK_READINGS)}; do date +%s%N; done"
    said = patient.link.run(command).stdout
    stamps = [int(stamp) for stamp in re.findall(r"^\d{16,20}$", said, re.MULTILINE)]
    if len(stamps) != CLOCK_READINGS:
        detail = "`date` gives no nanoseconds"
        return Finding("timer", WARNING, detail, "SLOWED cannot be told: update Android")
    tick_ns = math.gcd(*stamps)
    facts = {"tick_ns": tick_ns, "least_step_ns": min(b - a for a, b in itertools.pairwise(stamps))}
    if facts["least_step_ns"] <= 0:
        return Finding("timer", WARNING, "the clock stands still or goes back", REPORT_IT, facts)
    if tick_ns > COARSEST_TICK_NS:
        detail = f"the clock's ticks are {tick_ns / 1e6:g} ms"
        return Finding("timer", WARNING, detail, "SLOWED is told late", facts)
    return Finding("timer", OK, f"ticks of {tick_ns} ns", facts=facts)


def canary(patient: Patient) -> Finding:
    """Time the fixed workload again and again: its spread must be below what SLOWED means."""
    link = patient.link
    mask = fast_cores(link, soc_of(patient.properties))
    core = 1 << (mask.bit_length() - 1) if mask else 0
    timed = [canary_ms(link, core) for _ in range(CANARY_RUNS)]
    runs_ms = [run for run in timed if run is not None]
    if len(runs_ms) < CANARY_RUNS:
        detail = f"timed {len(runs_ms)} of {CANARY_RUNS} times"
        return Finding("canary", WARNING, detail, "SLOWED cannot be told")
    ratio = max(runs_ms) / max(min(runs_ms), 1e-6)
    facts = {"runs_ms": [round(run, 3) for run in runs_ms]}
    detail = f"{min(runs_ms):.1f} to {max(runs_ms):.1f} ms in {CANARY_RUNS} runs, ratio {ratio:.3f}"
    if ratio > CANARY_RATIO:
        remedy = f"SLOWED begins at {CANARY_RATIO:.2f}: close apps, let the phone cool, try again"
        return Finding("canary", WARNING, detail, remedy, facts)
    return Finding("canary", OK, detail, facts=facts)


def readable(link: Link, pattern: str) -> tuple[int, int]:
    """Count files that are there, and those of them that can be read."""
    said = link.run(COUNT_READABLE.format(pattern=pattern)).stdout.split()
    return said.count("there"), said.count("read")


VERIFICATIONS_OF_BOARDS: Checks = (device, shell, capacity, frequency, affinity, timer, canary)
VERIFICATIONS_OF_PHONES: Checks = (
    device,
    shell,
    thermal,
    capacity,
    frequency,
    battery_updates,
    affinity,
    timer,
    canary,
)
