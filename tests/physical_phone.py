"""The phone that is attached to this machine, for `pytest -m device`, or the reason why none is."""

import os
from dataclasses import dataclass

from devices.android import is_emulated
from devices.discovery import attached, is_at, why_none
from devices.profiles import load_profiles, matching


class NoPhoneError(Exception):
    """There is no phone to measure on; the message says why."""


@dataclass(frozen=True)
class PhysicalPhone:
    """A phone: where it is, and the profile that fits it best."""

    address: str
    profile: str


def physical_phone(markers: str) -> PhysicalPhone:
    """Find the phone that is attached, or the one that ANDROID_SERIAL names.

    Args:
        markers: pytest's option -m; a phone is measured only where it is asked for.

    Raises:
        NoPhoneError: None is asked for, or none can be used.
    """
    if "device" not in markers or "not device" in markers:
        raise NoPhoneError("a physical phone is measured by `pytest -m device` alone")
    profiles, named = load_profiles(), os.environ.get("ANDROID_SERIAL", "")
    seen = [x for x in attached(profiles, print) if not named or is_at(x.address, named)]
    # An emulated phone is measured only where it is named.
    fitting = [
        phone
        for phone in seen
        if matching(profiles, phone.properties) and (named or not is_emulated(phone.properties))
    ]
    if not fitting:
        problems = "; ".join(f"{x.address}: {x.problem or 'no profile fits'}" for x in seen)
        raise NoPhoneError(f"no phone: {problems or why_none()}")
    first = fitting[0]
    return PhysicalPhone(first.address, matching(profiles, first.properties)[0].name)
