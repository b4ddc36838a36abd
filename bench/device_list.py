"""What there is to measure on, and whether it is fit for it."""

from collections.abc import Iterator, Mapping

from devices.conditions import read_conditions
from devices.discovery import Notify, attached, link_to
from devices.doctor import Finding, examine
from devices.host import host_info
from devices.kinds import HERE, find_profile
from devices.profiles import load_profiles, matching
from devices.tables import Table


def known_profiles(own: Mapping[str, Table]) -> list[dict[str, str]]:
    """List every profile, this machine's first."""
    here = [{"name": name, "title": find_profile(name, own).title} for name in HERE]
    phones = load_profiles(own).values()
    return here + [{"name": profile.name, "title": profile.title} for profile in phones]


def attached_devices(own: Mapping[str, Table], notify: Notify) -> list[dict[str, object]]:
    """List this machine, and every phone that can be seen, with its state."""
    info = host_info("host", "host")
    gib = info.memory_bytes / (1 << 30)
    found: list[dict[str, object]] = [
        {"name": "host", "model": info.model, "memory": f"{gib:.0f} GiB", "os": info.os}
    ]
    profiles = load_profiles(own)
    for phone in attached(profiles, notify):
        fitting = matching(profiles, phone.properties)
        entry: dict[str, object] = {
            "name": fitting[0].name if fitting else "no profile fits",
            "address": phone.address,
            "model": phone.properties.get("ro.product.model", ""),
            "problem": phone.problem,
        }
        if not phone.problem:
            conditions = read_conditions(link_to(phone.address, notify))
            entry |= {name: value for name, value in vars(conditions).items() if value is not None}
        found.append(entry)
    return found


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
