"""Which phones are there, and which of them a profile means."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from devices.adb import UDEV, AdbLink, usb_phones
from devices.adb_server import AdbServerLink, server_devices, server_problem
from devices.profiles import Profile
from devices.shell import Link, output_of
from model.errors import ConfigError, DeviceError, DeviceUnavailableError

Notify = Callable[[str], None]
STATES = {
    "unauthorized": "it has not accepted the adb server's key: look at its screen",
    "offline": "the adb server calls it offline: plug it in anew, or restart it",
    "no permissions": UDEV,
}


@dataclass(frozen=True)
class Attached:
    """A phone that was found.

    Attributes:
        address: Where it is.
        properties: What it says of itself; empty where it says nothing.
        problem: Why it cannot be used; empty where it can.
    """

    address: str
    properties: Mapping[str, str]
    problem: str = ""


def link_to(address: str, notify: Notify) -> Link:
    """Make the link that an address asks for."""
    if address.startswith("server:"):
        return AdbServerLink(address)
    return AdbLink(address, notify=notify)


def addresses(named: Iterable[str] = ()) -> Sequence[str]:
    """Return where phones may be: what is on USB, what an adb server holds, and what is named.

    Args:
        named: Addresses and serial numbers, such as those of profiles and of ANDROID_SERIAL.
    """
    held = server_devices()
    found = [f"server:{serial}" for serial in held]
    found += [f"usb:{serial}" for serial in usb_phones().serials if serial not in held]
    serials = {address.partition(":")[2] for address in found}
    found += [address for address in named if ":" in address and address not in serials]
    return list(dict.fromkeys(found))


def look(address: str, notify: Notify) -> Attached:
    """Ask the phone at an address what it is."""
    state = server_devices().get(address.removeprefix("server:"), "device")
    if address.startswith("server:") and state != "device":
        words = (text for name, text in STATES.items() if state.startswith(name))
        return Attached(address, {}, next(words, f"the adb server calls it {state}"))
    try:
        return Attached(address, read_properties(link_to(address, notify)))
    except (DeviceError, DeviceUnavailableError) as error:
        return Attached(address, {}, str(error))


def read_properties(link: Link) -> Mapping[str, str]:
    """Ask a phone for its properties."""
    lines = output_of(link, "getprop").splitlines()
    pairs = (line[1:-1].partition("]: [") for line in lines if line[:1] == "[" and line[-1] == "]")
    return {key: value for key, _, value in pairs}


def attached(profiles: Mapping[str, Profile], notify: Notify) -> Sequence[Attached]:
    """Find all phones: on USB, at an adb server, at ANDROID_SERIAL and at profiles' addresses."""
    named = [profile.address for profile in profiles.values() if profile.kind == "android"]
    everywhere = addresses([*named, os.environ.get("ANDROID_SERIAL", "")])
    blocked = [] if server_devices() else [Attached("usb", {}, x) for x in usb_phones().blocked]
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [*pool.map(lambda address: look(address, notify), everywhere), *blocked]


def find(profile: Profile, notify: Notify) -> Attached:
    """Find the one phone that a profile means.

    Its address, or else ANDROID_SERIAL, tells apart phones of one model.

    Raises:
        DeviceUnavailableError: There is none; the message says what is there instead.
        ConfigError: There are several.
    """
    wanted = profile.address or os.environ.get("ANDROID_SERIAL", "")
    candidates = [x for x in addresses([wanted]) if not wanted or is_at(x, wanted)]
    seen = [look(address, notify) for address in candidates]
    why_not = {x.address: x.problem or profile.mismatch(x.properties) for x in seen}
    fitting = [x for x in seen if not why_not[x.address]]
    if len({x.properties.get("ro.serialno") or x.address for x in fitting}) > 1:
        raise ConfigError(
            f"several phones fit {profile.name!r}: {', '.join(x.address for x in fitting)}; name"
            f" one in ANDROID_SERIAL, or as address in bench.toml [devices.{profile.name}]"
        )
    if not fitting:
        reasons = [f"{address}: {reason}" for address, reason in why_not.items()]
        reasons += usb_phones().blocked if reasons else [why_none()]
        raise DeviceUnavailableError(
            f"no {profile.title or profile.name} found"
            f" ({'; '.join(reasons)}). Plug one in with USB debugging on, or name its address in"
            f" bench.toml [devices.{profile.name}] or ANDROID_SERIAL"
        )
    return fitting[0]


def why_none() -> str:
    """Say why no phone is seen: what keeps us from an adb server's phones and from those on USB."""
    usb = usb_phones()
    reasons = [server_problem(), *usb.blocked, usb.problem]
    if not (usb.serials or usb.blocked or usb.problem):
        reasons.append("no phone on USB")
    return "; ".join(filter(None, reasons))


def is_at(address: str, wanted: str) -> bool:
    """Say whether an address is the one that was asked for, by itself or by its serial number."""
    return wanted in (address, address.partition(":")[2])
