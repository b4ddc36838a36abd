"""What `bench doctor --verify` found, as a table and as a document without personal data."""

import contextlib
import getpass
import os
import re
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from devices.discovery import addresses
from devices.doctor import Finding
from devices.profiles import Profile, load_profiles

FORMAT = 1
SHORTEST = 3  # shorter names are parts of ordinary words
# Addresses that no list of names can know.
PATTERNS = (
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b"), "ADDRESS"),
    (re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", re.IGNORECASE), "ADDRESS"),
    (re.compile(r"\b(usb|server):[\w.:\[\]-]+"), r"\1:SERIAL"),
    (re.compile(r"\beng\.[\w-]+"), "eng.USER"),  # the builder of an Android of one's own
)
Clean = Callable[[str], str]


def personal_names(profile: Profile) -> Mapping[str, str]:
    """Return what tells this machine, its user and its phones from others, with a word for each."""
    named = [profile.address, os.environ.get("ANDROID_SERIAL", "")]
    serials = [address.partition(":")[2] for address in addresses(named)]
    names = dict.fromkeys([*named, *serials], "SERIAL")
    host = socket.gethostname()
    names |= dict.fromkeys([host, host.partition(".")[0]], "HOST")
    with contextlib.suppress(OSError, KeyError):  # a user without a name
        names[getpass.getuser()] = "USER"
    return {name: word for name, word in names.items() if len(name) >= SHORTEST}


def cleaner(names: Mapping[str, str]) -> Clean:
    """Make a function that takes personal names and addresses out of a text."""
    home = str(Path.home())
    longest_first = sorted(names, key=len, reverse=True)

    def clean(text: str) -> str:
        if len(home) > 1:
            text = text.replace(home, "~")
        for name in longest_first:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", names[name], text)
        for pattern, word in PATTERNS:
            text = pattern.sub(word, text)
        return text

    return clean


def cleaned(value: Any, clean: Clean) -> Any:  # noqa: ANN401 - JSON
    """Clean every text in a JSON value."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {key: cleaned(inner, clean) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(inner, clean) for inner in value]
    return value


def document(profile: Profile, findings: Iterable[Finding], clean: Clean) -> dict[str, Any]:
    """Make one JSON document of what was found on a device.

    Args:
        profile: Of the device; a name of one's own is left out.
        findings: What was found.
        clean: Takes personal names out.
    """
    known = profile.name if profile.name in load_profiles() else f"like {profile.like or 'none'}"
    return {
        "format": FORMAT,
        "profile": known,
        "kind": profile.kind,
        "versions": {name: installed(name) for name in ("mobilespeech-bench", "executorch")},
        "findings": [cleaned(asdict(finding), clean) for finding in findings],
    }


def installed(package: str) -> str:
    """Return the version of a package; empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def table(findings: Sequence[Finding]) -> str:
    """Write findings as a table of columns."""
    from rich.console import Console
    from rich.table import Table

    made = Table(box=None, pad_edge=False, show_edge=False)
    for column in ("state", "check", "found", "what to do"):
        made.add_column(column, overflow="fold")
    for found in findings:
        made.add_row(found.state, found.check, found.detail, found.remedy)
    console = Console(markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        console.print(made)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
