"""What there is to measure on, and whether it is fit for it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from devices.discovery import Notify, why_none
from devices.doctor import Finding, examine
from devices.host import host_info
from devices.kinds import HERE, find_profile
from devices.overview import Overview, clean, survey
from devices.profiles import load_profiles
from model.errors import ConfigError
from model.toml_files import Table


def known_profiles(own: Mapping[str, Table]) -> list[dict[str, Any]]:
    """List every profile, this machine's first."""
    here = [{"name": name, "title": find_profile(name, own).title} for name in HERE]
    others = load_profiles(own).values()
    return here + [{"name": profile.name, "title": profile.title} for profile in others]


def attached_devices(own: Mapping[str, Table], notify: Notify) -> list[dict[str, Any]]:
    """List this machine, and every phone and board that can be seen, with its state."""
    info = host_info("host", "host")
    here = {"name": "host", "model": info.model, "os": info.os, "memory_bytes": info.memory_bytes}
    seen = survey(load_profiles(own), notify)
    if not seen:
        notify(f"no phone and no board is there: {why_none()}")
    return [here, *map(facts, seen)]


def facts(seen: Overview) -> dict[str, Any]:
    """Flatten a device at a glance; what it does not tell is left out."""
    told = seen.conditions
    state = {name: value for name, value in asdict(told).items() if value is not None}
    del state["wakefulness"]
    state |= {name: value for name, value in vars(told.wakefulness).items() if value is not None}
    return {
        "name": name_of(seen),
        "address": seen.address,
        "model": seen.model,
        "profiles": list(seen.profiles),
        "emulated": seen.emulated,
        **state,
        "free_bytes": seen.free_bytes,
        "used_bytes": seen.used_bytes,
        "problem": seen.problem,
    }


def name_of(seen: Overview) -> str:
    """Name a device by the first profile that it fits, or say why it has none."""
    if seen.profiles:
        return seen.profiles[0]
    return "cannot be used" if seen.problem else "no profile fits"


def cleaned_devices(own: Mapping[str, Table], notify: Notify) -> list[dict[str, Any]]:
    """Remove what is ours from every phone and board that can be seen, and list them."""
    return [
        {
            "name": one.address,
            "cleaned": not one.problem,
            "freed_bytes": one.freed_bytes,
            "problem": one.problem,
        }
        for one in clean(load_profiles(own), notify)
    ]


def examine_device(name: str, own: Mapping[str, Table], notify: Notify) -> Iterator[Finding]:
    """Check the device of a profile."""
    profile = find_profile(name, own)
    if profile.kind in HERE:
        from devices.bundle import build_bundle
        from devices.host_native import host_abi
        from model.errors import HarnessError

        yield Finding("connection", "ok", "this machine")
        try:
            bundle = build_bundle(host_abi())
            yield Finding("runner", "ok", f"built as {bundle.sha256[:16]}")
        except HarnessError as error:
            needed = "problem" if profile.kind == "host-native" else "warning"
            yield Finding("runner", needed, str(error), "only host-native and phones need it")
        return
    yield from examine(profile, notify=notify)


def verify_device(
    name: str, own: Mapping[str, Table], notify: Notify, output: Path | None
) -> tuple[Sequence[Finding], dict[str, Any]]:
    """Check the device of a profile, and try on it what a measurement assumes.

    Args:
        name: Of the profile.
        own: Tables of `bench.toml` [devices].
        notify: Told each finding's name as it is made, and what somebody has to do.
        output: Where to write the document; None for nowhere.

    Returns:
        What was found, and the document without personal data.

    Raises:
        ConfigError: The profile is this machine.
        ResultError: The document cannot be written.
    """
    from bench.commands.device_report import cleaner, document, personal_names
    from bench.commands.output import write_file
    from devices.verify import VERIFICATIONS_OF_BOARDS, VERIFICATIONS_OF_PHONES

    profile = find_profile(name, own)
    if profile.kind in HERE:
        raise ConfigError(f"--verify is for phones and boards; {name!r} is this machine")
    clean = cleaner(personal_names(profile))
    board = profile.kind == "linux"
    further = VERIFICATIONS_OF_BOARDS if board else VERIFICATIONS_OF_PHONES
    findings = []
    for finding in examine(profile, notify=notify, further=further):
        notify(f"{finding.check}: {finding.state}")
        findings.append(finding)
    found = document(profile, findings, clean)
    if output:
        write_file(output, json.dumps(found, indent=1) + "\n")
        notify(f"written to {output}, without serial numbers, addresses and names")
    return findings, found
